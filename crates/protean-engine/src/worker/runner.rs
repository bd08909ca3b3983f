//! Runs the handler for one delivery.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use protean_core::domain::{Domain, Group};
use protean_core::handling::{NextStep, Position, Verdict, deliver, next_step};
use protean_core::unit::{Overlay, ReadMode, ReadOptions, Sequence};
use protean_port::message::Lane;
use protean_port::port::{Delivery, Store};
use protean_port::{Error, Result};
use tracing::warn;

use crate::bulk_steps::BulkSteps;
use crate::failpoint::reached;
use crate::handover::Handover;
use crate::rebuild::successor::unrepeatable;
use crate::repeated_faults::RepeatedFaults;
use crate::worker::newer_versions::NewerVersions;

/// Runs the handler of one group.
#[derive(Clone)]
pub(crate) struct HandlerRunner {
    pub(crate) domain: Domain,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) group: Arc<Group>,
    pub(crate) steps: BulkSteps,
    /// What has failed and goes on failing.
    pub(crate) faults: Arc<RepeatedFaults>,
    /// The versions of the program that came after this one.
    pub(crate) newer: Arc<NewerVersions>,
    /// What the relay of this process publishes for the first time.
    pub(crate) handover: Handover,
    /// The only table that the handler may change, while its projection is rebuilt.
    pub(crate) only_table: Option<Arc<str>>,
}

/// A slot that a delivery runs in.
#[derive(Clone, Copy)]
pub(crate) struct Slot {
    pub(crate) lane: Lane,
    /// The lane of the slots it was taken from: primary also for backfill that competes with
    /// production.
    pub(crate) taken: Lane,
    /// What the pipeline of the lane had taken in when the turn began.
    pub(crate) since: Sequence,
}

/// A turn that has ended.
pub(crate) struct Ran {
    pub(crate) slot: Slot,
    /// The delivery that had the turn.
    pub(crate) delivery: Delivery,
    pub(crate) result: RunResult,
}

/// What a turn has run.
pub(crate) enum RunResult {
    /// The delivery itself.
    Itself(Judged),
    /// Nothing yet: this one before it in its stream, which its group has not
    /// seen, runs in the same turn.
    First(Box<Delivery>),
    /// The one before it; the delivery needs another turn.
    Before(Box<Delivery>, Judged),
    /// Nothing: the store could not say which message of the stream is next.
    Unknown(Error),
}

/// A verdict, the units whose uncommitted writes it rests on, and the time the handler took.
pub(crate) struct Judged {
    pub(crate) verdict: Verdict,
    pub(crate) readers: BTreeSet<Sequence>,
    pub(crate) took: Duration,
}

impl From<Verdict> for Judged {
    fn from(verdict: Verdict) -> Self {
        Self { verdict, readers: BTreeSet::new(), took: Duration::ZERO }
    }
}

impl HandlerRunner {
    /// Runs the handler of a group with this store.
    pub(crate) fn new(
        domain: &Domain,
        store: Arc<dyn Store>,
        group: Arc<Group>,
        steps: &BulkSteps,
    ) -> Self {
        let newer = Arc::new(NewerVersions::of(domain, &group));
        let (domain, steps) = (domain.clone(), steps.clone());
        let (faults, handover) = (Arc::default(), Handover::default());
        Self { domain, store, group, steps, faults, newer, handover, only_table: None }
    }

    /// Takes what a relay of this process hands over.
    pub(crate) fn handed(self, handover: Handover) -> Self {
        Self { handover, ..self }
    }

    /// The same for the group under this id.
    pub(crate) fn under(&self, id: &Arc<str>) -> Self {
        let group = Arc::new(self.group.with_id(Arc::clone(id)));
        Self {
            handover: self.handover.clone(),
            only_table: self.only_table.clone(),
            ..Self::new(&self.domain, Arc::clone(&self.store), group, &self.steps)
        }
    }

    /// Uses a turn to run its delivery on top of what the units of its lane have written. Once
    /// these are committed, the group expects this position next in the stream.
    pub(crate) async fn run(
        self,
        slot: Slot,
        delivery: Delivery,
        expected: u64,
        overlay: Arc<Mutex<Overlay>>,
    ) -> Ran {
        let result = match self.course_of(&delivery, expected, &overlay).await {
            Ok(NextStep::Now) => RunResult::Itself(self.handle(&delivery, overlay).await),
            Ok(NextStep::First(first)) => RunResult::First(first),
            Ok(NextStep::Duplicate) => RunResult::Itself(Verdict::Duplicate.into()),
            Ok(NextStep::Hold) => RunResult::Itself(Verdict::Held.into()),
            Err(error) => RunResult::Unknown(error),
        };
        Ran { slot, delivery, result }
    }

    /// Uses a turn to run the message that has to run before its delivery.
    pub(crate) async fn run_first(
        self,
        slot: Slot,
        delivery: Delivery,
        first: Box<Delivery>,
        overlay: Arc<Mutex<Overlay>>,
    ) -> Ran {
        let judged = self.handle(&first, overlay).await;
        Ran { slot, delivery, result: RunResult::Before(first, judged) }
    }

    async fn handle(&self, delivery: &Delivery, overlay: Arc<Mutex<Overlay>>) -> Judged {
        if let Some(verdict) = self.unknown(delivery).await {
            return verdict.into();
        }
        reached(if delivery.parked { "before a parked message" } else { "before the handler" });
        // A message may be parked because its first try read too little.
        let mode = if delivery.parked { ReadMode::Verify } else { ReadMode::Assume };
        let read = ReadOptions { overlay: Some(overlay), mode };
        let began = Instant::now();
        let work = deliver::Work::logged(delivery, read).of_batch(self.is_bulk(delivery));
        let ran = deliver::run(self.domain.env(), &self.store, &self.group, work).await;
        reached("after the handler");
        let verdict = self.repeatable(ran.verdict);
        Judged { verdict, readers: ran.readers, took: began.elapsed() }
    }

    /// True for bulk work, of which the commits have spans and not the messages.
    fn is_bulk(&self, delivery: &Delivery) -> bool {
        let priority = delivery.recorded.message.priority;
        self.domain.lanes().lane(priority) == Lane::Backfill
    }

    /// The verdict, unless the handler has done more than it may while its projection is rebuilt.
    fn repeatable(&self, verdict: Verdict) -> Verdict {
        match (&self.only_table, &verdict) {
            (Some(table), Verdict::Done(unit)) => {
                unrepeatable(&unit.changes, table).map_or(verdict, Verdict::Dead)
            }
            _ => verdict,
        }
    }

    /// The verdict on a message that this version of the program has no part for, and a newer
    /// version may have.
    async fn unknown(&self, delivery: &Delivery) -> Option<Verdict> {
        let message = &delivery.recorded.message;
        if self.group.takes(message) {
            return None;
        }
        let catalog = self.domain.catalog();
        let is_known_type = catalog.knows(message.stream.category(), message.name());
        match self.newer.take(&*self.store, &delivery.recorded, is_known_type).await {
            Ok(false) => None,
            Ok(true) => {
                let Group { handler, .. } = &*self.group;
                if let Some(messages) = self.faults.failed("take newer types", Lane::Primary) {
                    warn!(
                        %handler, message_type = %message.type_name, messages,
                        "a newer version of the program takes this type: its messages wait for it"
                    );
                }
                let name = &message.type_name;
                Some(Verdict::TooNew(format!("waits for the newer version that takes {name}")))
            }
            Err(error) => Some(Verdict::Unavailable(error.to_string())),
        }
    }

    /// Decides from memory when it can: only a message that is not obviously
    /// next costs a question to the store.
    async fn course_of(
        &self,
        delivery: &Delivery,
        expected: u64,
        overlay: &Arc<Mutex<Overlay>>,
    ) -> Result<NextStep> {
        if !self.group.is_ordered() {
            return Ok(NextStep::Now);
        }
        let recorded = &delivery.recorded;
        let (stream, position) = (recorded.message.stream.as_str(), recorded.stream_position);
        let is_blocked = {
            let overlay = overlay.lock().unwrap_or_else(PoisonError::into_inner);
            overlay.is_blocked(stream, position)
        };
        if is_blocked {
            return Ok(NextStep::Hold);
        }
        match Position::of(expected.max(delivery.next), position) {
            Position::Next => Ok(NextStep::Now),
            Position::Past | Position::Ahead => {
                next_step(&*self.store, &self.group, delivery, expected).await
            }
        }
    }
}
