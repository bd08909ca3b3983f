//! One deposit at a time, hop by hop: on idle servers, and beside a migration.
//!
//! ```text
//! sent ─▶ COMMIT ─▶ in Redis ─▶ handler begins ─▶ COMMIT ─▶ durable and seen
//!            └▶ process() returns                    └▶ in Redis ─▶ COMMIT of its summary
//! ```
//!
//! The moments come from outside the product, on the clock that all processes share:
//! PostgreSQL remembers when each row was committed (before the disk has it), Redis reports
//! its commands, and the handler notes when it began.

use std::collections::HashMap;
use std::time::Duration;

use fidelis::account::{DepositMade, MakeDeposit};
use protean::model::{Command, Event};
use protean_cli::{Error, Result};

use crate::backlog;
use crate::bare::{self, Delivery, Lanes};
use crate::intervals::Intervals;
use crate::monitor::Monitor;
use crate::place::{Place, Settings};
use crate::plan::Plan;
use crate::sheet::{RowId, Sheet, Target};
use crate::stack::Stack;
use crate::watch::{Watcher, deposit_of};
use crate::{bank, clock};

/// The pause after a deposit, until its event is projected as well.
const PAUSE: Duration = Duration::from_millis(25);

const MESSAGES: &str =
    "SELECT (extract(epoch FROM pg_xact_commit_timestamp(xmin)) * 1000000)::bigint,
            split_part(type, '.', 2), data::json ->> 'account_id', data::json ->> 'reference'
       FROM messages WHERE split_part(type, '.', 2) = ANY ($1)";
const SUMMARIES: &str = "SELECT account_id,
            (extract(epoch FROM pg_xact_commit_timestamp(xmin)) * 1000000)::bigint
       FROM account_summary";

/// A part of the way, and how long it took.
type Hop = (&'static str, fn(&Moments) -> i64);

const HOPS: [Hop; 9] = [
    ("sent → COMMIT of the command", |at| at.committed - at.sent),
    ("COMMIT → in Redis", |at| at.added - at.committed),
    ("in Redis → handler begins", |at| at.begun - at.added),
    ("handler begins → COMMIT of the event", |at| at.event_committed - at.begun),
    ("COMMIT → durable and seen", |at| at.seen - at.event_committed),
    ("all of these", |at| at.seen - at.sent),
    ("beside: COMMIT of the command → process() returns", |at| at.returned - at.committed),
    ("then: COMMIT of the event → in Redis", |at| at.event_added - at.event_committed),
    ("then: in Redis → COMMIT of the summary", |at| at.projected - at.event_added),
];
/// What another process does meanwhile, as its rows begin and as its arguments say.
const BESIDE: [(&str, &[&str]); 3] =
    [("", &[]), ("beside bulk: ", &["flood"]), ("beside bulk events: ", &["flood", "--events"])];

/// The hop that is the sum of those before.
const ALL: usize = 5;

/// The moments of one deposit, in microseconds.
#[derive(Clone, Copy)]
struct Moments {
    sent: i64,
    committed: i64,
    returned: i64,
    added: i64,
    begun: i64,
    event_committed: i64,
    seen: i64,
    event_added: i64,
    projected: i64,
}

pub(super) async fn run(plan: &Plan, stack: &Stack) -> Result<Sheet> {
    let mut sheet = Sheet::new("hop-budget", "one deposit, hop by hop: p50 of each");
    let count = plan.size(200, 10);
    let mut found = BESIDE.map(|(beside, _)| {
        let row = |(what, _): Hop| sheet.row(format!("{beside}{what}"), "µs", Target::NONE);
        (HOPS.map(row), Samples::default())
    });
    sheet.note(format!(
        "{count} deposits per round, at most one every {PAUSE:?}. COMMIT is the moment"
    ));
    sheet.note(
        "that PostgreSQL remembers, before the disk has it (track_commit_timestamp on). Seen: by the",
    );
    sheet.note(
        "sender's process, which reads the log after every commit. The limit is the production",
    );
    sheet.note(
        "lane of the bare pipeline, where seen is the return of COMMIT; beside bulk commands or",
    );
    sheet.note("events, as many as another process can send, it is the same hop on idle servers.");
    for _ in 0..plan.rounds() {
        let mut limit = Samples(of_bare(stack, count).await?);
        for ((rows, all), (_, bulk)) in found.iter_mut().zip(BESIDE) {
            let ours = Samples(of_product(stack, count, bulk).await?);
            for (row, (_, took)) in rows.iter().zip(HOPS) {
                sheet.ours(*row, ours.of(took).median());
                sheet.limit(*row, limit.of(took).median());
            }
            all.0.extend(&ours.0);
            if bulk.is_empty() {
                limit = ours;
            }
        }
    }
    found.iter().for_each(|(rows, samples)| close(&mut sheet, rows, samples));
    Ok(sheet)
}

fn close(sheet: &mut Sheet, rows: &[RowId], samples: &Samples) {
    let (all, slowest) = (samples.of(HOPS[ALL].1).median(), samples.slowest());
    for (index, (row, (_, took))) in rows.iter().zip(HOPS).enumerate() {
        let hop = samples.of(took);
        let share = (index < ALL).then(|| ("% of all", hop.median() / all * 100.0));
        sheet.more(*row, share);
        sheet.more(*row, [("p99", hop.p99()), ("max", hop.at(1000))]);
        // What the tail is made of: each hop of the same deposits, so that their sum is the sum.
        sheet.more(*row, [("mean of the slowest twentieth", slowest.mean(took))]);
    }
}

/// Deposits, each with its moments.
#[derive(Default)]
struct Samples(Vec<Moments>);

impl Samples {
    fn of(&self, took: fn(&Moments) -> i64) -> Intervals {
        let mut intervals = Intervals::default();
        self.0.iter().for_each(|moments| intervals.add(took(moments)));
        intervals
    }

    /// The twentieth that took longest until they were seen; one at least.
    fn slowest(&self) -> Self {
        let mut all = self.0.clone();
        all.sort_unstable_by_key(|moments| std::cmp::Reverse(HOPS[ALL].1(moments)));
        all.truncate((all.len() / 20).max(1));
        Self(all)
    }

    fn mean(&self, took: fn(&Moments) -> i64) -> f64 {
        self.0.iter().map(took).sum::<i64>() as f64 / self.0.len().max(1) as f64
    }
}

/// The deposits beside a child of the benchmark with these arguments, if there are any.
async fn of_product(stack: &Stack, count: u64, bulk: &[&str]) -> Result<Vec<Moments>> {
    let place = Place::new(stack, Settings::default())?;
    let domain = place.domain()?;
    let _server = place.server().await?;
    let mut watcher = Watcher::of(&domain).await?;
    // An account each, whose summary the deposit writes last.
    let accounts = watcher.open_accounts(&domain, count).await?;
    backlog::drained(&domain).await?;
    let mut flood = None;
    if !bulk.is_empty() {
        let mut child = place.child(bulk)?;
        child.line("flowing").await?;
        flood = Some(child);
    }
    let monitor = Monitor::start(stack.servers()?.redis_port())?;
    let mut deliveries = Vec::new();
    for (number, account) in (0..).zip(&accounts) {
        tokio::time::sleep(PAUSE).await;
        let sent = clock::now();
        let deposit = bank::deposit(account, Some(number.to_string()));
        domain.process(deposit).asynchronous().await?;
        let returned = clock::now();
        while !watcher.next().await?.iter().filter_map(deposit_of).any(|(of, _)| of == number) {}
        deliveries.push(Delivery { number, sent, returned, seen: clock::now() });
    }
    // Bulk work has a backlog by now; the deposits are soon in the read model all the same.
    drop(flood);
    tokio::time::sleep(PAUSE * 20).await;
    moments(&place, &deliveries, &monitor.stop()?).await
}

async fn of_bare(stack: &Stack, count: u64) -> Result<Vec<Moments>> {
    let place = Place::new(stack, Settings::default())?;
    let mut lanes = Lanes::start(&place).await?;
    let monitor = Monitor::start(stack.servers()?.redis_port())?;
    let mut deliveries = Vec::new();
    for _ in 0..count {
        tokio::time::sleep(PAUSE).await;
        deliveries.push(lanes.one().await?);
    }
    tokio::time::sleep(PAUSE * 10).await;
    moments(&place, &deliveries, &monitor.stop()?).await
}

/// Adds to each delivery what the servers know of it.
async fn moments(place: &Place, deliveries: &[Delivery], redis: &[String]) -> Result<Vec<Moments>> {
    let log = Commits::read(place).await?;
    let added = |kind: &str| redis.iter().filter_map(|line| added(line, kind)).collect();
    let (commands, events): (HashMap<u64, i64>, HashMap<u64, i64>) =
        (added("COMMAND"), added("EVENT"));
    let of_one = |delivery: &Delivery| {
        let Delivery { number, sent, returned, seen } = *delivery;
        let event = log.events.get(&number)?;
        Some(Moments {
            sent,
            committed: *log.commands.get(&number)?,
            returned,
            added: *commands.get(&number)?,
            begun: event.begun,
            event_committed: event.committed,
            seen,
            event_added: *events.get(&number)?,
            projected: *log.summaries.get(&event.account)?,
        })
    };
    let moments = deliveries.iter().map(|delivery| {
        let number = delivery.number;
        of_one(delivery).ok_or_else(|| Error::failed(format!("deposit {number} left no trace")))
    });
    moments.collect()
}

/// When what was committed, by the numbers of the deposits and by account.
#[derive(Default)]
struct Commits {
    commands: HashMap<u64, i64>,
    events: HashMap<u64, Deposited>,
    summaries: HashMap<String, i64>,
}

struct Deposited {
    account: String,
    begun: i64,
    committed: i64,
}

impl Commits {
    async fn read(place: &Place) -> Result<Self> {
        let home = place.home().ok_or_else(|| Error::failed("a file has no servers"))?;
        let client = bare::connect(&home.database.uri()).await?;
        let mut commits = Self::default();
        let types = [MakeDeposit::NAME, DepositMade::NAME];
        for row in client.query(MESSAGES, &[&types.as_slice()]).await? {
            let (committed, name): (i64, String) = (row.try_get(0)?, row.try_get(1)?);
            let (account, reference): (String, String) = (row.try_get(2)?, row.try_get(3)?);
            let (number, begun) = reference.split_once('@').unwrap_or((&reference, "0"));
            let (number, begun) = (number.parse()?, begun.parse()?);
            if name == MakeDeposit::NAME {
                commits.commands.insert(number, committed);
            } else {
                commits.events.insert(number, Deposited { account, begun, committed });
            }
        }
        for row in client.query(SUMMARIES, &[]).await? {
            commits.summaries.insert(row.try_get(0)?, row.try_get(1)?);
        }
        Ok(commits)
    }
}

/// The number of a deposit and when its message of a kind was added to a stream, of a line
/// such as `1700000000.000001 [0 127.0.0.1:5000] "XADD" "stream" … \"reference\":\"7\" …`.
fn added(line: &str, kind: &str) -> Option<(u64, i64)> {
    let is_kind = line.contains(&format!(r#"\"kind\":\"{kind}\""#));
    let command = line.split('"').nth(1)?;
    let (_, reference) = line.split_once(r#"\"reference\":\""#)?;
    let number = reference.split(['@', '\\']).next()?.parse().ok()?;
    let (seconds, micros) = line.split(' ').next()?.split_once('.')?;
    let at = seconds.parse::<i64>().ok()? * 1_000_000 + micros.parse::<i64>().ok()?;
    (is_kind && command.eq_ignore_ascii_case("XADD")).then_some((number, at))
}

#[cfg(test)]
mod tests {
    use super::added;

    #[test]
    fn only_an_added_deposit_of_the_kind_has_a_number_and_a_moment() {
        let line = |command: &str| {
            format!(
                r#"1700000000.000002 [3 lua] "{command}" "s" "*" "data" "{{\"reference\":\"7@12\",\"kind\":\"EVENT\"}}""#
            )
        };
        assert_eq!(added(&line("XADD"), "EVENT"), Some((7, 1_700_000_000_000_002)));
        assert_eq!(added(&line("XADD"), "COMMAND"), None);
        assert_eq!(added(&line("SET"), "EVENT"), None);
    }
}
