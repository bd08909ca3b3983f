//! What the workbench has to know of the bank.

pub(crate) mod customers;
pub(crate) mod deposits;
pub(crate) mod events;
pub(crate) mod money;
pub(crate) mod summaries;

use workbench::place::Program;
use workbench::progress::Words;

/// The bank, as a program to put to the test.
pub(crate) const BANK: Program = Program {
    settings: fidelis::SETTINGS,
    settings_on: fidelis::settings_on,
    configured: fidelis::configured,
};

/// What comes in, and what customers do.
pub(crate) const WORDS: Words = Words { rows: "accounts", visit: "deposit" };
