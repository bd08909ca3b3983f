//! Why a message is parked, for a person to read.

use super::BoxFuture;
use crate::Result;
use crate::message::Timestamp;

/// Reads what was written down about parked messages.
pub trait Parking: Send + Sync {
    /// What is noted about the parked message of a group at this log position; `None`
    /// when the group has not parked it.
    fn parked_note<'a>(
        &'a self,
        group: &'a str,
        position: u64,
    ) -> BoxFuture<'a, Result<Option<ParkedNote>>>;
}

/// Why a message is parked, and until when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParkedNote {
    /// How often its handler has failed.
    pub attempts: u32,
    /// When it is tried again; `None` while it waits behind an earlier message of its stream.
    pub due: Option<Timestamp>,
    /// Why, for a person to read.
    pub reason: String,
}
