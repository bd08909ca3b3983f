//! Imports an export: every row is a command at BULK or a rejection.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use fidelis::account::OpenAccount;
use protean::{Domain, Priority};
use protean::{ImportProgress, Submission};
use protean_cli::Error;
use workbench::gauge::Gauge;

use super::legacy::Legacy;
use super::register::Register;

/// A register that the import fills and the verdict reads.
#[derive(Clone, Default)]
pub(crate) struct SharedRegister(Arc<Mutex<Register>>);

impl SharedRegister {
    pub(crate) fn open(&self) -> MutexGuard<'_, Register> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes in every row, in the order of the file, with bounded memory. A number
/// that was taken in before, by this run or another, adds nothing.
///
/// # Errors
/// When the export or the database cannot be read or written to the end.
pub(crate) async fn take_in(
    domain: Domain,
    legacy: Legacy,
    register: SharedRegister,
    gauge: Arc<Gauge>,
) -> Result<ImportProgress, Error> {
    let rejecting = register.clone();
    let rows = Rows { legacy, register: register.clone() };
    let imported = domain
        .process_all(rows)
        .priority(Priority::BULK)
        .on_rejected(move |rejection| {
            rejecting.open().reject(rejection.reference, rejection.error.to_string());
        })
        .on_progress(move |progress| gauge.take_in(progress.accepted))
        .await?;
    match register.open().broken_off.take() {
        Some(error) => Err(error),
        None => Ok(imported),
    }
}

/// The rows that the bank can take over.
struct Rows {
    legacy: Legacy,
    register: SharedRegister,
}

impl Iterator for Rows {
    type Item = Submission<OpenAccount>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let row = match self.legacy.next_row() {
                Ok(row) => row?,
                Err(error) => {
                    self.register.open().broken_off = Some(error);
                    return None;
                }
            };
            let mut register = self.register.open();
            (register.rows, register.lines) = (register.rows + 1, self.legacy.lines());
            let entered = row.account.and_then(|account| {
                register.enter(row.line, &account)?;
                Ok(account)
            });
            match entered {
                Ok(account) => {
                    let key = account.account_number.clone();
                    let submission = Submission::new(account).permanent_idempotency_key(key);
                    return Some(submission.reference(row.line));
                }
                Err(reason) => register.rejected.add(row.line, reason),
            }
        }
    }
}
