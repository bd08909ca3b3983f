//! Claims are taken away at random while two server processes work under load.
//!
//! What is promised, of each group and each taking:
//!
//! * One second after its successor has begun a handler, the process that lost the claim begins
//!   nothing that belongs to the claim, until it has won the claim again. On one file and on
//!   PostgreSQL that is every message. From a broker any process takes messages; to the claim
//!   belong the next tries of what has failed, and the search for what dead processes have left.
//! * A process that is stopped (`SIGSTOP`) cannot know that its claim is gone. The second counts
//!   the time that it runs: once it goes on, it begins for one second at most.
//! * Whatever begins twice, its effects are there once, and every account closes.
//! * The loss is said once in the log, for each claim that was held.
//!
//! The handlers write down when they begin, in a file for each process (`record`); the broker
//! tells who searches it (`takings`); `judge` compares. `PROTEAN_TAKINGS=1000` takes claims away
//! that often instead of 50 times, `PROTEAN_SEED=7` in another order.

mod judge;
mod record;
mod server;
mod takings;

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::future::join_all;
use protean::Error;
use protean::message::Priority;

use crate::harness::{Harness, On, WAIT_LIMIT};
use crate::shared::is_exact;
use crate::tallies::Add;
use crate::weather::Dice;
use judge::{Begin, Begun, Stall};
use record::{Line, now};
use server::{COMMANDS, NUMBERS, SUM, ServerProcess};
use takings::{Claims, TakeOvers};

const GROUPS: [&str; 3] = [COMMANDS, NUMBERS, SUM];
const NAMES: [&str; 2] = ["first", "second"];
/// Between two commands.
const LOAD_INTERVAL: Duration = Duration::from_millis(35);
/// Between two looks at who holds what.
const LOOK_INTERVAL: Duration = Duration::from_millis(100);
/// How many pairs work side by side.
const PAIRS: u64 = 4;

/// What is done to the process that holds a claim.
#[derive(Clone, Copy, Debug)]
enum Taking {
    /// Its session is ended, or its lock file removed or replaced.
    Ended,
    /// The same while it is stopped; it goes on once another process has begun.
    EndedWhileStopped,
    /// The broker gives what it has read to the other process.
    EntriesStolen,
    /// It is stopped until the lease of what it has read has run out.
    LeaseRunOut,
}

impl Taking {
    fn on(on: On, dice: &Dice) -> Self {
        let all = [Self::Ended, Self::EndedWhileStopped, Self::EntriesStolen, Self::LeaseRunOut];
        let sides = if matches!(on, On::Production) { 4 } else { 2 };
        all[usize::try_from(dice.roll(sides)).unwrap()]
    }
}

/// Two servers of one domain, and what has been done to them.
struct Pair {
    on: On,
    dice: Dice,
    harness: Harness,
    claims: Claims,
    servers: [ServerProcess; 2],
    take_overs: Option<TakeOvers>,
    /// When the claim of a group was taken away.
    taken: RefCell<BTreeMap<String, Vec<Duration>>>,
    /// When the servers were asked to stop: the one that is left leads for a moment.
    ended: Option<Duration>,
    /// How many commands were sent.
    sent: Cell<i64>,
    _folder: tempfile::TempDir,
}

impl Pair {
    fn start(on: On, seed: u64) -> Self {
        // A lost claim leaves notes behind: its messages are suspected, once more each time.
        let patient = |config: String| {
            let retries =
                "max_retries = 50\nretry_delay_seconds = 0.1\ncircuit_breaker_threshold = 1000";
            let config = config.replace("max_retries = 2\nretry_delay_seconds = 0.02", retries);
            config.replace("lease_seconds = 2", "lease_seconds = 1")
        };
        let harness = Harness::rewritten(on, patient, |builder| builder);
        let folder = tempfile::tempdir().unwrap();
        let servers = NAMES.map(|name| {
            // The database shows this name with each session.
            let settings = match on {
                On::Production | On::Postgres => {
                    let uri = harness.database().uri();
                    harness.settings().replace(&uri, &format!("{uri}?application_name={name}"))
                }
                _ => harness.settings().to_owned(),
            };
            ServerProcess::start(folder.path(), name, &settings)
        });
        let take_overs = matches!(on, On::Production).then(|| TakeOvers::watch(harness.redis()));
        let (claims, dice) = (takings::claims(&harness.domain), Dice::new(seed));
        let (taken, sent) = (RefCell::default(), Cell::new(0));
        Self {
            on,
            dice,
            harness,
            claims,
            servers,
            take_overs,
            taken,
            ended: None,
            sent,
            _folder: folder,
        }
    }

    /// Sends commands of both lanes until it is stopped.
    async fn load(&self, ended: &Cell<bool>) {
        let mut is_open = false;
        // One that has failed may have been kept, so it is sent until that is known.
        while is_open || !ended.get() {
            let number = self.sent.get();
            let priority = if number % 2 == 0 { Priority::NORMAL } else { Priority::BULK };
            let command = Add { tally: format!("t-{}", number % 20).into(), number };
            let sending = self.harness.domain.process(command).priority(priority);
            let sent = sending.idempotency_key(format!("number-{number}")).asynchronous().await;
            // A process that is stopped amid its commit keeps everybody from the database.
            assert!(sent.as_ref().map_or_else(Error::is_unavailable, |_| true), "{sent:?}");
            is_open = sent.is_err();
            self.sent.set(number + i64::from(!is_open));
            tokio::time::sleep(LOAD_INTERVAL).await;
        }
    }

    /// Takes claims away, so many times.
    async fn take_away(&self, takings: u64) {
        self.all_held().await;
        for _ in 0..takings {
            let group = GROUPS[self.below(3)];
            match Taking::on(self.on, &self.dice) {
                Taking::Ended => self.end_claim(group),
                Taking::EndedWhileStopped => self.end_claim_of_stopped(group).await,
                Taking::EntriesStolen => takings::steal_entries(self.harness.redis(), group),
                Taking::LeaseRunOut => {
                    let server = &self.servers[self.below(2)];
                    server.pause();
                    tokio::time::sleep(Duration::from_millis(1200 + self.dice.roll(800))).await;
                    server.proceed();
                }
            }
            self.all_held().await;
            // Sometimes the next one comes before the loser has had its second.
            let wait = [150 + self.dice.roll(500), 1300 + self.dice.roll(400)][self.below(2)];
            tokio::time::sleep(Duration::from_millis(wait)).await;
        }
    }

    fn below(&self, sides: u64) -> usize {
        usize::try_from(self.dice.roll(sides)).unwrap()
    }

    fn end_claim(&self, group: &str) {
        let at = now();
        let lost: Vec<String> = match self.on {
            On::Sqlite => {
                let holder = self.holder_of_file(group);
                takings::take_file(&self.harness, group, &self.dice);
                holder.map(|_| group.to_owned()).into_iter().collect()
            }
            _ => takings::end_session(&self.harness, &self.claims, group),
        };
        assert!(lost.iter().any(|lost| lost == group), "nobody held the claim of {group}");
        let mut taken = self.taken.borrow_mut();
        lost.into_iter().for_each(|group| taken.entry(group).or_default().push(at));
    }

    async fn end_claim_of_stopped(&self, group: &str) {
        let holder = self.holder(group);
        holder.pause();
        let at = now();
        self.end_claim(group);
        // The successor may have to wait for what the one that is stopped still has.
        let patience = at + Duration::from_millis(1500);
        let has_begun = |server: &ServerProcess| last_begun(server, group) > Some(at);
        while now() < patience && !self.servers.iter().any(has_begun) {
            tokio::time::sleep(LOOK_INTERVAL).await;
        }
        tokio::time::sleep(Duration::from_millis(self.dice.roll(700))).await;
        holder.proceed();
    }

    /// The process that holds the claim of a group.
    fn holder(&self, group: &str) -> &ServerProcess {
        let [first, second] = &self.servers;
        let is_first = match self.on {
            On::Sqlite => self.holder_of_file(group) == Some(first.id()),
            _ => {
                let holders = takings::holders(&self.harness, &self.claims);
                holders.get(group).is_some_and(|name| name == first.name)
            }
        };
        if is_first { first } else { second }
    }

    fn holder_of_file(&self, group: &str) -> Option<u32> {
        let processes = self.servers.each_ref().map(ServerProcess::id);
        takings::holder_of_file(&self.harness, group, processes)
    }

    /// Waits until both servers work or stand by.
    async fn both_ready(&self) {
        let is_ready = |server: &ServerProcess| server.log().contains("server ready");
        self.until("both are ready", async || self.servers.iter().all(is_ready)).await;
    }

    /// Waits until every claim is held.
    async fn all_held(&self) {
        let all = || match self.on {
            On::Sqlite => GROUPS.iter().all(|group| self.holder_of_file(group).is_some()),
            _ => takings::holders(&self.harness, &self.claims).len() == GROUPS.len(),
        };
        self.until("every claim is held", async || all()).await;
    }

    async fn at_rest(&self) {
        let is_settled = async || {
            let mut waiting = 0;
            for group in GROUPS {
                let standing = self.harness.group_status(group).await;
                waiting += standing.lag() + standing.parked();
            }
            waiting == 0
        };
        // Twice: what one group does between two looks may be work for another.
        self.until("everything is settled", async || is_settled().await && is_settled().await)
            .await;
    }

    /// Waits for something; when it does not come, a broken promise may be why.
    async fn until(&self, what: &str, done: impl AsyncFn() -> bool) {
        let patience = now() + WAIT_LIMIT;
        while !done().await {
            if now() > patience {
                self.judge();
                panic!("not in time: {what}");
            }
            tokio::time::sleep(LOOK_INTERVAL).await;
        }
    }

    /// What was begun under the claim of a group.
    fn begun(&self, group: &str) -> Begun {
        let mut begun = Begun::default();
        let records = self.servers.each_ref().map(ServerProcess::recorded);
        for (process, record) in records.into_iter().enumerate() {
            for line in record {
                match line {
                    Line::Stalled { from, to } => begun.stalls[process].push(Stall { from, to }),
                    Line::Began { at, group: of, number, attempt }
                        if of == group && (self.take_overs.is_none() || attempt > 1) =>
                    {
                        let what = format!("number {number}, attempt {attempt}");
                        begun.by[process].push(Begin { at, what });
                    }
                    Line::Began { .. } => {}
                }
            }
        }
        for search in self.take_overs.iter().flat_map(TakeOvers::seen) {
            let of =
                |server: &ServerProcess| search.consumer.contains(&format!("-{}-", server.id()));
            if search.group == group
                && let Some(process) = self.servers.iter().position(of)
            {
                let what = "a search for what dead processes have left".to_owned();
                begun.by[process].push(Begin { at: search.at, what });
            }
        }
        begun.by.iter_mut().for_each(|begun| begun.sort_unstable());
        begun
    }

    fn judge(&self) {
        let logs = self.servers.each_ref().map(ServerProcess::log);
        let of_claims = |log: &String| {
            let lines = log.lines().filter(|line| line.contains("claim"));
            lines.fold(String::new(), |text, line| text + line + "\n")
        };
        let text = || logs.each_ref().map(of_claims).join("--- the second:\n");
        for group in GROUPS {
            let taken = self.taken.borrow().get(group).cloned().unwrap_or_default();
            let begun = self.begun(group);
            assert!(begun.by.iter().any(|begun| !begun.is_empty()), "{group} has begun nothing");
            let moves: Vec<Duration> = taken.iter().copied().chain(self.ended).collect();
            let overlaps = begun.overlaps(&moves);
            assert!(
                overlaps.is_empty(),
                "{group}, taken at {taken:?}: {}\n{}",
                overlaps.join("\n"),
                text()
            );
            let claim = format!("lost the claim, standing by claim={group}@");
            let said: usize = logs.iter().map(|log| log.matches(&*claim).count()).sum();
            assert_eq!(said, taken.len(), "{group} was taken at {taken:?}\n{}", text());
        }
    }
}

/// When a handler of a group has begun last in a process.
fn last_begun(server: &ServerProcess, group: &str) -> Option<Duration> {
    let of_group = |line| match line {
        Line::Began { at, group: of, .. } if of == group => Some(at),
        _ => None,
    };
    server.recorded().into_iter().filter_map(of_group).max()
}

async fn play(on: On, seed: u64, takings: u64) {
    let mut pair = Pair::start(on, seed);
    let ended = Cell::new(false);
    pair.both_ready().await;
    tokio::join!(pair.load(&ended), async {
        pair.take_away(takings).await;
        ended.set(true);
    });
    pair.at_rest().await;
    pair.all_held().await;
    pair.ended = Some(now());
    pair.servers.iter_mut().for_each(ServerProcess::stop);
    pair.judge();
    is_exact(&pair.harness, pair.sent.get()).await;
}

/// Claims are taken away in pairs of processes, side by side: this share of all, in per cent.
async fn claims_are_taken_away(on: On, share: u64) {
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>().unwrap());
    let takings = number("PROTEAN_TAKINGS").unwrap_or(50) * share / 100;
    let seed = number("PROTEAN_SEED").unwrap_or(1);
    let each = takings.div_ceil(PAIRS);
    join_all(
        (0..PAIRS).map(|pair| {
            play(on, 1000 * seed + pair, each.min(takings.saturating_sub(pair * each)))
        }),
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_one_file_a_loser_begins_nothing_and_nothing_happens_twice() {
    claims_are_taken_away(On::Sqlite, 40).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL: cargo xtask test"]
async fn on_postgresql_a_loser_begins_nothing_and_nothing_happens_twice() {
    claims_are_taken_away(On::Postgres, 30).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL and Redis: cargo xtask test"]
async fn beside_a_broker_a_loser_leaves_what_belongs_to_the_claim_and_nothing_happens_twice() {
    claims_are_taken_away(On::Production, 30).await;
}
