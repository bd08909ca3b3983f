//! What the bookshelf can do beside what every domain can.

use std::fmt::Arguments;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use bookshelf::import::{Catalog, Progress, import};
use protean::Domain;
use protean::domain::HandlerKind;
use protean_cli::{App, Result, grouped};

use crate::answer::answer;
use crate::stats::Stats;

/// What `import --help` says at its end.
const ABOUT_IMPORT: &str = "\
The first line names the columns, in any order: title, author and price are
needed, isbn and description are not, others are left out. The file is UTF-8;
space around a field does not count; a price is plain digits such as 9.99.

Rows that are wrong are reported with line, field and reason, and the others are
imported: the exit code is 0 then as well. Importing a file again adds nothing.

With --json the object is {\"rows\", \"imported\", \"already_present\",
\"rejected\": [{\"line\", \"field\", \"reason\"}]}; every row is counted once.";

/// A command of the bookshelf's own.
#[derive(clap::Subcommand)]
pub(crate) enum Command {
    /// Queues the books of a CSV file with priority BULK
    #[command(after_help = ABOUT_IMPORT)]
    Import {
        /// The catalog
        csv: PathBuf,
    },
    /// How many books there are
    Stats,
}

pub(crate) async fn run(command: Command, app: App) -> Result {
    match command {
        Command::Import { csv } => import_file(&csv, &app).await,
        Command::Stats => answer(&app, &Stats::of(&app.domain()?).await?),
    }
}

async fn import_file(csv: &Path, app: &App) -> Result {
    let domain = app.domain()?;
    let mut catalog = Catalog::open(csv)?;
    let progress = Progress::new(catalog.length());
    let report = import(&domain, &mut catalog, progress).await?;
    answer(app, &report)?;
    if let ignored @ [_, ..] = catalog.ignored() {
        remark(format_args!("columns left out: {}", ignored.join(", ")));
    }
    if let Some(books) = waiting(&domain).await? {
        let queued = counted(books);
        remark(format_args!("{queued} queued and no server is running: start 'bookshelf server'"));
    }
    Ok(ExitCode::SUCCESS)
}

/// Something to know beside the answer.
fn remark(text: Arguments<'_>) {
    // Nobody is left to be told when stderr is gone.
    let _ = writeln!(std::io::stderr(), "note: {text}");
}

/// How many books wait, when nobody handles them.
async fn waiting(domain: &Domain) -> Result<Option<u64>> {
    let store = domain.store().await?;
    let mut waiting = 0;
    let groups = domain.registry().groups().iter();
    for group in groups.filter(|group| group.kind == HandlerKind::Commands) {
        // Who gets the claim, if only for this moment, is the only one there.
        if store.claim(&group.name).await?.is_some() {
            waiting += store.standing(&group.name, &group.category).await?.lag();
        }
    }
    Ok((waiting > 0).then_some(waiting))
}

fn counted(books: u64) -> String {
    let noun = if books == 1 { "book is" } else { "books are" };
    format!("{} {noun}", grouped(books))
}
