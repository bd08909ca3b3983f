//! The state of the groups: where each stands, and what it holds back.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::message::{Category, Priority, Timestamp};
use crate::port::{Counter, GroupVersions, MessageRef};

pub(super) type GroupName = Arc<str>;

/// One priority of a category, as one group reads it.
pub(super) type GroupLane = (GroupName, Category, Priority);

/// What every group has done with its messages.
#[derive(Default)]
pub(super) struct Groups {
    /// The log position after which a group begins in a category.
    pub(super) starts: BTreeMap<(GroupName, Category), u64>,
    /// The versions of the program that have had a group.
    pub(super) versions: BTreeMap<(GroupName, Category), GroupVersions>,
    /// The log position up to which everything is settled.
    pub(super) cursors: BTreeMap<GroupLane, u64>,
    /// The settled messages after the cursor.
    pub(super) done: BTreeMap<(GroupLane, u64), ()>,
    /// The stream position that an ordered group expects next.
    pub(super) progress: BTreeMap<(GroupName, Arc<str>), u64>,
    pub(super) parked: BTreeMap<(GroupName, u64), ParkedMessage>,
    /// The parked messages that become due, by time.
    pub(super) due: BTreeMap<(GroupLane, Timestamp, u64), ()>,
    pub(super) dead: BTreeMap<(GroupName, u64), DeadMessage>,
    /// Parked and dead messages by their positions in their streams.
    pub(super) held: BTreeMap<(GroupName, Arc<str>, u64, Held), u64>,
    pub(super) counts: BTreeMap<(GroupName, Category, Counter), u64>,
}

/// Why a message holds up later ones of its stream.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Held {
    Parked,
    Dead,
}

#[derive(Clone)]
pub(super) struct ParkedMessage {
    pub(super) message: MessageRef,
    pub(super) attempts: u32,
    pub(super) due: Option<Timestamp>,
    pub(super) reason: String,
}

/// A dead letter without its message, which is in the log.
#[derive(Clone)]
pub(super) struct DeadMessage {
    pub(super) message: MessageRef,
    pub(super) attempts: u32,
    pub(super) reason: String,
    pub(super) time: Timestamp,
}
