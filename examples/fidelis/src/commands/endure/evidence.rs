//! What the log and the rows hold at the end.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use fidelis::account::{Account, MakeDeposit, OpenAccount};
use protean::HandlerKind;
use protean::message::Recorded;
use protean::model::Command;
use protean::{Decimal, Domain, Id, Result};
use workbench::accounting::accounting_closes;
use workbench::history::{EVERY_LANE, History, name_of};

use crate::commands::trial::deposits::number_of;
use crate::commands::trial::events::AccountEvent;
use crate::commands::trial::summaries::Summaries;

/// How many broken streams are looked for.
const MAX_BROKEN_STREAMS: usize = 1000;

/// What the log and the rows hold.
#[derive(Default)]
pub(crate) struct Evidence {
    /// Commands in the log, by type.
    pub(crate) opens: u64,
    pub(crate) deposits: u64,
    /// Accounts by what the events of each come to.
    pub(crate) accounts: HashMap<Id, Replayed>,
    /// Account numbers of the accounts opened, and the numbers of the deposits.
    pub(crate) opened: HashSet<String>,
    pub(crate) paid_in: HashSet<u64>,
    /// Commands with neither an effect nor a dead letter.
    pub(crate) unhandled: u64,
    /// Events there twice, or a second effect of the same command.
    pub(crate) repeated: u64,
    /// Events that no command in the log has caused.
    pub(crate) uncaused: u64,
    /// Deposits after one that was sent later to the same account.
    pub(crate) out_of_order: u64,
    /// Streams whose positions have gaps.
    pub(crate) broken_streams: u64,
    /// Summaries that are not what the log comes to, or that are missing.
    pub(crate) stale_summaries: u64,
    pub(crate) dead_letters: u64,
    pub(crate) logged: Decimal,
    pub(crate) summed: Decimal,
    pub(crate) accounting_closes: bool,
}

/// An account as its events describe it.
#[derive(Default)]
pub(crate) struct Replayed {
    number: String,
    balance: Decimal,
    deposits: u64,
    last: Option<u64>,
}

impl Evidence {
    /// Reads everything.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub(crate) async fn gather(domain: &Domain) -> Result<Self> {
        let mut evidence = Self::default();
        let mut open = evidence.commands(domain).await?;
        evidence.events(domain, &mut open).await?;
        let store = domain.store().await?;
        for group in domain.groups() {
            let dead = store.group_status(&group.name, &group.category).await?.dead();
            evidence.dead_letters += dead;
            if group.kind == HandlerKind::Commands {
                evidence.unhandled = (open.len() as u64).saturating_sub(dead);
            }
        }
        evidence.broken_streams = store.broken_streams(MAX_BROKEN_STREAMS).await?.len() as u64;
        evidence.summaries(domain).await?;
        evidence.accounting_closes = accounting_closes(domain).await?;
        Ok(evidence)
    }

    /// Counts the commands; gives their ids.
    async fn commands(&mut self, domain: &Domain) -> Result<HashSet<Arc<str>>> {
        let mut ids = HashSet::new();
        for group in domain.groups().iter().filter(|group| group.kind == HandlerKind::Commands) {
            let category = group.category.clone();
            let mut history = History::reading(domain, category, EVERY_LANE).await?;
            let visit = |recorded: &Recorded| {
                let message = &recorded.message;
                ids.insert(Arc::clone(&message.id));
                match name_of(recorded) {
                    Some(OpenAccount::NAME) => self.opens += 1,
                    Some(MakeDeposit::NAME) => self.deposits += 1,
                    _ => {}
                }
                Ok(())
            };
            history.each(visit).await?;
        }
        Ok(ids)
    }

    /// Adds up the events; takes out of `open` the commands that have had their effect.
    async fn events(&mut self, domain: &Domain, open: &mut HashSet<Arc<str>>) -> Result {
        let (mut ids, mut causes) = (HashSet::new(), HashSet::new());
        let mut history = History::of::<Account>(domain, EVERY_LANE).await?;
        let visit = |recorded: &Recorded| {
            let message = &recorded.message;
            // Each command of this bank has one event.
            let cause = message.causation_id.clone();
            let again = cause.as_ref().is_some_and(|cause| !causes.insert(Arc::clone(cause)));
            self.repeated += u64::from(!ids.insert(Arc::clone(&message.id)) || again);
            let known = cause.is_some_and(|cause| open.remove(&cause));
            self.uncaused += u64::from(!known && !again);
            if let Some(event) = AccountEvent::of(recorded)? {
                self.note(event);
            }
            Ok(())
        };
        history.each(visit).await
    }

    fn note(&mut self, event: AccountEvent) {
        let change = event.change();
        self.logged += change;
        match event {
            AccountEvent::Opened(opened) => {
                self.repeated += u64::from(!self.opened.insert(opened.account_number.clone()));
                let account = self.accounts.entry(opened.account_id).or_default();
                account.number = opened.account_number;
                account.balance += change;
            }
            AccountEvent::Deposited(deposit) => {
                let account = self.accounts.entry(deposit.account_id).or_default();
                account.balance += change;
                account.deposits += 1;
                let Some(number) = number_of(deposit.reference.as_deref()) else { return };
                self.repeated += u64::from(!self.paid_in.insert(number));
                self.out_of_order += u64::from(account.last > Some(number));
                account.last = account.last.max(Some(number));
            }
            AccountEvent::Withdrawn(_) => {}
        }
    }

    async fn summaries(&mut self, domain: &Domain) -> Result {
        let mut summaries = Summaries::of(domain).await?;
        let mut right = 0;
        loop {
            let page = summaries.next_page().await?;
            if page.is_empty() {
                break;
            }
            for summary in page {
                self.summed += summary.balance;
                let found = (&summary.account_number, summary.balance, summary.deposits);
                let same = self.accounts.get(&summary.account_id).is_some_and(|account| {
                    (&account.number, account.balance, account.deposits) == found
                });
                right += u64::from(same);
                self.stale_summaries += u64::from(!same);
            }
        }
        self.stale_summaries += (self.accounts.len() as u64).saturating_sub(right);
        Ok(())
    }
}
