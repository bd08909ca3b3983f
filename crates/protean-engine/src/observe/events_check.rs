//! Whether the program can still read everything that is stored.
//!
//! ```text
//! log, a page at a time ─┬▶ fine · obsolete · foreign     counted
//!                        └▶ faulty ─┬▶ settled for good   counted: nothing reads it again
//!                                   └▶ a fault            counted by kind, the first one kept
//! schedule, snapshots, likewise ─────▶ the same
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use protean_core::domain::{Domain, Reading, ScheduledMessages, SnapshotUse, StoredData};
use protean_port::Result;
use protean_port::message::{Category, Recorded, Timestamp};
use protean_port::port::{DeadLetterRead, Find, RegisteredGroup, Scheduled, Store};
use serde::Serialize;

use super::fault_kinds::{FaultKind, FaultKinds};

/// The most messages of a page.
const MAX_PAGE: usize = 500;

/// Pages become shorter when their data has more bytes than this.
const PAGE_BYTES: usize = 4 * 1024 * 1024;

/// What reading everything that is stored has found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct EventsCheck {
    /// True when there is no fault.
    pub passes: bool,
    /// The messages of the log.
    pub messages: CheckedMessages,
    /// The scheduled messages.
    pub scheduled: CheckedSchedule,
    /// The snapshots of event-sourced aggregates.
    pub snapshots: CheckedSnapshots,
    /// What cannot be read, the first of each kind; at most 100 kinds.
    pub faults: Vec<FaultKind>,
    /// Faults of further kinds.
    pub further_faults: u64,
}

/// How many messages were read, and what became of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct CheckedMessages {
    /// The program can read them.
    pub fine: u64,
    /// The program cannot read them, and it may have to.
    pub faulty: u64,
    /// The program cannot read them, and never will again: settled commands and entries of
    /// other systems, and fact events that no handler takes.
    pub obsolete: u64,
    /// They belong to other programs in the same database.
    pub of_other_programs: u64,
    /// How many of the messages are parked; one that two handlers parked counts twice.
    pub parked: u64,
    /// How many of the messages are dead letters, counted likewise.
    pub dead: u64,
}

/// The number of scheduled commands and timers, by result.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct CheckedSchedule {
    /// The program can read them.
    pub fine: u64,
    /// The program will not be able to read them when they are due.
    pub faulty: u64,
    /// They belong to other programs in the same database.
    pub of_other_programs: u64,
}

/// How many snapshots were read, and what became of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct CheckedSnapshots {
    /// The program uses them.
    pub fine: u64,
    /// The program would not write them in the same way, so it replays the events instead.
    pub obsolete: u64,
    /// They belong to other programs in the same database.
    pub of_other_programs: u64,
}

/// Reads every message that the log holds at the start, all that is scheduled, and every snapshot,
/// with the types and upcasters of the program, and runs no handler. Pages bound the memory, however long
/// the log is. `progress` is called after each with the positions read and those there are.
/// Works with and without a running server. Cancel safe: it only reads.
///
/// # Errors
/// When the store cannot be opened or read.
pub async fn check_events(
    domain: &Domain,
    mut progress: impl FnMut(u64, u64),
) -> Result<EventsCheck> {
    let store = domain.store().await?;
    let registered = store.registered_groups().await?;
    let mut check = Check {
        store: Arc::clone(store),
        stored: StoredData::of(domain, &registered),
        registered,
        kinds: FaultKinds::default(),
        found: EventsCheck::default(),
    };
    let last = store.find(Find::last(1)).await?.first().map_or(0, |last| last.position);
    check.log(last, &mut progress).await?;
    check.schedule(domain).await?;
    check.snapshots().await?;
    let mut found = check.found;
    for group in domain.groups() {
        let status = store.group_status(&group.name, &group.category).await?;
        found.messages.parked += status.parked();
        found.messages.dead += status.dead();
    }
    found.passes = found.messages.faulty == 0 && found.scheduled.faulty == 0;
    (found.faults, found.further_faults) = check.kinds.into_parts();
    Ok(found)
}

struct Check {
    store: Arc<dyn Store>,
    stored: StoredData,
    registered: Vec<RegisteredGroup>,
    kinds: FaultKinds,
    found: EventsCheck,
}

impl Check {
    /// Reads the messages up to the one at `last`.
    async fn log(&mut self, last: u64, progress: &mut impl FnMut(u64, u64)) -> Result {
        let (mut after, mut limit) = (None, MAX_PAGE);
        loop {
            let mut page = self.store.find(Find { after, ..Find::first(limit) }).await?;
            let is_last = page.len() < limit;
            page.retain(|recorded| recorded.position <= last);
            self.page(&page).await?;
            let Some(read) = page.last().map(|recorded| recorded.position) else { return Ok(()) };
            progress(read, last);
            if is_last || read >= last {
                return Ok(());
            }
            let bytes: usize = page.iter().map(|recorded| recorded.message.data.len()).sum();
            limit = if bytes > PAGE_BYTES { limit.div_ceil(2) } else { (limit * 2).min(MAX_PAGE) };
            after = Some(read);
        }
    }

    async fn page(&mut self, page: &[Recorded]) -> Result {
        let mut read_once: BTreeMap<Category, Vec<(&Recorded, String)>> = BTreeMap::new();
        let counts = &mut self.found.messages;
        for recorded in page {
            let message = &recorded.message;
            match self.stored.message(message) {
                Reading::Fine => counts.fine += 1,
                Reading::Obsolete => counts.obsolete += 1,
                Reading::Foreign => counts.of_other_programs += 1,
                Reading::Faulty(why) if self.stored.is_read_once(message) => {
                    let category = message.stream.category().clone();
                    read_once.entry(category).or_default().push((recorded, why));
                }
                Reading::Faulty(why) => {
                    counts.faulty += 1;
                    self.kinds.add(FaultKind::of(&recorded.message, Some(recorded.position), why));
                }
            }
        }
        for (category, faulty) in read_once {
            self.read_once(&category, faulty).await?;
        }
        Ok(())
    }

    /// Counts what cannot be read and would be read once only: a fault unless it is settled.
    async fn read_once(&mut self, category: &Category, faulty: Vec<(&Recorded, String)>) -> Result {
        let positions: Vec<u64> = faulty.iter().map(|(recorded, _)| recorded.position).collect();
        let unsettled = self.unsettled(category, &positions).await?;
        for (recorded, why) in faulty {
            if unsettled.as_ref().is_none_or(|unsettled| unsettled.contains(&recorded.position)) {
                self.found.messages.faulty += 1;
                self.kinds.add(FaultKind::of(&recorded.message, Some(recorded.position), why));
            } else {
                self.found.messages.obsolete += 1;
            }
        }
        Ok(())
    }

    /// Those that a group still has to handle, or has parked or given up; `None` when no
    /// group has ever read the category, so that all are left.
    async fn unsettled(
        &self,
        category: &Category,
        positions: &[u64],
    ) -> Result<Option<BTreeSet<u64>>> {
        let groups = self.registered.iter().filter(|known| known.category == *category);
        let mut unsettled = None;
        for RegisteredGroup { group, .. } in groups.filter(|known| !known.group.contains(".relay:"))
        {
            let unsettled = unsettled.get_or_insert_with(BTreeSet::new);
            let waiting = self.store.recall(group, category, positions).await?;
            unsettled.extend(waiting.iter().map(|delivery| delivery.recorded.position));
            self.add_dead(group, category, positions, unsettled).await?;
        }
        Ok(unsettled)
    }

    /// Adds the dead letters of a group among these positions, which ascend.
    async fn add_dead(
        &self,
        group: &str,
        category: &Category,
        positions: &[u64],
        dead: &mut BTreeSet<u64>,
    ) -> Result {
        let (Some(first), Some(last)) = (positions.first(), positions.last()) else {
            return Ok(());
        };
        let mut after = first.saturating_sub(1);
        while after < *last {
            let read = DeadLetterRead {
                group: group.to_owned(),
                category: category.clone(),
                after,
                before: Timestamp::MAX,
                limit: positions.len(),
            };
            let letters = self.store.dead_letters(read).await?;
            dead.extend(letters.iter().map(|letter| letter.recorded.position));
            match letters.last() {
                Some(letter) if letters.len() == positions.len() => {
                    after = letter.recorded.position;
                }
                _ => return Ok(()),
            }
        }
        Ok(())
    }

    async fn schedule(&mut self, domain: &Domain) -> Result {
        let (schedule, mut after) = (ScheduledMessages::of(domain), None);
        loop {
            let page = schedule.page(after, MAX_PAGE).await?;
            for Scheduled { message, .. } in &page {
                let counts = &mut self.found.scheduled;
                let (count, fault) = match self.stored.message(message) {
                    Reading::Fine => (&mut counts.fine, None),
                    Reading::Foreign => (&mut counts.of_other_programs, None),
                    Reading::Faulty(why) => (&mut counts.faulty, Some(why)),
                    // A logged timer would be behind its process; a scheduled one is yet to come.
                    Reading::Obsolete => {
                        let why = "its process manager does not take it any more";
                        (&mut counts.faulty, Some(why.to_owned()))
                    }
                };
                *count += 1;
                if let Some(why) = fault {
                    self.kinds.add(FaultKind::of(message, None, why));
                }
            }
            after = page.last().map(Scheduled::place);
            if page.len() < MAX_PAGE {
                return Ok(());
            }
        }
    }

    async fn snapshots(&mut self) -> Result {
        let mut after = None;
        loop {
            let page = self.stored.snapshots(after.as_deref()).await?;
            let counts = &mut self.found.snapshots;
            for use_of in page.uses {
                match use_of {
                    SnapshotUse::Used => counts.fine += 1,
                    SnapshotUse::LeftAside => counts.obsolete += 1,
                    SnapshotUse::OfAnotherProgram => counts.of_other_programs += 1,
                }
            }
            after = page.last;
            if after.is_none() {
                return Ok(());
            }
        }
    }
}
