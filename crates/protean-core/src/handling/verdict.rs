//! Verdicts: what running a message came to.

use std::time::Duration;

use crate::unit::CompletedUnit;

/// What running a message came to.
#[derive(Debug)]
pub enum Verdict {
    /// Its handler ran: these are its effects.
    Done(Box<CompletedUnit>),
    /// The group has no handler for its type.
    Ignored,
    /// Its deadline had passed.
    Expired,
    /// It was handled before.
    Duplicate,
    /// It waits behind an earlier message of its stream that is parked or dead.
    Held,
    /// Its handler failed; another try may help and costs an attempt.
    Retry(String),
    /// The handler or the database refuses it permanently.
    Rejected(String),
    /// No further try can help.
    Dead(String),
    /// Others keep writing first; another try after this wait costs nothing.
    Conflict(String, Duration),
    /// Something outside is down; another try later costs nothing.
    Unavailable(String),
    /// A newer version of the program takes it; another try later costs nothing.
    TooNew(String),
    /// It may be what ended the process before: it is about to run alone, and
    /// the attempt counts before it is made.
    Suspect,
}
