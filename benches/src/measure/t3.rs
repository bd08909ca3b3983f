//! T3 and T4: commands until they are committed, one at a time and many at once.

use std::time::{Duration, Instant};

use protean::{Domain, Id};
use protean_cli::Result;
use tokio::task::JoinSet;

use crate::bank;
use crate::bare::Tape;
use crate::place::{Place, Settings};
use crate::plan::Plan;
use crate::sheet::{At, Bound, Sheet, Target};
use crate::stack::Stack;

/// Deposits to each account; fewer than a snapshot is taken after.
const EACH: usize = 5;
const AT_ONCE: usize = 32;
/// In how many turns a round is done, ours and the limit: both meet the same disk.
const TURNS: usize = 4;

/// T3.
pub(super) async fn one_at_a_time(plan: &Plan, stack: &Stack) -> Result<Sheet> {
    let about = "a command handled and committed with its event, one at a time";
    let sheet = Sheet::new("t3", about);
    run(sheet, (plan, stack), (1, plan.size(500, 10), 0.8)).await
}

/// T4.
pub(super) async fn at_once(plan: &Plan, stack: &Stack) -> Result<Sheet> {
    let sheet = Sheet::new("t4", "a command handled and committed with its event, 32 at once");
    run(sheet, (plan, stack), (AT_ONCE, plan.size(4_000, 160), 0.7)).await
}

async fn run(
    mut sheet: Sheet,
    (plan, stack): (&Plan, &Stack),
    (tasks, count, least): (usize, usize, f64),
) -> Result<Sheet> {
    let target = Target::ratio(Bound::AtLeast(least));
    let case = Case {
        tasks,
        count,
        open: sheet.row("OpenAccount", "1/s", target),
        deposit: sheet.row("MakeDeposit", "1/s", target),
    };
    sheet.note(format!(
        "{TURNS} × {count} commands of each kind a round, in the process that sends;"
    ));
    sheet.note(format!(
        "deposits go to accounts in turn, {EACH} to each. The limit writes the very"
    ));
    sheet.note(
        "rows that ours left, in the transactions that ours made of them, each sent at once.",
    );
    for _ in 0..plan.rounds() {
        case.round(&mut sheet, stack).await?;
    }
    Ok(sheet)
}

struct Case {
    tasks: usize,
    /// Commands a turn.
    count: usize,
    open: At,
    deposit: At,
}

/// What one kind of command has taken so far.
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
        let (mut tape, other) =
            (Tape::from_now(&place).await?, Place::new(stack, Settings::default())?);
        other.prepare().await?;
        let (mut open, mut deposit) = (Taken::default(), Taken::default());
        for _ in 0..TURNS {
            let (took, accounts) = self.open(&domain).await?;
            open.add(took, (&mut tape, &other)).await?;
            let took = self.deposit(&domain, &accounts).await?;
            deposit.add(took, (&mut tape, &other)).await?;
        }
        for (at, taken) in [(self.open, open), (self.deposit, deposit)] {
            let count = (self.count * TURNS) as f64;
            sheet.ours(at, count / taken.ours.as_secs_f64());
            sheet.limit(at, count / taken.limit.as_secs_f64());
            // Another system goes here: `sheet.peer(at, …)`.
            sheet.more(at, [("commands a transaction", count / taken.transactions as f64)]);
        }
        Ok(())
    }

    /// How long it takes to open accounts, and these.
    async fn open(&self, domain: &Domain) -> Result<(Duration, Vec<Id>)> {
        let begun = Instant::now();
        let mut tasks = JoinSet::new();
        for first in 0..self.tasks {
            let (domain, numbers) = (domain.clone(), (first..self.count).step_by(self.tasks));
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

    /// How long deposits take; no two at once to one account.
    async fn deposit(&self, domain: &Domain, accounts: &[Id]) -> Result<Duration> {
        let begun = Instant::now();
        let mut tasks = JoinSet::new();
        let some = &accounts[..self.count / EACH];
        for own in some.chunks(some.len().div_ceil(self.tasks)) {
            let (domain, own) = (domain.clone(), own.to_vec());
            tasks.spawn(async move {
                for account in std::iter::repeat_n(&own, EACH).flatten() {
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
    /// Ours have taken so long for what is on the tape; the limit writes it into another place.
    async fn add(&mut self, ours: Duration, (tape, other): (&mut Tape, &Place)) -> Result<()> {
        let written = tape.next().await?;
        self.ours += ours;
        self.limit += written.write(other).await?;
        self.transactions += written.transactions();
        Ok(())
    }
}
