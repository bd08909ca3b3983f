//! One synchronous command in memory, against the same decision written by hand.

use std::collections::HashMap;
use std::hint::black_box;
use std::time::Instant;

use fidelis::account::DepositMade;
use protean::{Decimal, Domain, Id};
use protean_cli::{Error, Result};

use crate::bank;
use crate::plan::Plan;
use crate::sheet::{Sheet, Target};

/// Deposits per account: few, so that no stream grows long.
const DEPOSITS_PER_ACCOUNT: usize = 10;
const SETTINGS: &str = "command_processing = \"sync\"\nevent_processing = \"async\"\n\
                        databases.default.provider = \"memory\"";

pub(super) async fn run(plan: &Plan) -> Result<Sheet> {
    let accounts = plan.size(10_000, 50);
    let mut sheet =
        Sheet::new("sync-command", "a deposit to an event-sourced account, in memory, at once");
    let time = sheet.row("time of a deposit", "ns", Target::NONE);
    let rate = sheet.row("deposits", "1/s", Target::NONE);
    sheet.note("The limit is decide, apply and push onto a Vec, by hand on the same types.");
    sheet.note(format!(
        "{accounts} accounts, {DEPOSITS_PER_ACCOUNT} deposits each, in turn; one task."
    ));
    for _ in 0..plan.rounds() {
        let (ours, limit) = (ours(accounts).await?, by_hand(accounts)?);
        sheet.ours(time, ours);
        sheet.limit(time, limit);
        sheet.ours(rate, 1e9 / ours);
        sheet.limit(rate, 1e9 / limit);
    }
    Ok(sheet)
}

async fn ours(accounts: usize) -> Result<f64> {
    let domain: Domain = bank::domain(std::time::Duration::ZERO).config(SETTINGS).build()?;
    let mut ids = Vec::with_capacity(accounts);
    for number in 0..accounts {
        ids.push(domain.process(bank::opening(number as u64)).synchronous().await?);
    }
    let begun = Instant::now();
    for _ in 0..DEPOSITS_PER_ACCOUNT {
        for id in &ids {
            domain.process(bank::deposit(id, None)).synchronous().await?;
        }
    }
    Ok(nanos_each(begun, accounts))
}

/// The account without the product.
#[derive(Default)]
struct Account {
    balance: Decimal,
    events: Vec<DepositMade>,
}

impl Account {
    fn deposit(&mut self, account_id: &Id, amount: Decimal) -> Result<()> {
        if amount <= 0 {
            return Err(Error::failed("Deposit amount must be positive"));
        }
        let event = DepositMade { account_id: account_id.clone(), amount, reference: None };
        let balance = self.balance + event.amount;
        if balance < 0 {
            return Err(Error::failed("balance cannot be negative"));
        }
        self.balance = balance;
        self.events.push(event);
        Ok(())
    }
}

fn by_hand(accounts: usize) -> Result<f64> {
    let ids: Vec<Id> = (0..accounts).map(|_| Id::new()).collect();
    let mut bank: HashMap<Id, Account> = HashMap::new();
    bank.extend(ids.iter().map(|id| (id.clone(), Account::default())));
    let begun = Instant::now();
    for _ in 0..DEPOSITS_PER_ACCOUNT {
        for id in &ids {
            if let Some(account) = bank.get_mut(black_box(id)) {
                account.deposit(id, black_box(1.into()))?;
            }
        }
    }
    let nanos = nanos_each(begun, accounts);
    black_box(bank);
    Ok(nanos)
}

fn nanos_each(begun: Instant, accounts: usize) -> f64 {
    begun.elapsed().as_secs_f64() * 1e9 / (accounts * DEPOSITS_PER_ACCOUNT) as f64
}
