//! Where a message stands with a group, and what it waits for: read from the store alone.
//!
//! ```text
//! recall ─▶ parked ─────▶ note ─▶ Parked, or Held behind the first of its stream
//!    │────▶ unsettled ──▶ Held, Expired, or Waiting behind those of its lane
//!    └────▶ settled ────▶ Dead, or Settled
//! ```
//!
//! The reads follow each other, so a group at work may have moved on between two of them.

use protean_port::Result;
use protean_port::message::{Category, Lane, LaneRule, Message, Recorded, Stream, Timestamp};
use protean_port::port::{
    Counter, DeadLetter, DeadLetterRead, Delivery, GroupStatus, LaneRead, ParkedNote,
    PriorityStatus, Start, Store,
};

use super::group::Group;

/// How many messages of a lane are read at once.
const PAGE_MESSAGES: usize = 1000;
/// How many messages before one are counted; reading on would cost more than it tells.
const MAX_COUNTED_MESSAGES: u64 = 10_000;

/// Where a message stands with a group.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Standing {
    /// The handler has no part for it and passes over it.
    Ignored,
    /// It is settled and neither parked nor dead: in one of these ways, the likeliest
    /// first, since the store does not keep which.
    Settled(Vec<Ending>),
    /// Its deadline has passed before it was settled: it is passed over when its turn comes.
    Expired(Timestamp),
    /// It waits for its turn, or is being handled now.
    Waiting(Turn),
    /// It has failed, or could not be tried, and waits until it is due.
    Parked {
        /// How often its handler has failed.
        attempts: u32,
        /// When it is tried again.
        due: Timestamp,
        /// Why, for a person to read.
        reason: String,
    },
    /// It waits for an earlier message of its stream that is parked or dead.
    Held {
        /// The first of its stream that is; `None` when it was released just now.
        behind: Option<Box<Recorded>>,
    },
    /// It was given up.
    Dead {
        /// How often its handler has failed.
        attempts: u32,
        /// When it was given up.
        time: Timestamp,
        /// Why, for a person to read.
        reason: String,
    },
}

/// How a message may have left a group for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ending {
    /// Its handler has completed.
    Handled,
    /// It was committed before the group began, which therefore never takes it.
    BeforeStart,
    /// Its deadline had passed.
    Expired,
    /// It failed too often, and was purged or not kept as a dead letter.
    Purged,
}

/// The turn that a message waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Turn {
    /// Its lane.
    pub lane: Lane,
    /// How many messages of its lane come before it.
    pub ahead: u64,
    /// False when at least `ahead` do, and counting ended there.
    pub is_counted: bool,
    /// How many messages wait in lanes that go first.
    pub more_urgent: u64,
}

/// A group as far as a message's standing with it depends on it.
#[derive(Clone, Copy, Debug)]
pub struct Subscriber<'a> {
    /// The group's name.
    pub group: &'a str,
    /// The category it reads.
    pub category: &'a Category,
    /// True when the messages of a stream wait for each other.
    pub is_ordered: bool,
    /// True when it took the log from its first message on.
    pub is_from_beginning: bool,
    /// True when it passes over the message once its turn comes.
    pub ignores: bool,
    /// Which priorities share a lane.
    pub lanes: LaneRule,
}

/// How far a group is with a message, without the reason.
pub(crate) enum Stage {
    /// It is in the log, and nothing of its stream blocks it.
    Waiting,
    /// It is in the log behind one of its stream that is parked or dead.
    Blocked,
    Parked,
    Dead(Box<DeadLetter>),
    Settled,
}

impl<'a> Subscriber<'a> {
    /// A group of a domain with these lanes, for messages such as this one.
    pub fn of(group: &'a Group, message: &Message, lanes: LaneRule) -> Self {
        Self {
            group: &group.name,
            category: &group.category,
            is_ordered: group.is_ordered(),
            is_from_beginning: group.registration().start == Start::Beginning,
            ignores: group.ignores(message),
            lanes,
        }
    }

    /// Where a message of the category stands at `now`.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn standing(
        &self,
        store: &dyn Store,
        recorded: &Recorded,
        now: Timestamp,
    ) -> Result<Standing> {
        match self.stage(store, recorded).await? {
            Stage::Waiting => self.waiting(store, recorded, now).await,
            Stage::Blocked => self.held(store, recorded).await,
            Stage::Parked => self.parked(store, recorded).await,
            Stage::Dead(dead) => {
                let DeadLetter { attempts, reason, time, .. } = *dead;
                Ok(Standing::Dead { attempts, time, reason })
            }
            Stage::Settled => self.settled(store, recorded).await,
        }
    }

    async fn stage(&self, store: &dyn Store, recorded: &Recorded) -> Result<Stage> {
        let open = store.recall(self.group, self.category, &[recorded.position]).await?;
        match self.open_stage(store, recorded, open.first()).await? {
            Some(stage) => Ok(stage),
            None => Ok(ended(self.dead(store, recorded).await?)),
        }
    }

    /// How far the group is with each of these messages. At most two queries for all, and one for each
    /// that waits in an ordered group or is among too many dead letters.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub(crate) async fn stages(
        &self,
        store: &dyn Store,
        recorded: &[&Recorded],
    ) -> Result<Vec<Stage>> {
        let mut positions: Vec<u64> = recorded.iter().map(|recorded| recorded.position).collect();
        positions.sort_unstable();
        let open = store.recall(self.group, self.category, &positions).await?;
        let is_open = |position| open.iter().any(|open| open.recorded.position == position);
        let mut others = positions.iter().copied().filter(|position| !is_open(*position));
        let (first, limit) = match (others.next(), others.next()) {
            (first, None) => (first, 1),
            (first, Some(_)) => (first, PAGE_MESSAGES),
        };
        let mut dead = match first {
            Some(first) => store.dead_letters(self.dead_letters(first, limit)).await?,
            None => Vec::new(),
        };
        // Those that were read end here, when there are more.
        let read_to = match dead.last() {
            Some(last) if dead.len() == limit => last.recorded.position,
            _ => u64::MAX,
        };
        let mut stages = Vec::new();
        for recorded in recorded {
            let position = recorded.position;
            let open = open.iter().find(|open| open.recorded.position == position);
            stages.push(match self.open_stage(store, recorded, open).await? {
                Some(stage) => stage,
                None if position <= read_to => {
                    let found = dead.iter().position(|dead| dead.recorded.position == position);
                    ended(found.map(|at| dead.swap_remove(at)))
                }
                None => ended(self.dead(store, recorded).await?),
            });
        }
        Ok(stages)
    }

    /// The stage of a message that is not settled, as it was recalled; `None` for any other.
    async fn open_stage(
        &self,
        store: &dyn Store,
        recorded: &Recorded,
        open: Option<&Delivery>,
    ) -> Result<Option<Stage>> {
        let Recorded { stream_position, message, .. } = recorded;
        Ok(match open {
            None => None,
            Some(open) if open.parked => Some(Stage::Parked),
            Some(_)
                if self.is_ordered
                    && store.blocked(self.group, &message.stream, *stream_position).await? =>
            {
                Some(Stage::Blocked)
            }
            Some(_) => Some(Stage::Waiting),
        })
    }

    async fn settled(&self, store: &dyn Store, recorded: &Recorded) -> Result<Standing> {
        if self.ignores {
            return Ok(Standing::Ignored);
        }
        let next = store.next(self.group, &recorded.message.stream).await?;
        let status = store.group_status(self.group, self.category).await?;
        Ok(Standing::Settled(self.endings(recorded, next, &status)))
    }

    /// The ways in which a message may have been settled, when the group expects `next` in
    /// its stream.
    fn endings(&self, recorded: &Recorded, next: u64, status: &GroupStatus) -> Vec<Ending> {
        // A group without order never moves in a stream: it expects what came first after
        // its start.
        if !self.is_ordered && recorded.stream_position < next {
            return vec![Ending::BeforeStart];
        }
        let has_deadline = recorded.message.extensions.deadline.is_some();
        let possible = [
            (Ending::Handled, status.count(Counter::Handled) > 0),
            (Ending::BeforeStart, self.is_ordered && !self.is_from_beginning),
            (Ending::Expired, has_deadline && status.count(Counter::Expired) > 0),
            (Ending::Purged, status.count(Counter::Purged) > 0),
        ];
        possible.into_iter().filter_map(|(ending, may_be)| may_be.then_some(ending)).collect()
    }

    async fn dead(&self, store: &dyn Store, recorded: &Recorded) -> Result<Option<DeadLetter>> {
        let found = store.dead_letters(self.dead_letters(recorded.position, 1)).await?.pop();
        Ok(found.filter(|found| found.recorded.position == recorded.position))
    }

    /// At most so many dead letters from this position on.
    fn dead_letters(&self, from: u64, limit: usize) -> DeadLetterRead {
        DeadLetterRead {
            group: self.group.to_owned(),
            category: self.category.clone(),
            after: from.saturating_sub(1),
            before: Timestamp::MAX,
            limit,
        }
    }

    async fn parked(&self, store: &dyn Store, recorded: &Recorded) -> Result<Standing> {
        match store.parked_note(self.group, recorded.position).await? {
            Some(ParkedNote { attempts, due: Some(due), reason }) => {
                Ok(Standing::Parked { attempts, due, reason })
            }
            _ => self.held(store, recorded).await,
        }
    }

    async fn held(&self, store: &dyn Store, recorded: &Recorded) -> Result<Standing> {
        let (stream, end) = (&recorded.message.stream, recorded.stream_position);
        let behind = first_blocking(store, self.group, stream, end).await?;
        Ok(Standing::Held { behind: behind.map(Box::new) })
    }

    async fn waiting(
        &self,
        store: &dyn Store,
        recorded: &Recorded,
        now: Timestamp,
    ) -> Result<Standing> {
        if let Some(deadline) =
            recorded.message.extensions.deadline.filter(|deadline| *deadline < now)
        {
            return Ok(Standing::Expired(deadline));
        }
        if self.ignores {
            return Ok(Standing::Ignored);
        }
        let status = store.group_status(self.group, self.category).await?;
        let turn = self.turn(recorded, &status);
        Ok(Standing::Waiting(self.count(store, recorded, turn).await?))
    }

    /// The turn of a message, short of those of its own priority that come before it.
    fn turn(&self, recorded: &Recorded, status: &GroupStatus) -> Turn {
        let priority = recorded.message.priority;
        let lane = self.lanes.lane(priority);
        let higher = status.lanes.iter().filter(|other| other.priority > priority);
        let (same, urgent): (Vec<_>, Vec<_>) =
            higher.partition(|other| self.lanes.lane(other.priority) == lane);
        let sum = |lanes: Vec<&PriorityStatus>| lanes.iter().map(|other| other.lag).sum();
        Turn { lane, ahead: sum(same), is_counted: true, more_urgent: sum(urgent) }
    }

    /// Adds the unsettled messages of the same priority that come before it in the log.
    async fn count(&self, store: &dyn Store, recorded: &Recorded, turn: Turn) -> Result<Turn> {
        let priority = recorded.message.priority;
        let (mut counted, mut after) = (0, Vec::new());
        while counted < MAX_COUNTED_MESSAGES {
            let read = LaneRead {
                group: self.group.to_owned(),
                category: self.category.clone(),
                range: (priority, priority),
                after,
                limit: PAGE_MESSAGES,
            };
            let page = store.lane(read).await?;
            let before = page.iter().take_while(|d| d.recorded.position < recorded.position);
            let before = before.count();
            counted += before as u64;
            let Some(last) = page.last().filter(|_| before == PAGE_MESSAGES) else {
                return Ok(Turn { ahead: turn.ahead + counted, ..turn });
            };
            after = vec![(priority, last.recorded.position)];
        }
        Ok(Turn { ahead: turn.ahead + counted, is_counted: false, ..turn })
    }
}

/// The stage of a message that is settled, or dead.
fn ended(dead: Option<DeadLetter>) -> Stage {
    dead.map_or(Stage::Settled, |dead| Stage::Dead(Box::new(dead)))
}

/// The first message of a stream before `end` that is parked or dead and not passed.
async fn first_blocking(
    store: &dyn Store,
    group: &str,
    stream: &Stream,
    end: u64,
) -> Result<Option<Recorded>> {
    if !store.blocked(group, stream, end).await? {
        return Ok(None);
    }
    // Whether something before a position blocks changes once, right after the first that does.
    let (mut free, mut blocked) = (0, end);
    while blocked - free > 1 {
        let middle = free + (blocked - free) / 2;
        if store.blocked(group, stream, middle).await? {
            blocked = middle;
        } else {
            free = middle;
        }
    }
    Ok(store.stream(stream, free, 1).await?.pop())
}
