//! Commands until they are committed: one at a time (`commit-one`) and many at
//! once (`commit-many`).

use std::time::{Duration, Instant};

use protean::{Domain, Id};
use protean_cli::Result;
use tokio::task::JoinSet;

use crate::bank;
use crate::bare::Tape;
use crate::place::{Place, Settings};
use crate::plan::Plan;
use crate::sheet::{Bound, RowId, Sheet, Target};
use crate::stack::Stack;

/// Deposits per account: fewer than the snapshot threshold.
const DEPOSITS_PER_ACCOUNT: usize = 5;
const CONCURRENT_TASKS: usize = 32;
/// Turns per round between ours and the limit, so that both meet the same disk.
const TURNS_PER_ROUND: usize = 4;

pub(super) async fn one_at_a_time(plan: &Plan, stack: &Stack) -> Result<Sheet> {
    let about = "a command handled and committed with its event, one at a time";
    let sheet = Sheet::new("commit-one", about);
    let size = Size { tasks: 1, count: plan.size(500, 10), python: plan.size(300, 5) };
    let target = Target::ratio(Bound::AtLeast(0.8)).and_peer(Bound::AtLeast(10.0));
    run(sheet, plan, stack, size, target).await
}

pub(super) async fn at_once(plan: &Plan, stack: &Stack) -> Result<Sheet> {
    let sheet =
        Sheet::new("commit-many", "a command handled and committed with its event, 32 at once");
    let size =
        Size { tasks: CONCURRENT_TASKS, count: plan.size(4_000, 160), python: plan.size(320, 32) };
    let target = Target::ratio(Bound::AtLeast(0.7)).and_peer(Bound::AtLeast(50.0));
    run(sheet, plan, stack, size, target).await
}

async fn run(
    mut sheet: Sheet,
    plan: &Plan,
    stack: &Stack,
    size: Size,
    target: Target,
) -> Result<Sheet> {
    let open = sheet.row("OpenAccount", "1/s", target);
    let case = Case { size, open, deposit: sheet.row("MakeDeposit", "1/s", target) };
    let Size { count, python, .. } = size;
    sheet.note(format!(
        "{TURNS_PER_ROUND} × {count} commands of each kind per round (Python: {python}), handled in the"
    ));
    sheet.note(format!("sending process; {DEPOSITS_PER_ACCOUNT} deposits go to each account. The limit writes exactly"));
    sheet.note("the rows that ours left, in the same transactions, each sent in one go.");
    for _ in 0..plan.rounds() {
        case.round(&mut sheet, stack).await?;
    }
    Ok(sheet)
}

#[derive(Clone, Copy)]
struct Size {
    tasks: usize,
    /// Commands per turn.
    count: usize,
    /// Commands per round for Python.
    python: u64,
}

struct Case {
    size: Size,
    open: RowId,
    deposit: RowId,
}

/// Totals of one kind of command in a round.
#[derive(Default)]
struct Taken {
    ours: Duration,
    limit: Duration,
    transactions: usize,
}

impl Case {
    async fn round(&self, sheet: &mut Sheet, stack: &Stack) -> Result<()> {
        let place = Place::new(stack, Settings::default())?;
        let domain = place.domain()?;
        domain.process(bank::opening(0)).synchronous().await?;
        let mut tape = Tape::from_now(&place).await?;
        let other = Place::new(stack, Settings::default())?;
        other.prepare().await?;
        let (mut open, mut deposit) = (Taken::default(), Taken::default());
        for _ in 0..TURNS_PER_ROUND {
            let (took, accounts) = self.open(&domain).await?;
            open.add(took, &mut tape, &other).await?;
            let took = self.deposit(&domain, &accounts).await?;
            deposit.add(took, &mut tape, &other).await?;
        }
        for (at, taken) in [(self.open, open), (self.deposit, deposit)] {
            let count = (self.size.count * TURNS_PER_ROUND) as f64;
            sheet.ours(at, count / taken.ours.as_secs_f64());
            sheet.limit(at, count / taken.limit.as_secs_f64());
            sheet.more(at, [("commands a transaction", count / taken.transactions as f64)]);
        }
        if let Some(peer) = stack.peer() {
            let rates = peer.commands(self.size.python, self.size.tasks as u64).await?;
            sheet.peer(self.open, rates.open);
            sheet.peer(self.deposit, rates.deposit);
        }
        Ok(())
    }

    /// Opens accounts; returns how long that took, and their ids.
    async fn open(&self, domain: &Domain) -> Result<(Duration, Vec<Id>)> {
        let begun = Instant::now();
        let mut tasks = JoinSet::new();
        for first in 0..self.size.tasks {
            let numbers = (first..self.size.count).step_by(self.size.tasks);
            let domain = domain.clone();
            tasks.spawn(async move {
                let mut opened = Vec::new();
                for number in numbers {
                    opened.push(domain.process(bank::opening(number as u64)).synchronous().await?);
                }
                Ok::<_, protean::Error>(opened)
            });
        }
        let mut accounts = Vec::new();
        while let Some(opened) = tasks.join_next().await {
            accounts.extend(opened??);
        }
        Ok((begun.elapsed(), accounts))
    }

    /// Makes deposits, never two at once to the same account; returns how long that took.
    async fn deposit(&self, domain: &Domain, accounts: &[Id]) -> Result<Duration> {
        let begun = Instant::now();
        let mut tasks = JoinSet::new();
        let some = &accounts[..self.size.count / DEPOSITS_PER_ACCOUNT];
        for own in some.chunks(some.len().div_ceil(self.size.tasks)) {
            let (domain, own) = (domain.clone(), own.to_vec());
            tasks.spawn(async move {
                for account in std::iter::repeat_n(&own, DEPOSITS_PER_ACCOUNT).flatten() {
                    domain.process(bank::deposit(account, None)).synchronous().await?;
                }
                Ok::<_, protean::Error>(())
            });
        }
        while let Some(done) = tasks.join_next().await {
            done??;
        }
        Ok(begun.elapsed())
    }
}

impl Taken {
    /// Adds a turn: the time of ours, and that of the limit to write the same rows to `other`.
    async fn add(&mut self, ours: Duration, tape: &mut Tape, other: &Place) -> Result<()> {
        let written = tape.next().await?;
        self.ours += ours;
        self.limit += written.write(other).await?;
        self.transactions += written.transactions();
        Ok(())
    }
}
