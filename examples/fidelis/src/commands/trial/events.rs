//! The events of accounts, as the log has them.

use fidelis::account::{AccountOpened, DepositMade, WithdrawalMade};
use protean::message::Recorded;
use protean::model::Event as _;
use protean::{Decimal, Result};
use workbench::history::{event, name_of};

/// An event of an account.
pub(crate) enum AccountEvent {
    Opened(AccountOpened),
    Deposited(DepositMade),
    Withdrawn(WithdrawalMade),
}

impl AccountEvent {
    /// The event in a record, when it is one of those this bank knows.
    ///
    /// # Errors
    /// When its data cannot be read.
    pub(crate) fn of(recorded: &Recorded) -> Result<Option<Self>> {
        Ok(match name_of(recorded) {
            Some(AccountOpened::NAME) => event(recorded)?.map(Self::Opened),
            Some(DepositMade::NAME) => event(recorded)?.map(Self::Deposited),
            Some(WithdrawalMade::NAME) => event(recorded)?.map(Self::Withdrawn),
            _ => None,
        })
    }

    /// How it changes the money in the bank.
    pub(crate) fn change(&self) -> Decimal {
        match self {
            Self::Opened(opened) => opened.opening_deposit,
            Self::Deposited(deposit) => deposit.amount,
            Self::Withdrawn(withdrawal) => -withdrawal.amount,
        }
    }
}
