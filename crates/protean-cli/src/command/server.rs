//! `server`: handles messages, in one process or in several.

use std::process::ExitCode;

use clap::Args;
use protean::Domain;
use protean::config::DatabaseKind;
use protean_engine::{HealthPage, Server};
use serde_json::json;
use tokio::sync::oneshot;
use tracing::error;

use crate::idle::wait_until_idle;
use crate::image::{Image, take_name};
use crate::shutdown::{Signals, stop_signal};
use crate::workers::{Reason, SUPERVISED, Stopped, Workers, supervisor_stop};
use crate::{App, Error, Reply, Result};

/// More processes than this on one machine are a mistake.
const MAX_WORKERS: i64 = 64;

/// How the server runs.
#[derive(Args)]
pub(crate) struct Options {
    /// Handles all waiting messages, retries included, and stops
    #[arg(long)]
    test_mode: bool,
    /// Runs this many server processes, and replaces any that dies
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
    let signal = stop_signal()?;
    let supervised = options.supervised;
    if supervised {
        take_name();
    }
    let external = async move {
        tokio::select! {
            stop = signal => stop.name(),
            () = supervisor_stop(), if supervised => BY_SUPERVISOR,
        }
    };
    let (sender, stopped_by) = oneshot::channel();
    let watched = options.test_mode.then(|| domain.clone());
    let stop = async move {
        // The receiver is gone when the server failed before.
        let _ = sender.send(stop_reason(external, watched).await);
    };
    let mut health = domain.config().server.health.clone();
    // Several processes cannot share a port, and each has its own health to report.
    health.port_auto_increment |= supervised;
    let page = HealthPage::open(&health).await;
    Server::new(domain).with_health(page).run(stop).await?;
    let stopped_by = stopped_by.await.unwrap_or(AT_REST);
    app.reply(Reply::new(json!({"stopped_by": stopped_by}), ""))
}

/// The reason of a server in test mode that has nothing left to do.
const AT_REST: &str = "rest";

/// The reason of one of several processes.
const BY_SUPERVISOR: &str = "supervisor";

/// Waits for a reason to stop and returns its name.
async fn stop_reason(
    external: impl Future<Output = &'static str>,
    watched: Option<Domain>,
) -> &'static str {
    let Some(domain) = watched else { return external.await };
    tokio::select! {
        reason = external => reason,
        () = finished(&domain) => AT_REST,
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
    let image = Image::running().map_err(|error| {
        Error::failed("the program's own file cannot be found").caused_by(&error)
    })?;
    // A fault that would stop every worker is reported once, before any of them starts.
    Server::new(domain.clone()).preflight().await?;
    let config = app.config_file().map(Into::into);
    let drain_timeout = domain.config().server.drain_timeout;
    let workers = Workers { count: count.into(), image, config, drain_timeout };
    let Stopped { reason, killed_by, failed } = workers.run(Signals::listen()?).await;
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
