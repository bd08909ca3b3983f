//! The import: each row of a CSV file becomes a command with priority BULK.

use std::error::Error;
use std::fmt;
use std::path::Path;
use std::sync::mpsc;

use protean::Submission;
use protean::prelude::{Decimal, Domain, Priority};
use serde::{Deserialize, Serialize};

use crate::account::OpenAccount;

/// A row: a customer of the system that is replaced.
#[derive(Deserialize)]
struct Customer {
    number: String,
    name: String,
    balance: Decimal,
}

/// What became of the rows.
#[derive(Debug, Serialize)]
pub struct Report {
    /// Commands that are in the log; the server handles them.
    pub accepted: u64,
    /// Rows that an earlier import has accepted.
    pub repeated: u64,
    /// Why each of the other rows was rejected.
    pub rejected: Vec<String>,
}

/// Puts a command for each row into the log, in bounded memory. The customer's number is the
/// idempotency key, so it is safe to run an import again after it was interrupted.
///
/// # Errors
/// When the file cannot be read, or the database cannot be written.
pub async fn import(domain: &Domain, csv: &Path) -> Result<Report, Box<dyn Error>> {
    let rows = csv::Reader::from_path(csv)?.into_deserialize();
    let (reject, rejected) = mpsc::channel();
    let reject_unreadable = reject.clone();
    let commands = (1..).zip(rows).filter_map(move |(number, row)| match row {
        Ok(customer) => Some(submission(customer).reference(number)),
        Err(error) => {
            let _ = reject_unreadable.send(error.to_string());
            None
        }
    });
    let progress = domain
        .process_all(commands)
        .priority(Priority::BULK)
        .on_rejected(move |row| {
            let _ = reject.send(format!("row {}: {}", row.reference, row.error));
        })
        .await?;
    Ok(Report {
        accepted: progress.accepted,
        repeated: progress.duplicate,
        rejected: rejected.iter().collect(),
    })
}

fn submission(customer: Customer) -> Submission<OpenAccount> {
    let Customer { number, name, balance } = customer;
    Submission::new(OpenAccount { holder: name, balance }).permanent_idempotency_key(number)
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { accepted, repeated, rejected } = self;
        write!(f, "{accepted} accepted, {repeated} repeated, {} rejected", rejected.len())?;
        rejected.iter().try_for_each(|reason| write!(f, "\n  {reason}"))
    }
}
