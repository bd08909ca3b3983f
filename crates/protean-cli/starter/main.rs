//! The program: `serve` and `import`, beside the commands that every domain has.

use std::future::IntoFuture;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Subcommand;
use futures_util::{FutureExt, TryFutureExt};
use protean::{Domain, HealthPage, Server};
use protean_cli::{App, Error, Reply, Result, stop_signal};
use tokio::net::TcpListener;

use {crate}::{http, import};

#[derive(Subcommand)]
enum Command {
    /// Answers HTTP requests and handles messages, in one process
    Serve {
        /// Where to listen; port 0 takes a free one
        #[arg(long, default_value = "127.0.0.1:8000")]
        addr: SocketAddr,
    },
    /// Imports customers from a CSV file with priority BULK
    Import {
        /// Its columns are number, name and balance
        csv: PathBuf,
    },
}

fn main() -> ExitCode {
    protean_cli::run_with({crate}::domain(), run)
}

async fn run(command: Command, app: App) -> Result {
    let domain = app.domain()?;
    match command {
        Command::Serve { addr } => serve(domain, addr).await,
        Command::Import { csv } => {
            let report = import::import(&domain, &csv).await;
            let report = report.map_err(|error| Error::failed(error.to_string()))?;
            app.reply(Reply::plain(&report, &report))
        }
    }
}

/// Runs until SIGINT or SIGTERM, and ends once the requests and handlers under way have ended.
async fn serve(domain: Domain, addr: SocketAddr) -> Result {
    let stop = stop_signal()?.map(drop).shared();
    let listener = TcpListener::bind(addr).await?;
    eprintln!("listening on http://{}", listener.local_addr()?);
    let requests = axum::serve(listener, http::router(domain.clone()))
        .with_graceful_shutdown(stop.clone())
        .into_future();
    let health = HealthPage::open(&domain.config().server.health).await;
    let handlers = Server::new(domain).with_health(health).run(stop);
    tokio::try_join!(requests.err_into::<Error>(), handlers.err_into::<Error>())?;
    Ok(ExitCode::SUCCESS)
}
