//! The accounts that must exist after the migration.

use std::collections::HashMap;
use std::collections::hash_map::{Entry, RandomState};
use std::hash::BuildHasher;

use fidelis::account::OpenAccount;
use protean::Decimal;
use protean_cli::Error;

use super::legacy::Lines;
use super::rejections::Rejections;

/// The accounts of an export by their numbers, and what has been seen of each.
///
/// Two million accounts must fit in little memory, so a number is kept as a
/// fingerprint of 128 bits; that two numbers share one will not happen.
#[derive(Default)]
pub(crate) struct Register {
    fingerprints: [RandomState; 2],
    accounts: HashMap<[u64; 2], Sighting>,
    /// Rows that have been read, good or bad.
    pub(crate) rows: u64,
    /// How many lines those rows have, and the file.
    pub(crate) lines: Lines,
    pub(crate) rejected: Rejections,
    /// Why reading the export ended early.
    pub(crate) broken_off: Option<Error>,
}

/// One account, and how often it has been seen.
#[derive(Clone, Copy)]
pub(crate) struct Sighting {
    line: u32,
    cents: i64,
    opened: u8,
    summarised: u8,
    before: bool,
}

/// The outcome for the accounts of an export.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Found {
    /// There, with a summary.
    pub(crate) migrated: u64,
    /// Missing in the log or among the summaries.
    pub(crate) lost: u64,
    /// There more than once, in the log or among the summaries.
    pub(crate) duplicated: u64,
    /// There before this migration began.
    pub(crate) before: u64,
    /// What this migration must have brought in.
    pub(crate) total: Decimal,
}

impl Register {
    /// Enters an account that is to be opened; says why not when its number
    /// has come before.
    pub(crate) fn enter(&mut self, line: u64, command: &OpenAccount) -> Result<(), String> {
        let line = u32::try_from(line).map_err(|_| "the export has too many lines".to_owned())?;
        let cents = cents(command.opening_deposit)
            .ok_or_else(|| "balance: is not a whole number of cents".to_owned())?;
        let fingerprint = self.fingerprint(&command.account_number);
        match self.accounts.entry(fingerprint) {
            Entry::Occupied(first) => {
                Err(format!("duplicate account number (first in line {})", first.get().line))
            }
            Entry::Vacant(place) => {
                place.insert(Sighting { line, cents, opened: 0, summarised: 0, before: false });
                Ok(())
            }
        }
    }

    /// Takes out the account of a line that was rejected after all.
    pub(crate) fn reject(&mut self, line: u64, reason: String) {
        self.accounts.retain(|_, account| u64::from(account.line) != line);
        self.rejected.add(line, reason);
    }

    /// An account was opened in the log. True when it is one of these.
    pub(crate) fn opened(&mut self, number: &str, before: bool) -> bool {
        self.see(number, |account| {
            account.opened = account.opened.saturating_add(1);
            account.before |= before;
        })
    }

    /// An account has a summary. True when it is one of these.
    pub(crate) fn summarised(&mut self, number: &str) -> bool {
        self.see(number, |account| account.summarised = account.summarised.saturating_add(1))
    }

    fn see(&mut self, number: &str, note: impl FnOnce(&mut Sighting)) -> bool {
        let fingerprint = self.fingerprint(number);
        self.accounts.get_mut(&fingerprint).map(note).is_some()
    }

    /// Adds up what has been seen.
    pub(crate) fn found(&self) -> Found {
        let mut found = Found::default();
        let mut cents: i64 = 0;
        for account in self.accounts.values() {
            let there = account.opened > 0 && account.summarised > 0;
            found.migrated += u64::from(there);
            found.lost += u64::from(!there);
            found.duplicated += u64::from(account.opened > 1 || account.summarised > 1);
            found.before += u64::from(account.before);
            if !account.before {
                cents = cents.saturating_add(account.cents);
            }
        }
        found.total = Decimal::new(cents, 2);
        found
    }

    fn fingerprint(&self, number: &str) -> [u64; 2] {
        [self.fingerprints[0].hash_one(number), self.fingerprints[1].hash_one(number)]
    }
}

fn cents(amount: Decimal) -> Option<i64> {
    (amount * Decimal::from(100)).round(0).to_string().parse().ok()
}

#[cfg(test)]
mod tests {
    use fidelis::account::OpenAccount;
    use protean::Decimal;

    use super::{Found, Register, cents};

    fn account(number: &str) -> OpenAccount {
        let (account_number, holder_name) = (number.to_owned(), "Ada".to_owned());
        OpenAccount { account_number, holder_name, opening_deposit: Decimal::new(1050, 2) }
    }

    fn register() -> Register {
        let mut register = Register::default();
        for line in 2..=5 {
            register.enter(line, &account(&format!("A-{line}"))).unwrap();
        }
        register
    }

    #[test]
    fn reports_where_a_number_came_first() {
        let error = register().enter(9, &account("A-3")).unwrap_err();
        assert_eq!(error, "duplicate account number (first in line 3)");
    }

    #[test]
    fn finds_what_is_lost_and_what_is_there_twice() {
        let mut register = register();
        register.reject(5, "refused".into());
        for number in ["A-2", "A-3", "A-3", "X-1"] {
            register.opened(number, number == "A-2");
        }
        register.summarised("A-2");
        register.summarised("A-3");
        let total = Decimal::new(2100, 2);
        let expected = Found { migrated: 2, lost: 1, duplicated: 1, before: 1, total };
        assert_eq!(register.found(), expected);
        assert_eq!(register.rejected.count(), 1);
    }

    #[test]
    fn cents_are_exact() {
        let cents = |text: &str| cents(text.parse().unwrap());
        assert_eq!(cents("0.10"), Some(10));
        assert_eq!(cents("999999999999.99"), Some(99_999_999_999_999));
        assert_eq!(cents("3"), Some(300));
    }
}
