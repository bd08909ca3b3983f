//! `bookshelf serve`: HTTP, with or without the server in the same process.

use std::net::SocketAddr;

use bookshelf::http;
use clap::Args;
use futures_util::FutureExt;
use protean::config::DatabaseKind;
use protean::{Domain, Server};
use protean_cli::{App, Error, Reply, Result, stop_signal};
use serde_json::json;
use tokio::net::TcpListener;
use tracing::warn;

use super::connections;

/// How HTTP is served.
#[derive(Args)]
pub(crate) struct Options {
    /// Where to listen; port 0 takes one that is free
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8000")]
    addr: SocketAddr,
    /// Handles what comes in as well, as 'bookshelf server' does; this is the default
    #[arg(long, overrides_with = "no_server")]
    with_server: bool,
    /// Takes in and answers only: 'bookshelf server' runs elsewhere
    #[arg(long)]
    no_server: bool,
}

/// Serves until SIGINT or SIGTERM, then until the requests and handlers that
/// run have ended, each at most `server.drain_timeout`.
///
/// # Errors
/// When the database cannot be opened, the address is taken, or the server fails.
pub(crate) async fn run(options: &Options, app: &App) -> Result {
    let domain = app.domain()?;
    if options.no_server && is_in_memory(&domain) {
        let message = "another process cannot read the memory database: orders would wait forever";
        return Err(Error::usage(message).advice("leave out --no-server, or configure sqlite"));
    }
    let stop = stop_signal()?.shared();
    domain.store().await?;
    let listener = listen(options.addr).await?;
    let (router, drain) = (http::router(domain.clone()), domain.config().server.drain_timeout);
    let requests = connections::answer(listener, router, stop.clone().map(drop), drain);
    if options.no_server {
        requests.await;
    } else {
        let handling = Server::new(domain.clone()).run(stop.clone().map(drop));
        let handling = handling.map(|ended| ended.map_err(Error::from));
        tokio::try_join!(requests.map(Ok), handling)?;
    }
    app.reply(Reply::new(json!({"stopped_by": stop.await.name()}), ""))
}

fn is_in_memory(domain: &Domain) -> bool {
    domain.config().database.provider == DatabaseKind::Memory
}

/// Listens, and says where.
async fn listen(addr: SocketAddr) -> Result<TcpListener> {
    let listener = TcpListener::bind(addr).await.map_err(|error| {
        Error::failed(format!("cannot listen at {addr}: {error}"))
            .advice("choose another address with --addr; port 0 takes one that is free")
    })?;
    let addr = listener.local_addr()?;
    if !addr.ip().is_loopback() {
        warn!(%addr, "no authentication: put a proxy that checks users in front");
    }
    eprintln!("listening on http://{addr}");
    Ok(listener)
}
