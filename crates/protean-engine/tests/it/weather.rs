//! What happens to those who use a store, from a seed: delays, failures, a clock that jumps.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use protean::message::{Lane, Priority, Timestamp};
use protean::port::{Changes, Clock, LaneRead};
use protean::{Error, Result};
use tokio::sync::watch;
use tokio::time::Instant;

/// Numbers that look random and are the same for the same seed.
#[derive(Debug)]
pub(crate) struct Dice(AtomicU64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(AtomicU64::new(seed))
    }

    /// A number below `sides`.
    pub(crate) fn roll(&self, sides: u64) -> u64 {
        let mut number = self.0.fetch_add(0x9E37_79B9_7F4A_7C15, Ordering::Relaxed);
        number = (number ^ (number >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        number = (number ^ (number >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (number ^ (number >> 31)) % sides
    }
}

/// A clock that follows simulated time and is set forward and back.
#[derive(Clone)]
pub(crate) struct JumpyClock {
    start: Instant,
    offset: Arc<Mutex<i64>>,
}

impl JumpyClock {
    pub(crate) fn new() -> Self {
        Self { start: Instant::now(), offset: Arc::default() }
    }

    pub(crate) fn jump(&self, seconds: i64) {
        *self.offset.lock().unwrap() += seconds * 1_000_000;
    }
}

impl Clock for JumpyClock {
    fn now(&self) -> Timestamp {
        let elapsed = i64::try_from(self.start.elapsed().as_micros()).unwrap();
        Timestamp::from_micros(1_000_000_000_000 + elapsed + *self.offset.lock().unwrap())
    }
}

/// What happens on the way to the store.
pub(crate) struct Weather {
    dice: Dice,
    calm: AtomicBool,
    still: AtomicBool,
    frozen: watch::Sender<bool>,
    bulk_frozen: watch::Sender<bool>,
    cursors_frozen: watch::Sender<bool>,
    commits_frozen: watch::Sender<bool>,
    outcomes_frozen: watch::Sender<bool>,
    notes_frozen: watch::Sender<bool>,
    /// Pages of bulk work read, by group.
    bulk_reads: Mutex<HashMap<String, u64>>,
    /// Commits that settle bulk work, by group.
    bulk_commits: Mutex<HashMap<String, u64>>,
    /// Commits of what is done again after a crash.
    cursor_commits: AtomicU64,
    /// Notes of claims.
    notes: AtomicU64,
    usurped: AtomicBool,
    refused: AtomicU64,
}

impl Weather {
    pub(crate) fn new(seed: u64) -> Arc<Self> {
        let (frozen, bulk_frozen) = (watch::Sender::new(false), watch::Sender::new(false));
        let notes_frozen = watch::Sender::new(false);
        let (calm, still, usurped) =
            (AtomicBool::new(false), AtomicBool::new(false), AtomicBool::new(false));
        let cursors_frozen = watch::Sender::new(false);
        let (commits_frozen, outcomes_frozen) =
            (watch::Sender::new(false), watch::Sender::new(false));
        let (dice, bulk_reads) = (Dice::new(seed), Mutex::default());
        let refused = AtomicU64::new(0);
        Arc::new(Self {
            dice,
            calm,
            still,
            frozen,
            bulk_frozen,
            cursors_frozen,
            commits_frozen,
            outcomes_frozen,
            notes_frozen,
            bulk_reads,
            bulk_commits: Mutex::default(),
            cursor_commits: AtomicU64::new(0),
            notes: AtomicU64::new(0),
            usurped,
            refused,
        })
    }

    /// Nothing fails any more.
    pub(crate) fn calm(&self) {
        self.calm.store(true, Ordering::Relaxed);
    }

    /// From now on nothing is answered, or again.
    pub(crate) fn freeze(&self, frozen: bool) {
        self.frozen.send_replace(frozen);
    }

    /// From now on nothing fails, and nothing takes any time.
    pub(crate) fn still(&self) {
        self.calm();
        self.still.store(true, Ordering::Relaxed);
    }

    async fn blow(&self, most: u64) {
        if !self.still.load(Ordering::Relaxed) {
            tokio::time::sleep(Duration::from_micros(self.dice.roll(most))).await;
        }
    }

    /// From now on no page of bulk work is answered, or again.
    pub(crate) fn freeze_bulk(&self, frozen: bool) {
        self.bulk_frozen.send_replace(frozen);
    }

    /// From now on no commit of what is done again after a crash is made, or again.
    pub(crate) fn freeze_cursors(&self, frozen: bool) {
        self.cursors_frozen.send_replace(frozen);
    }

    /// From now on nothing is committed, or again.
    pub(crate) fn freeze_commits(&self, frozen: bool) {
        self.commits_frozen.send_replace(frozen);
    }

    /// From now on nobody learns what became of a commit, or again.
    pub(crate) fn freeze_outcomes(&self, frozen: bool) {
        self.outcomes_frozen.send_replace(frozen);
    }

    /// From now on no note of a claim is answered, or again.
    pub(crate) fn freeze_notes(&self, frozen: bool) {
        self.notes_frozen.send_replace(frozen);
    }

    /// How many pages of bulk work were read.
    pub(crate) fn bulk_reads(&self) -> u64 {
        self.bulk_reads.lock().unwrap().values().sum()
    }

    /// How many of them this group has read.
    pub(crate) fn bulk_reads_of(&self, group: &str) -> u64 {
        self.bulk_reads.lock().unwrap().get(group).copied().unwrap_or(0)
    }

    /// How many commits have settled bulk work of this group.
    pub(crate) fn bulk_commits_of(&self, group: &str) -> u64 {
        self.bulk_commits.lock().unwrap().get(group).copied().unwrap_or(0)
    }

    /// How many commits of what is done again after a crash were made.
    pub(crate) fn cursor_commits(&self) -> u64 {
        self.cursor_commits.load(Ordering::SeqCst)
    }

    /// How many notes of claims were made.
    pub(crate) fn notes(&self) -> u64 {
        self.notes.load(Ordering::SeqCst)
    }

    /// From now on another process has every claim, or none.
    pub(crate) fn usurp(&self, usurped: bool) {
        self.usurped.store(usurped, Ordering::SeqCst);
    }

    /// How often a process learnt that another has the claim.
    pub(crate) fn refused(&self) -> u64 {
        self.refused.load(Ordering::SeqCst)
    }

    pub(crate) async fn thaw(&self) {
        thawed(&self.frozen).await;
    }

    /// Takes some time; fails once in `odds` times.
    pub(crate) async fn pass(&self, odds: u64) -> Result {
        self.thaw().await;
        self.blow(3000).await;
        if !self.calm.load(Ordering::Relaxed) && self.dice.roll(odds) == 0 {
            return Err(Error::unavailable("the weather"));
        }
        Ok(())
    }

    /// How many of these units become durable: any prefix may, before an outage.
    pub(crate) async fn pass_commit(&self, units: &[Changes]) -> Result<usize> {
        if units.iter().all(|unit| unit.redone_if_lost) {
            thawed(&self.cursors_frozen).await;
            self.cursor_commits.fetch_add(1, Ordering::SeqCst);
        }
        thawed(&self.commits_frozen).await;
        let bulk = units.iter().filter(|unit| unit.lane == Lane::Backfill);
        if let Some(mark) = bulk.flat_map(|unit| &unit.marks).next() {
            let mut commits = self.bulk_commits.lock().unwrap();
            *commits.entry(mark.group.to_string()).or_default() += 1;
        }
        self.pass(12).await?;
        let all = units.len();
        let cut = || usize::try_from(self.dice.roll(all as u64 + 1)).unwrap();
        Ok(self.pass(20).await.map_or_else(|_| cut(), |()| all))
    }

    /// A process that ends here has committed and does not know.
    pub(crate) async fn pass_outcome(&self) {
        thawed(&self.outcomes_frozen).await;
        self.blow(2000).await;
    }

    pub(crate) async fn pass_note(&self) -> Result {
        if self.usurped.load(Ordering::SeqCst) {
            self.refused.fetch_add(1, Ordering::SeqCst);
            return Err(Error::unavailable("another process has the claim"));
        }
        thawed(&self.notes_frozen).await;
        self.notes.fetch_add(1, Ordering::SeqCst);
        self.pass(50).await
    }

    pub(crate) async fn pass_read(&self, read: &LaneRead) -> Result {
        self.pass(20).await?;
        if read.range.0 <= Priority::BULK {
            *self.bulk_reads.lock().unwrap().entry(read.group.clone()).or_default() += 1;
            thawed(&self.bulk_frozen).await;
        }
        Ok(())
    }
}

async fn thawed(frozen: &watch::Sender<bool>) {
    frozen.subscribe().wait_for(|frozen| !frozen).await.unwrap();
}
