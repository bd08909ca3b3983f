//! The helpdesk's program: the commands of every domain, `serve` and `import`.

use std::net::SocketAddr;
use std::process::ExitCode;

use clap::Subcommand;
use futures_util::FutureExt;
use protean::{Id, Priority};
use protean_cli::{App, Error, Reply, Result, stop_signal};
use serde_json::json;
use tokio::net::TcpListener;
use traced::http;
use traced::ticket::OpenTicket;
use tracing::{Instrument, info_span};

#[derive(Subcommand)]
enum Command {
    /// Takes tickets over HTTP and handles them
    Serve {
        /// Where to listen; port 0 takes one that is free
        #[arg(long, default_value = "127.0.0.1:8000")]
        addr: SocketAddr,
    },
    /// Opens tickets at bulk priority, as from an older system
    Import {
        /// How many
        count: u32,
    },
}

fn main() -> ExitCode {
    protean_cli::run_with(traced::domain(), run)
}

async fn run(command: Command, app: App) -> Result {
    match command {
        Command::Serve { addr } => serve(addr, &app).await,
        Command::Import { count } => import(count, &app).await,
    }
}

async fn serve(addr: SocketAddr, app: &App) -> Result {
    let stop = stop_signal()?.shared();
    let listener = TcpListener::bind(addr).await?;
    eprintln!("listening on http://{}", listener.local_addr()?);
    let requests = axum::serve(listener, http::router(app.domain()?));
    let requests = requests.with_graceful_shutdown(stop.clone().map(drop)).into_future();
    let handling = app.server()?.run(stop.clone().map(drop));
    tokio::try_join!(
        requests.map(|ended| ended.map_err(Error::from)),
        handling.map(|ended| ended.map_err(Error::from))
    )?;
    app.reply(Reply::new(json!({"stopped_by": stop.await.name()}), ""))
}

async fn import(count: u32, app: &App) -> Result {
    let ticket =
        |number| OpenTicket { ticket_id: Id::new(), title: format!("old ticket {number}") };
    let import = app.domain()?.process_all((0..count).map(ticket)).priority(Priority::BULK);
    let progress = import.into_future().instrument(info_span!("import")).await?;
    let accepted = progress.accepted;
    app.reply(Reply::new(json!({"accepted": accepted}), format!("{accepted} tickets")))
}
