//! T3 and T4: commands until they are committed, one at a time and many at once.

use std::time::Instant;

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

/// T3.
pub(super) async fn one_at_a_time(plan: &Plan, stack: &Stack) -> Result<Sheet> {
    let about = "a command handled and committed with its event, one at a time";
    let sheet = Sheet::new("t3", about);
    run(sheet, (plan, stack), (1, plan.size(2_000, 40), 0.8)).await
}

/// T4.
pub(super) async fn at_once(plan: &Plan, stack: &Stack) -> Result<Sheet> {
    let sheet = Sheet::new("t4", "a command handled and committed with its event, 32 at once");
    run(sheet, (plan, stack), (AT_ONCE, plan.size(10_000, 320), 0.7)).await
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
    sheet.note(format!("{count} commands of each kind a round, in the process that sends them;"));
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
    count: usize,
    open: At,
    deposit: At,
}

impl Case {
    async fn round(&self, sheet: &mut Sheet, stack: &Stack) -> Result<()> {
        let place = Place::new(stack, Settings::default())?;
        let domain = place.domain()?;
        domain.process(bank::opening(self.count as u64)).synchronous().await?;
        let mut tape = Tape::from_now(&place).await?;
        let (rate, accounts) = self.open(&domain).await?;
        let opened = tape.next().await?;
        sheet.ours(self.open, rate);
        let rate = self.deposit(&domain, &accounts).await?;
        let deposited = tape.next().await?;
        sheet.ours(self.deposit, rate);
        drop(domain);
        let place = Place::new(stack, Settings::default())?;
        place.prepare().await?;
        for (at, written) in [(self.open, opened), (self.deposit, deposited)] {
            let took = written.write(&place).await?;
            sheet.limit(at, self.count as f64 / took.as_secs_f64());
            let batch = self.count as f64 / written.transactions() as f64;
            sheet.more(at, [("commands a transaction", batch)]);
        }
        Ok(())
    }

    /// Commands a second, and what they have opened.
    async fn open(&self, domain: &Domain) -> Result<(f64, Vec<Id>)> {
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
        Ok((self.count as f64 / begun.elapsed().as_secs_f64(), accounts))
    }

    /// Deposits a second; no two at once to one account.
    async fn deposit(&self, domain: &Domain, accounts: &[Id]) -> Result<f64> {
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
        Ok(self.count as f64 / begun.elapsed().as_secs_f64())
    }
}
