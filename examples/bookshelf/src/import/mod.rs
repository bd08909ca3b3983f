//! The import of a catalog: a CSV file becomes commands of the priority BULK.
//!
//! ```text
//! Sheet ─▶ Splitter ─▶ Columns ─▶ AddBook ─▶ unless the book is there ─▶ process_all
//!   lines    fields      └────── what is wrong ──────▶ Report ◀──────────────┘
//! ```
//!
//! Memory holds a batch and the rejected rows, however long the file is. An
//! identity comes from the record and is also the idempotency key of its command,
//! so running an import again adds nothing: a book that exists is left out here,
//! and the key finds one that is still queued.

mod columns;
mod progress;
mod report;
mod shown;
mod source;

pub use progress::Progress;
pub use report::{Rejected, Report};
pub use source::{Catalog, ImportError};

use std::io::BufRead;
use std::sync::mpsc;

use futures_util::{StreamExt, TryStreamExt, stream};
use protean::{Domain, Priority, Result, Violations};
use protean::{Reader, Rejection, Submission};

use crate::book::{AddBook, Book};
use source::CatalogRow;

/// How many rows are read and queued together.
const BATCH_ROWS: usize = 5_000;
/// How many books are looked up at the same time.
const CONCURRENT_LOOKUPS: usize = 16;

/// A row that is a book.
struct Found {
    line: u64,
    command: AddBook,
}

/// Queues the books of a catalog for the server. Stopping in between keeps
/// what was queued so far; running it again goes on.
///
/// # Errors
/// When the file cannot be read further, or the store cannot be written.
pub async fn import<R: BufRead>(
    domain: &Domain,
    catalog: &mut Catalog<R>,
    mut progress: Progress,
) -> Result<Report, ImportError> {
    let mut report = Report::default();
    let books = domain.repository::<Book>().await?;
    loop {
        let batch = next_batch(catalog, &mut report)?;
        if batch.is_empty() && catalog.is_at_end() {
            break;
        }
        let found = batch.len();
        let new = without_present(&books, batch).await?;
        report.already_present += (found - new.len()) as u64;
        queue(domain, new, &mut report).await?;
        progress.show(catalog.bytes(), report.rows);
    }
    report.rejected.sort_by_key(|rejected| rejected.line);
    Ok(report)
}

/// The next rows that are books; the others go into the report.
fn next_batch<R: BufRead>(
    catalog: &mut Catalog<R>,
    report: &mut Report,
) -> Result<Vec<Found>, ImportError> {
    let mut batch = Vec::new();
    for _ in 0..BATCH_ROWS {
        let Some(CatalogRow { line, command }) = catalog.next()? else { break };
        report.rows += 1;
        match command {
            Ok(command) => batch.push(Found { line, command }),
            Err(fault) => report.rejected.push(Rejected::new(line, fault)),
        }
    }
    Ok(batch)
}

async fn without_present(books: &Reader<Book>, batch: Vec<Found>) -> Result<Vec<Found>> {
    let looked = stream::iter(batch).map(|found| async move {
        let present = books.find(&found.command.book_id).await?.is_some();
        Ok((!present).then_some(found))
    });
    looked.buffered(CONCURRENT_LOOKUPS).try_filter_map(async |found| Ok(found)).try_collect().await
}

/// Queues a batch; a command whose key is taken is queued already.
async fn queue(domain: &Domain, batch: Vec<Found>, report: &mut Report) -> Result {
    let (sender, rejections) = mpsc::channel();
    let submissions = batch.into_iter().map(|Found { line, command }| {
        let key = command.book_id.clone();
        Submission::new(command).idempotency_key(key).reference(line)
    });
    let queued = domain
        .process_all(submissions)
        .priority(Priority::BULK)
        // The receiver lives until the rejections are read.
        .on_rejected(move |rejection: Rejection| drop(sender.send(rejection)))
        .await?;
    report.imported += queued.accepted;
    report.already_present += queued.duplicate;
    report.rejected.extend(rejections.iter().map(|Rejection { reference, error }| {
        let other = || Violations::of("book", error.to_string());
        Rejected::broken(reference, &error.violations().cloned().unwrap_or_else(other))
    }));
    Ok(())
}
