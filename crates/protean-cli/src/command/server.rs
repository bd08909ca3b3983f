//! `server`: handles what comes in, in one process or in several.

use std::process::ExitCode;

use clap::Args;
use protean::Domain;
use protean::config::DatabaseKind;
use protean_engine::{HealthPage, Server};
use serde_json::json;
use tokio::sync::oneshot;
use tracing::error;

use crate::rest::rest;
use crate::shutdown::{Signals, stop_signal};
use crate::workers::{Ended, SUPERVISED, Workers, told_to_stop};
use crate::{App, Error, Reply, Result};

/// More processes than this on one machine are a mistake.
const MOST: i64 = 64;

/// How the server runs.
#[derive(Args)]
pub(crate) struct Options {
    /// Handles what waits, retries included, and stops when nothing is left to do
    #[arg(long)]
    test_mode: bool,
    /// Runs so many server processes, and starts another one for each that dies
    #[arg(long, value_name = "N", default_value_t = 1,
          value_parser = clap::value_parser!(u16).range(1..=MOST))]
    workers: u16,
    /// Is one of them: stops when its standard input ends
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
    let ordered = async move {
        tokio::select! {
            stop = signal => stop.name(),
            () = told_to_stop(), if supervised => SUPERVISOR,
        }
    };
    let (tell, told) = oneshot::channel();
    let watched = options.test_mode.then(|| domain.clone());
    let stop = async move {
        // Nobody asks when the server ended before it was told to.
        let _ = tell.send(stopped_by(ordered, watched).await);
    };
    let mut health = domain.config().server.health.clone();
    // Several processes cannot share a port, and each has something to tell.
    health.port_auto_increment |= supervised;
    let page = HealthPage::open(&health).await;
    Server::new(domain).with_health(page).run(stop).await?;
    let stopped_by = told.await.unwrap_or(AT_REST);
    app.reply(Reply::new(json!({"stopped_by": stopped_by}), ""))
}

/// What a server in test mode is stopped by.
const AT_REST: &str = "rest";

/// What one of several processes is stopped by.
const SUPERVISOR: &str = "supervisor";

/// Waits for the reason to stop, and names it.
async fn stopped_by(
    ordered: impl Future<Output = &'static str>,
    watched: Option<Domain>,
) -> &'static str {
    let Some(domain) = watched else { return ordered.await };
    tokio::select! {
        order = ordered => order,
        () = finished(&domain) => AT_REST,
    }
}

async fn finished(domain: &Domain) {
    if domain.store().await.is_err() {
        // The server meets the same error, and ends with it.
        std::future::pending::<()>().await;
    }
    if let Err(failed) = rest(domain).await {
        error!("what is left to do cannot be read, so the server stops: {failed}");
    }
}

/// Has messages handled by processes of its own.
async fn supervise(options: &Options, app: &App, domain: &Domain) -> Result {
    let count = options.workers;
    if options.test_mode {
        let told = "--test-mode stops when nothing is left to do, which one process finds out";
        return Err(Error::usage(told).advice("leave out --workers, or --test-mode"));
    }
    if is_in_memory(domain) {
        let told =
            format!("{count} workers on the memory database would see nothing of each other");
        return Err(Error::usage(told).advice("leave out --workers, or configure sqlite"));
    }
    // What none of them could begin with is told once, and nobody is started in vain.
    Server::new(domain.clone()).preflight().await?;
    let config = app.config_file().map(Into::into);
    let workers =
        Workers { count: count.into(), config, drain: domain.config().server.drain_timeout };
    let Ended { by, again, badly } = workers.run(Signals::listen()?).await;
    if let Some(again) = again {
        return Ok(ExitCode::from(again.code()));
    }
    let reply = Reply::new(json!({"stopped_by": by.name()}), "");
    app.reply(match badly {
        0 => reply,
        _ => reply.failed(format!("{badly} of {count} workers did not stop properly: see the log")),
    })
}

fn is_in_memory(domain: &Domain) -> bool {
    domain.config().database.provider == DatabaseKind::Memory
}
