//! A store that is slow, fails now and then, and outlives the processes that use it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use protean::memory::MemoryStore;
use protean::message::{Category, Lane, Priority, Stream, Table, Timestamp};
use protean::port::{
    BoxFuture, Changes, Claim, Clock, CommitWatch, DeadLetter, DeadLetterRead, Delivery, Find,
    GroupRegistration, GroupStatus, KeyClaim, LaneRead, Ledger, Location, Log, LogId, LogIdentity,
    LogPlace, Outcome, ParkedNote, ParkedPage, ParkedRead, Parking, Provider, RegisteredGroup,
    RowQuery, RowState, Rows, Store, StoreHealth, TypeStats, Watched,
};
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
        let (calm, usurped) = (AtomicBool::new(false), AtomicBool::new(false));
        let cursors_frozen = watch::Sender::new(false);
        let (commits_frozen, outcomes_frozen) =
            (watch::Sender::new(false), watch::Sender::new(false));
        let (dice, bulk_reads) = (Dice::new(seed), Mutex::default());
        let refused = AtomicU64::new(0);
        Arc::new(Self {
            dice,
            calm,
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

    async fn thaw(&self) {
        thawed(&self.frozen).await;
    }

    /// Takes some time; fails once in `odds` times.
    async fn pass(&self, odds: u64) -> Result {
        self.thaw().await;
        tokio::time::sleep(Duration::from_micros(self.dice.roll(3000))).await;
        if !self.calm.load(Ordering::Relaxed) && self.dice.roll(odds) == 0 {
            return Err(Error::unavailable("the weather"));
        }
        Ok(())
    }

    async fn pass_read(&self, read: &LaneRead) -> Result {
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

/// The store in memory behind the weather.
#[derive(Clone)]
pub(crate) struct Unreliable {
    inner: Arc<MemoryStore>,
    weather: Arc<Weather>,
    notes: Arc<Mutex<HashMap<String, Vec<u64>>>>,
}

impl Unreliable {
    pub(crate) fn new(weather: &Arc<Weather>) -> Self {
        let inner = Arc::new(MemoryStore::new());
        Self { inner, weather: Arc::clone(weather), notes: Arc::default() }
    }

    /// Takes a claim away from its holder; false when nobody holds it.
    pub(crate) fn revoke(&self, claim: &str) -> bool {
        self.inner.revoke_claim(claim)
    }
}

impl Provider for Unreliable {
    fn name(&self) -> &'static str {
        "memory"
    }

    fn fault(&self, _: &Location) -> Option<String> {
        None
    }

    fn open<'a>(&'a self, _: &'a Location) -> BoxFuture<'a, Result<Arc<dyn Store>>> {
        Box::pin(async move {
            self.weather.thaw().await;
            Ok(Arc::new(self.clone()) as Arc<dyn Store>)
        })
    }
}

impl LogIdentity for Unreliable {
    fn log_id(&self) -> BoxFuture<'_, Result<LogId>> {
        self.inner.log_id()
    }

    fn renew_log_id(&self) -> BoxFuture<'_, Result<LogId>> {
        self.inner.renew_log_id()
    }
}

impl StoreHealth for Unreliable {
    fn check_writing(&self) -> BoxFuture<'_, Result<()>> {
        self.inner.check_writing()
    }
}

impl Store for Unreliable {
    fn commit(&self, units: Arc<[Changes]>) -> BoxFuture<'_, Vec<Outcome>> {
        Box::pin(async move {
            if units.iter().all(|unit| unit.redone_if_lost) {
                thawed(&self.weather.cursors_frozen).await;
                self.weather.cursor_commits.fetch_add(1, Ordering::SeqCst);
            }
            thawed(&self.weather.commits_frozen).await;
            let marks = units
                .iter()
                .filter(|unit| unit.lane == Lane::Backfill)
                .flat_map(|unit| &unit.marks);
            if let Some(mark) = marks.clone().next() {
                let mut commits = self.weather.bulk_commits.lock().unwrap();
                *commits.entry(mark.group.to_string()).or_default() += 1;
            }
            if let Err(error) = self.weather.pass(12).await {
                return vec![Outcome::Unavailable(error.to_string()); units.len()];
            }
            // Any prefix of a list may become durable before an outage.
            let kept = match self.weather.pass(20).await {
                Ok(()) => units.len(),
                Err(_) => usize::try_from(self.weather.dice.roll(units.len() as u64 + 1)).unwrap(),
            };
            let mut outcomes = self.inner.commit(Arc::from(&units[..kept])).await;
            outcomes.resize(units.len(), Outcome::Unavailable("the weather".into()));
            thawed(&self.weather.outcomes_frozen).await;
            // A process that ends here has committed and does not know.
            tokio::time::sleep(Duration::from_micros(self.weather.dice.roll(2000))).await;
            outcomes
        })
    }

    fn commits(&self) -> watch::Receiver<u64> {
        self.inner.commits()
    }

    fn watch(&self, watched: Vec<Watched>) -> CommitWatch {
        self.inner.watch(watched)
    }

    fn prepare<'a>(
        &'a self,
        tables: &'a [Table],
        registrations: &'a [GroupRegistration],
    ) -> BoxFuture<'a, Result<()>> {
        self.inner.prepare(tables, registrations)
    }

    fn known<'a>(
        &'a self,
        command: &'a str,
        key: &'a str,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<Option<KeyClaim>>> {
        self.inner.known(command, key, now)
    }

    fn sweep(&self, now: Timestamp, limit: usize) -> BoxFuture<'_, Result<usize>> {
        self.inner.sweep(now, limit)
    }

    fn forget<'a>(&'a self, group: &'a str) -> BoxFuture<'a, Result<()>> {
        self.inner.forget(group)
    }

    fn destroy<'a>(&'a self, tables: &'a [Table]) -> BoxFuture<'a, Result<()>> {
        self.inner.destroy(tables)
    }
}

impl Log for Unreliable {
    fn stream<'a>(
        &'a self,
        stream: &'a Stream,
        from: u64,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<protean::message::Recorded>>> {
        Box::pin(async move {
            self.weather.pass(40).await?;
            self.inner.stream(stream, from, limit).await
        })
    }

    fn lane(&self, read: LaneRead) -> BoxFuture<'_, Result<Vec<Delivery>>> {
        Box::pin(async move {
            self.weather.pass_read(&read).await?;
            self.inner.lane(read).await
        })
    }

    fn lane_places(&self, read: LaneRead) -> BoxFuture<'_, Result<Vec<LogPlace>>> {
        Box::pin(async move {
            self.weather.pass_read(&read).await?;
            self.inner.lane_places(read).await
        })
    }

    fn find(&self, find: Find) -> BoxFuture<'_, Result<Vec<protean::message::Recorded>>> {
        self.inner.find(find)
    }

    fn streams<'a>(
        &'a self,
        category: &'a Category,
        after: Option<&'a Stream>,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<Stream>>> {
        self.inner.streams(category, after, limit)
    }

    fn stats(&self) -> BoxFuture<'_, Result<Vec<TypeStats>>> {
        self.inner.stats()
    }

    fn broken_streams(&self, limit: usize) -> BoxFuture<'_, Result<Vec<String>>> {
        self.inner.broken_streams(limit)
    }
}

impl Rows for Unreliable {
    fn row<'a>(&'a self, table: &'a Table, key: &'a str) -> BoxFuture<'a, Result<RowState>> {
        Box::pin(async move {
            self.weather.pass(40).await?;
            self.inner.row(table, key).await
        })
    }

    fn query<'a>(
        &'a self,
        table: &'a Table,
        query: &'a RowQuery,
    ) -> BoxFuture<'a, Result<Vec<RowState>>> {
        self.inner.query(table, query)
    }

    fn count<'a>(&'a self, table: &'a Table, query: &'a RowQuery) -> BoxFuture<'a, Result<u64>> {
        self.inner.count(table, query)
    }
}

impl Ledger for Unreliable {
    fn next<'a>(&'a self, group: &'a str, stream: &'a Stream) -> BoxFuture<'a, Result<u64>> {
        Box::pin(async move {
            self.weather.pass(30).await?;
            self.inner.next(group, stream).await
        })
    }

    fn blocked<'a>(
        &'a self,
        group: &'a str,
        stream: &'a Stream,
        position: u64,
    ) -> BoxFuture<'a, Result<bool>> {
        self.inner.blocked(group, stream, position)
    }

    fn parked(&self, read: ParkedRead) -> BoxFuture<'_, Result<ParkedPage>> {
        Box::pin(async move {
            self.weather.pass(20).await?;
            self.inner.parked(read).await
        })
    }

    fn group_status<'a>(
        &'a self,
        group: &'a str,
        category: &'a Category,
    ) -> BoxFuture<'a, Result<GroupStatus>> {
        Box::pin(async move {
            self.weather.thaw().await;
            self.inner.group_status(group, category).await
        })
    }

    fn claim<'a>(&'a self, group: &'a str) -> BoxFuture<'a, Result<Option<Box<dyn Claim>>>> {
        Box::pin(async move {
            self.weather.pass(20).await?;
            let Some(held) = self.inner.claim(group).await? else { return Ok(None) };
            let left = self.notes.lock().unwrap().get(group).cloned().unwrap_or_default();
            let (group, notes) = (group.to_owned(), Arc::clone(&self.notes));
            let weather = Arc::clone(&self.weather);
            let held = Arc::from(held);
            Ok(Some(Box::new(Noted { held, group, notes, left, weather }) as Box<dyn Claim>))
        })
    }

    fn recall<'a>(
        &'a self,
        group: &'a str,
        category: &'a Category,
        positions: &'a [u64],
    ) -> BoxFuture<'a, Result<Vec<Delivery>>> {
        Box::pin(async move {
            self.weather.pass(10).await?;
            self.inner.recall(group, category, positions).await
        })
    }

    fn dead_letters(&self, read: DeadLetterRead) -> BoxFuture<'_, Result<Vec<DeadLetter>>> {
        self.inner.dead_letters(read)
    }

    fn registered_groups(&self) -> BoxFuture<'_, Result<Vec<RegisteredGroup>>> {
        Box::pin(async move {
            self.weather.thaw().await;
            self.inner.registered_groups().await
        })
    }
}

impl Parking for Unreliable {
    fn parked_note<'a>(
        &'a self,
        group: &'a str,
        position: u64,
    ) -> BoxFuture<'a, Result<Option<ParkedNote>>> {
        self.inner.parked_note(group, position)
    }
}

/// A claim whose notes outlive the process that holds it.
struct Noted {
    held: Arc<dyn Claim>,
    group: String,
    notes: Arc<Mutex<HashMap<String, Vec<u64>>>>,
    left: Vec<u64>,
    weather: Arc<Weather>,
}

impl Claim for Noted {
    fn left(&self) -> &[u64] {
        &self.left
    }

    fn lost(&self) -> BoxFuture<'static, ()> {
        self.held.lost()
    }

    fn note(&self, positions: &[u64]) -> BoxFuture<'static, Result> {
        let (weather, held) = (Arc::clone(&self.weather), Arc::clone(&self.held));
        let (notes, group) = (Arc::clone(&self.notes), self.group.clone());
        let positions = positions.to_vec();
        Box::pin(async move {
            if weather.usurped.load(Ordering::SeqCst) {
                weather.refused.fetch_add(1, Ordering::SeqCst);
                return Err(Error::unavailable("another process has the claim"));
            }
            thawed(&weather.notes_frozen).await;
            weather.notes.fetch_add(1, Ordering::SeqCst);
            weather.pass(50).await?;
            // A note of a claim that is lost does not arrive: somebody else may have noted since.
            held.note(&positions).await?;
            notes.lock().unwrap().insert(group, positions);
            // One that has arrived may be thought lost.
            weather.pass(50).await
        })
    }
}
