//! The import of a catalog: a CSV file becomes commands of the priority BULK.
//!
//! ```text
//! Sheet ─▶ Splitter ─▶ Columns ─▶ AddBook ─▶ unless the book is there ─▶ process_all
//!   lines    fields      └────── what is wrong ──────▶ Report ◀──────────────┘
//! ```
//!
//! Memory holds a batch and the rows that were left out, however long the file is. An
//! identity comes from the record and is also the idempotency key of its command, which
//! holds for ever: running an import again adds nothing, and a row that differs from the
//! book that is there, or on its way, is reported with both values.

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
        let new = without_present(&books, batch, &mut report).await?;
        queue(domain, new, &mut report).await?;
        progress.show(catalog.bytes(), report.rows);
    }
    report.rejected.sort_by_key(|rejected| rejected.line);
    report.differing.sort_by_key(|row| row.line);
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

/// The rows of a batch whose books are not there.
async fn without_present(
    books: &Reader<Book>,
    batch: Vec<Found>,
    report: &mut Report,
) -> Result<Vec<Found>> {
    let looked = stream::iter(batch).map(|found| async move {
        let book = books.find(&found.command.book_id).await?;
        Ok::<_, protean::Error>((found, book))
    });
    let looked: Vec<_> = looked.buffered(CONCURRENT_LOOKUPS).try_collect().await?;
    let mut new = Vec::new();
    for (found, book) in looked {
        match book.map(|book| differences(&book, &found.command)) {
            None => new.push(found),
            Some(differences) if differences.is_empty() => report.already_present += 1,
            Some(differences) => report.differing.push(Rejected::broken(found.line, &differences)),
        }
    }
    Ok(new)
}

/// Both values of each field in which a row differs from the book that is there.
fn differences(book: &Book, row: &AddBook) -> Violations {
    let none = || "none".to_owned();
    let text = |text: &Option<String>| text.clone().unwrap_or_else(none);
    let fields = [
        ("title", book.title.clone(), row.title.clone()),
        ("author", book.author.clone(), row.author.clone()),
        ("isbn", text(&book.isbn), text(&row.isbn)),
        ("price", book.price.to_string(), row.price.to_string()),
        ("description", text(&book.description), text(&row.description)),
    ];
    let mut found = Violations::new();
    for (field, is, says) in fields.into_iter().filter(|(_, is, says)| is != says) {
        found.add(field, format!("is {is}, the row says {says}"));
    }
    found
}

/// Queues a batch; a command whose key is taken is queued already.
async fn queue(domain: &Domain, batch: Vec<Found>, report: &mut Report) -> Result {
    let (sender, rejections) = mpsc::channel();
    let submissions = batch.into_iter().map(|Found { line, command }| {
        let key = command.book_id.clone();
        Submission::new(command).permanent_idempotency_key(key).reference(line)
    });
    let queued = domain
        .process_all(submissions)
        .priority(Priority::BULK)
        // The receiver lives until the rejections are read.
        .on_rejected(move |rejection: Rejection| drop(sender.send(rejection)))
        .await?;
    report.imported += queued.accepted;
    report.already_present += queued.duplicate;
    for Rejection { reference, error, is_differing } in rejections.iter() {
        let other = || Violations::of("book", error.to_string());
        let row = Rejected::broken(reference, &error.violations().cloned().unwrap_or_else(other));
        if is_differing { report.differing.push(row) } else { report.rejected.push(row) }
    }
    Ok(())
}
