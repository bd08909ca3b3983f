//! `server`: handles what comes in.

use clap::Args;
use protean::Domain;
use protean_engine::Server;
use serde_json::json;
use tokio::sync::oneshot;
use tracing::error;

use crate::rest::rest;
use crate::shutdown::{Stop, stop_signal};
use crate::{App, Reply, Result};

/// How the server runs.
#[derive(Args)]
pub(crate) struct Options {
    /// Handles what waits, retries included, and stops when nothing is left to do
    #[arg(long)]
    test_mode: bool,
}

pub(super) async fn run(options: &Options, app: &App) -> Result {
    let domain = app.domain()?;
    let signal = stop_signal()?;
    let (tell, told) = oneshot::channel();
    let watched = options.test_mode.then(|| domain.clone());
    let stop = async move {
        // Nobody asks when the server ended before it was told to.
        let _ = tell.send(stopped_by(signal, watched).await);
    };
    Server::new(domain).run(stop).await?;
    let stopped_by = told.await.unwrap_or(AT_REST);
    app.reply(Reply::new(json!({"stopped_by": stopped_by}), ""))
}

/// What a server in test mode is stopped by.
const AT_REST: &str = "rest";

/// Waits for the reason to stop, and names it.
async fn stopped_by(signal: impl Future<Output = Stop>, watched: Option<Domain>) -> &'static str {
    let Some(domain) = watched else { return signal.await.name() };
    tokio::select! {
        stop = signal => stop.name(),
        () = finished(&domain) => AT_REST,
    }
}

async fn finished(domain: &Domain) {
    if let Err(failed) = rest(domain).await {
        error!("what is left to do cannot be read, so the server stops: {failed}");
    }
}
