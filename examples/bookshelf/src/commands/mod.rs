//! The commands that the bookshelf adds to those of every domain.

mod connections;
mod load;
mod serve;
mod stats;

use std::path::{Path, PathBuf};

use bookshelf::import::{Catalog, Progress, import};
use protean::Domain;
use protean::HandlerKind;
use protean_cli::{App, Reply, Result, grouped};

use stats::Stats;

/// What `import --help` says at its end.
const ABOUT_IMPORT: &str = "\
The first line names the columns, in any order: title, author and price are
needed, isbn and description are not, others are left out. The file is UTF-8;
space around a field does not count; a price is plain digits such as 9.99.

Rows that are wrong are reported with line, field and reason, and the others are
imported: the exit code is 0 then as well. Importing a file again adds nothing,
however late; a row that differs from the book that is there is reported, and
the book stays as it is.

With --json the object is {\"rows\", \"imported\", \"already_present\",
\"differing\", \"rejected\"}, the last two lists of {\"line\", \"field\", \"reason\"};
every row is counted once.";

/// What `serve --help` says at its end.
const ABOUT_SERVE: &str = "\
  POST /orders       202 and a receipt, or 201 and the order when
                     command_processing is 'sync'; honours Idempotency-Key and
                     X-Priority (BULK, LOW, NORMAL, HIGH, CRITICAL)
  GET  /orders/{id}  the order; 202 while its command is on its way
  GET  /books        ?author= &title= &limit= (20, at most 100)

Every answer carries X-Correlation-Id, that of the request when it has one. It
prints where it listens on stderr: 'listening on http://127.0.0.1:8000'. SIGINT and
SIGTERM stop it when the requests and handlers that run have ended.";

/// A command of the bookshelf's own.
#[derive(clap::Subcommand)]
pub(crate) enum Command {
    /// Queues the books of a CSV file with priority BULK
    #[command(after_help = ABOUT_IMPORT)]
    Import {
        /// The catalog
        csv: PathBuf,
    },
    /// Takes orders over HTTP, and handles them
    #[command(after_help = ABOUT_SERVE)]
    Serve(serve::Options),
    /// Measures how long orders take, before many books come in and while they do
    ///
    /// Starts a shop of its own in a temporary folder and leaves nothing behind.
    Load(load::Options),
    /// How many books there are
    Stats,
}

pub(crate) async fn run(command: Command, app: App) -> Result {
    match command {
        Command::Import { csv } => import_file(&csv, &app).await,
        Command::Serve(options) => serve::run(&options, &app).await,
        Command::Load(options) => load::run(&options, &app).await,
        Command::Stats => {
            let stats = Stats::of(&app.existing_domain().await?).await?;
            app.reply(Reply::plain(&stats, &stats))
        }
    }
}

async fn import_file(csv: &Path, app: &App) -> Result {
    let domain = app.domain()?;
    let mut catalog = Catalog::open(csv)?;
    let progress = Progress::new(catalog.length());
    let report = import(&domain, &mut catalog, progress).await?;
    let mut reply = Reply::plain(&report, &report);
    if let ignored @ [_, ..] = catalog.ignored() {
        reply = reply.warning(format!("columns left out: {}", ignored.join(", ")));
    }
    // The import succeeded even when the queue cannot be counted.
    if let Ok(Some(books)) = waiting(&domain).await {
        let queued = counted(books);
        let warning = format!("{queued} queued and no server is running: start 'bookshelf server'");
        reply = reply.warning(warning);
    }
    app.reply(reply)
}

/// How many books are queued, unless a server is handling them.
async fn waiting(domain: &Domain) -> Result<Option<u64>> {
    let store = domain.store().await?;
    let mut waiting = 0;
    for group in domain.groups().iter().filter(|group| group.kind == HandlerKind::Commands) {
        // The claim is free only while no server runs.
        if store.claim(&group.claim()).await?.is_some() {
            waiting += store.group_status(&group.name, &group.category).await?.lag();
        }
    }
    Ok((waiting > 0).then_some(waiting))
}

fn counted(books: u64) -> String {
    let noun = if books == 1 { "book is" } else { "books are" };
    format!("{} {noun}", grouped(books))
}
