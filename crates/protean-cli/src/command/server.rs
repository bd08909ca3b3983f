//! `server`: handles messages, in one process or in several.

use std::pin::Pin;
use std::process::ExitCode;

use clap::Args;
use protean::Domain;
use protean::config::DatabaseKind;
use protean_engine::{HealthPage, Server};
use protean_observatory::Observatory;
use serde_json::json;
use tokio::sync::oneshot;
use tracing::{error, info};

use crate::idle::wait_until_idle;
use crate::image::{Image, take_name};
use crate::shutdown::{HangUps, Signals, Stop, stop_signal};
use crate::worker::{SUPERVISED, supervisor_stop, tell_ready};
use crate::workers::{Reason, Stopped, Workers};
use crate::{App, Error, Reply, Result};

/// More processes than this on one machine are a mistake.
const MAX_WORKERS: i64 = 64;

/// How the server runs.
#[derive(Args)]
pub(crate) struct Options {
    /// Handles all waiting messages, including retries, and stops
    #[arg(long)]
    test_mode: bool,
    /// Runs this many server processes and replaces any that dies
    #[arg(long, value_name = "N", default_value_t = 1,
          value_parser = clap::value_parser!(u16).range(1..=MAX_WORKERS))]
    workers: u16,
    /// Marks one of several processes: it stops when its standard input ends
    #[arg(long = SUPERVISED, hide = true)]
    supervised: bool,
}

pub(super) async fn run(options: &Options, app: &App) -> Result {
    let domain = app.domain()?;
    if options.workers == 1 || options.supervised {
        serve(options, app, domain).await
    } else {
        supervise(options, app, &domain).await
    }
}

/// Handles messages in this process.
async fn serve(options: &Options, app: &App, domain: Domain) -> Result {
    let supervised = options.supervised;
    if supervised {
        take_name();
    }
    let image = own_program()?;
    let asked = Asked::listen(supervised, image.clone())?;
    let (sender, stopped_by) = oneshot::channel();
    let watched = options.test_mode.then(|| domain.clone());
    let stop = async move {
        // The receiver is gone when the server failed before.
        let _ = sender.send(stop_reason(asked, watched).await);
    };
    let mut health = domain.config().server.health.clone();
    // Several processes cannot share a port, and each has its own health to report.
    health.port_auto_increment |= supervised;
    let mut page = HealthPage::open(&health).await;
    if domain.config().server.observatory.enabled {
        page = Observatory::of(&domain).beside(page);
        if let Some(at) = page.address() {
            info!(url = %format_args!("http://{at}/observatory/"), "serving the observatory");
        }
    }
    let mut server = app.server()?.with_health(page);
    if supervised {
        server = server.when_ready(tell_ready);
    }
    server.run(stop).await?;
    let stopped_by = match stopped_by.await {
        Ok(StoppedBy::Renewal(mut asked)) => match asked.stop_signal().await {
            None => {
                app.stop_export().await;
                return Err(not_renewed(&image.run_in_place()));
            }
            Some(signal) => signal.name(),
        },
        Ok(StoppedBy::Signal(signal)) => signal.name(),
        Ok(StoppedBy::Supervisor) => "supervisor",
        Ok(StoppedBy::Rest) | Err(_) => "rest",
    };
    app.reply(Reply::new(json!({"stopped_by": stopped_by}), ""))
}

/// Why a server stops.
enum StoppedBy {
    Signal(Stop),
    /// The first of several processes stops this one, or is gone.
    Supervisor,
    /// In test mode, nothing is left to do.
    Rest,
    /// Another program is to go on in this process, unless a signal comes meanwhile.
    Renewal(Asked),
}

/// Waits for a reason to stop.
async fn stop_reason(asked: Asked, watched: Option<Domain>) -> StoppedBy {
    let Some(domain) = watched else { return asked.reason().await };
    tokio::select! {
        reason = asked.reason() => reason,
        () = finished(&domain) => StoppedBy::Rest,
    }
}

/// What may be asked of a server from outside.
struct Asked {
    signal: Pin<Box<dyn Future<Output = Stop> + Send>>,
    hang_ups: HangUps,
    supervised: bool,
    image: Image,
}

impl Asked {
    fn listen(supervised: bool, image: Image) -> Result<Self> {
        let (signal, hang_ups) = (Box::pin(stop_signal()?), HangUps::listen()?);
        Ok(Self { signal, hang_ups, supervised, image })
    }

    async fn reason(mut self) -> StoppedBy {
        let supervised = self.supervised;
        tokio::select! {
            signal = &mut self.signal => StoppedBy::Signal(signal),
            () = supervisor_stop(), if supervised => StoppedBy::Supervisor,
            // The supervisor renews its workers.
            () = renewal(&mut self.hang_ups, &self.image), if !supervised => {
                StoppedBy::Renewal(self)
            }
        }
    }

    /// The signal that came meanwhile, if one did.
    async fn stop_signal(&mut self) -> Option<Stop> {
        tokio::select! {
            biased;
            signal = &mut self.signal => Some(signal),
            () = std::future::ready(()) => None,
        }
    }
}

/// Waits for a `SIGHUP` at which a program is in place that starts.
async fn renewal(hang_ups: &mut HangUps, image: &Image) {
    loop {
        hang_ups.next().await;
        let file = image.place().display();
        match image.try_in_place().await {
            Ok(()) => {
                return info!(%file, "SIGHUP received, stopping to go on with the program in this file");
            }
            Err(why) => error!(
                %file, error = why,
                "the program in this file does not start, the server goes on; put one there that \
                 does and send SIGHUP again"
            ),
        }
    }
}

async fn finished(domain: &Domain) {
    if domain.store().await.is_err() {
        // The server runs into the same error and ends with it.
        std::future::pending::<()>().await;
    }
    if let Err(error) = wait_until_idle(domain).await {
        error!(error = format_args!("{error:#}"), "cannot read which messages wait, stopping");
    }
}

/// Starts worker processes that handle messages.
async fn supervise(options: &Options, app: &App, domain: &Domain) -> Result {
    let count = options.workers;
    if options.test_mode {
        let message = "--test-mode works with one process only";
        return Err(Error::usage(message).advice("remove --workers or --test-mode"));
    }
    if is_in_memory(domain) {
        let message = format!("{count} workers cannot share a memory database");
        return Err(Error::usage(message).advice("remove --workers, or configure a database"));
    }
    let image = own_program()?;
    // Otherwise a `SIGHUP` during the start would end the process.
    let hang_ups = HangUps::listen()?;
    // A fault that would stop every worker is reported once, before any of them starts.
    Server::new(domain.clone()).preflight().await?;
    let config = app.config_file().map(Into::into);
    let drain_timeout = domain.config().server.drain_timeout;
    let workers = Workers { count: count.into(), image, config, drain_timeout };
    let Stopped { reason, killed_by, failed } = workers.run(Signals::listen()?, hang_ups).await;
    if let Some(signal) = killed_by {
        return Ok(ExitCode::from(signal.code()));
    }
    let stopped_by = match reason {
        Reason::Signal(signal) => signal,
        Reason::Replaced(error) => return Err(replaced(&error)),
    };
    let reply = Reply::new(json!({"stopped_by": stopped_by.name()}), "");
    app.reply(match failed {
        0 => reply,
        _ => reply.failed(format!("{failed} of {count} workers did not stop cleanly: see the log")),
    })
}

fn own_program() -> Result<Image> {
    Image::running()
        .map_err(|error| Error::failed("the program's own file cannot be found").caused_by(&error))
}

/// The server has stopped for another program, which cannot be run.
fn not_renewed(error: &std::io::Error) -> Error {
    Error::failed("the server has stopped, and the program in its file cannot be run")
        .caused_by(error)
        .advice("put a program there that can, and start the server")
}

/// The workers would be of two versions from now on, so the server ends instead.
fn replaced(error: &std::io::Error) -> Error {
    let message = "a worker ended and cannot be replaced by one of the same version";
    Error::failed(message)
        .caused_by(error)
        .advice("start the server again: it then runs the version that is there now")
}

fn is_in_memory(domain: &Domain) -> bool {
    domain.config().database.provider == DatabaseKind::Memory
}
