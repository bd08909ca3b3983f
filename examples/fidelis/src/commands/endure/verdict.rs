//! Whether the bank survived: compares what is there with what was sent.

use protean::Decimal;
use serde::Serialize;

use super::accounts::account;
use super::evidence::Evidence;
use crate::commands::trial::customers::CUSTOMERS;
use crate::commands::trial::deposits::PaidIn;

/// What was sent and accepted.
pub(crate) struct Sent<'a> {
    /// Accounts that came in at BULK.
    pub(crate) accounts: u64,
    /// What the customers came with.
    pub(crate) customers: Decimal,
    /// What they paid in since.
    pub(crate) paid_in: &'a PaidIn,
    /// How many processes handled it.
    pub(crate) workers: u64,
}

/// What is wrong; nothing, when all of it is 0 and everything matches.
#[derive(Debug, Serialize)]
pub(crate) struct Verdict {
    /// Sent, and not in the log or without an effect.
    pub(crate) lost: u64,
    /// There more than once, or never sent.
    pub(crate) duplicated: u64,
    /// Deposits that overtook an earlier one to the same account. Commands are
    /// independent: two that several processes have at once may run in either order.
    pub(crate) out_of_order: u64,
    #[serde(skip)]
    handled_in_turn: bool,
    /// Accounts whose events are not numbered without gaps.
    pub(crate) broken_streams: u64,
    /// Summaries that are not what the log comes to.
    pub(crate) stale_summaries: u64,
    /// Every message was handled well, so none may be dead.
    pub(crate) dead_letters: u64,
    pub(crate) total_expected: Decimal,
    pub(crate) total_in_log: Decimal,
    pub(crate) total_in_summaries: Decimal,
    pub(crate) accounting_closes: bool,
}

impl Sent<'_> {
    fn opens(&self) -> u64 {
        self.accounts + u64::from(CUSTOMERS)
    }

    fn total(&self) -> Decimal {
        let opened: Decimal = (0..self.accounts).map(|index| account(index).opening_deposit).sum();
        opened + self.customers + self.paid_in.total
    }
}

impl Verdict {
    pub(crate) fn reach(evidence: &Evidence, sent: &Sent<'_>) -> Self {
        let (opens, deposits) = (sent.opens(), sent.paid_in.accepted);
        let missing = |index: &u64| !evidence.opened.contains(&account(*index).account_number);
        let unopened = (0..sent.accounts).filter(missing).count();
        let unpaid = (0..deposits).filter(|number| !evidence.paid_in.contains(number)).count();
        let unkept =
            opens.saturating_sub(evidence.opens) + deposits.saturating_sub(evidence.deposits);
        let surplus =
            evidence.opens.saturating_sub(opens) + evidence.deposits.saturating_sub(deposits);
        Self {
            lost: (unopened + unpaid) as u64 + unkept + evidence.unhandled,
            duplicated: evidence.repeated + evidence.uncaused + surplus,
            out_of_order: evidence.out_of_order,
            handled_in_turn: sent.workers == 1,
            broken_streams: evidence.broken_streams,
            stale_summaries: evidence.stale_summaries,
            dead_letters: evidence.dead_letters,
            total_expected: sent.total(),
            total_in_log: evidence.logged,
            total_in_summaries: evidence.summed,
            accounting_closes: evidence.accounting_closes,
        }
    }

    /// What must hold, in words for people, and whether it does.
    pub(crate) fn points(&self) -> [(&'static str, bool); 7] {
        let overtaken = self.handled_in_turn && self.out_of_order > 0;
        [
            ("nothing lost", self.lost == 0),
            ("nothing twice", self.duplicated == 0),
            ("order of each account", self.broken_streams == 0 && !overtaken),
            ("summaries as the log has it", self.stale_summaries == 0),
            ("no innocent given up", self.dead_letters == 0),
            ("total to the cent", self.total_matches()),
            ("accounting adds up", self.accounting_closes),
        ]
    }

    /// True when nothing is wrong.
    pub(crate) fn passes(&self) -> bool {
        self.points().into_iter().all(|(_, holds)| holds)
    }

    fn total_matches(&self) -> bool {
        self.total_in_log == self.total_expected && self.total_in_summaries == self.total_expected
    }
}

#[cfg(test)]
mod tests {
    use protean::Decimal;

    use super::{Evidence, Sent, Verdict, account};
    use crate::commands::trial::customers::CUSTOMERS;
    use crate::commands::trial::deposits::PaidIn;

    /// Two accounts and two deposits of one each, and everything as it should be.
    fn evidence() -> Evidence {
        let total = account(0).opening_deposit + account(1).opening_deposit + Decimal::from(2);
        Evidence {
            opens: u64::from(CUSTOMERS) + 2,
            deposits: 2,
            opened: [0, 1].map(|index| account(index).account_number).into(),
            paid_in: [0, 1].into(),
            logged: total,
            summed: total,
            accounting_closes: true,
            ..Evidence::default()
        }
    }

    fn verdict(evidence: &Evidence, workers: u64) -> Verdict {
        let paid_in = PaidIn { accepted: 2, total: Decimal::from(2), ..PaidIn::default() };
        let customers = Decimal::ZERO;
        Verdict::reach(evidence, &Sent { accounts: 2, customers, paid_in: &paid_in, workers })
    }

    #[test]
    fn passes_when_nothing_is_wrong() {
        assert!(verdict(&evidence(), 1).passes());
    }

    #[test]
    fn a_single_fault_fails_it() {
        let faults: [fn(&mut Evidence); 15] = [
            |found| found.opens -= 1,
            |found| found.opens += 1,
            |found| found.deposits -= 1,
            |found| found.deposits += 1,
            |found| found.opened.clear(),
            |found| found.paid_in.retain(|number| *number == 0),
            |found| found.unhandled = 1,
            |found| found.repeated = 1,
            |found| found.uncaused = 1,
            |found| found.out_of_order = 1,
            |found| found.broken_streams = 1,
            |found| found.stale_summaries = 1,
            |found| found.dead_letters = 1,
            |found| found.logged += Decimal::new(1, 2),
            |found| found.accounting_closes = false,
        ];
        for (index, fault) in faults.into_iter().enumerate() {
            let mut wrong = evidence();
            fault(&mut wrong);
            assert!(!verdict(&wrong, 1).passes(), "fault {index}");
        }
    }

    #[test]
    fn commands_that_several_processes_had_may_run_in_either_order() {
        let evidence = Evidence { out_of_order: 1, ..evidence() };
        assert!(verdict(&evidence, 2).passes());
        let gap = Evidence { broken_streams: 1, ..evidence };
        assert!(!verdict(&gap, 2).passes());
    }
}
