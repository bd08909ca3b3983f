//! Whether the migration succeeded: counted in the log and the summaries, not
//! taken from what the import reports.

use fidelis::account::Account;
use protean::message::Recorded;
use protean::{Decimal, Domain, Result};
use workbench::accounting::accounting_closes;
use workbench::history::{EVERY_LANE, History};

use super::register::{Found, Register};
use crate::commands::trial::events::AccountEvent;
use crate::commands::trial::summaries::Summaries;

/// What the database held before.
#[derive(Clone, Copy, Default)]
pub(crate) struct Before {
    /// The last place in the log.
    pub(crate) position: u64,
    /// The money in all accounts.
    pub(crate) total: Decimal,
}

/// What there is afterwards.
pub(crate) struct Verdict {
    pub(crate) found: Found,
    /// What the accounts must hold together.
    pub(crate) expected: Decimal,
    /// What they hold by the log.
    pub(crate) logged: Decimal,
    /// What they hold by their summaries.
    pub(crate) summed: Decimal,
    pub(crate) accounting_closes: bool,
}

impl Before {
    /// # Errors
    /// When the database cannot be read.
    pub(crate) async fn of(domain: &Domain) -> Result<Self> {
        let mut total = Decimal::ZERO;
        let mut history = History::of::<Account>(domain, EVERY_LANE).await?;
        each_event(&mut history, |event, _| total += event.change()).await?;
        Ok(Self { position: history.position(), total })
    }
}

impl Verdict {
    /// Counts everything there is; `paid_in` is what customers have paid in
    /// beside the migration.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub(crate) async fn reach(
        domain: &Domain,
        register: &mut Register,
        before: Before,
        paid_in: Decimal,
    ) -> Result<Self> {
        let mut logged = Decimal::ZERO;
        let mut history = History::of::<Account>(domain, EVERY_LANE).await?;
        each_event(&mut history, |event, position| {
            logged += event.change();
            if let AccountEvent::Opened(opened) = event {
                register.opened(&opened.account_number, position <= before.position);
            }
        })
        .await?;
        let mut summed = Decimal::ZERO;
        let mut summaries = Summaries::of(domain).await?;
        loop {
            let page = summaries.next_page().await?;
            if page.is_empty() {
                break;
            }
            for summary in page {
                summed += summary.balance;
                register.summarised(&summary.account_number);
            }
        }
        let found = register.found();
        let expected = before.total + found.total + paid_in;
        let accounting_closes = accounting_closes(domain).await?;
        Ok(Self { found, expected, logged, summed, accounting_closes })
    }

    /// True when every total is the same to the cent.
    pub(crate) fn total_matches(&self) -> bool {
        self.logged == self.expected && self.summed == self.expected
    }

    /// True when nothing is wrong.
    pub(crate) fn passes(&self) -> bool {
        self.found.lost == 0
            && self.found.duplicated == 0
            && self.total_matches()
            && self.accounting_closes
    }
}

async fn each_event(history: &mut History, mut visit: impl FnMut(&AccountEvent, u64)) -> Result {
    let visit = |recorded: &Recorded| {
        if let Some(event) = AccountEvent::of(recorded)? {
            visit(&event, recorded.position);
        }
        Ok(())
    };
    history.each(visit).await
}

#[cfg(test)]
mod tests {
    use protean::Decimal;

    use super::{Found, Verdict};

    fn verdict() -> Verdict {
        let (total, paid) = (Decimal::new(1050, 2), Decimal::new(1050, 2));
        let found = Found { migrated: 3, total, ..Found::default() };
        Verdict { found, expected: paid, logged: paid, summed: paid, accounting_closes: true }
    }

    #[test]
    fn passes_when_nothing_is_wrong() {
        assert!(verdict().passes());
    }

    #[test]
    fn a_single_fault_fails_it() {
        let cent = Decimal::new(1, 2);
        let faults: [fn(&mut Verdict, Decimal); 5] = [
            |verdict, _| verdict.found.lost = 1,
            |verdict, _| verdict.found.duplicated = 1,
            |verdict, cent| verdict.logged += cent,
            |verdict, cent| verdict.summed -= cent,
            |verdict, _| verdict.accounting_closes = false,
        ];
        for (index, fault) in faults.into_iter().enumerate() {
            let mut wrong = verdict();
            fault(&mut wrong, cent);
            assert!(!wrong.passes(), "fault {index}");
        }
    }
}
