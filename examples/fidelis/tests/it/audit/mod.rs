//! A service in Protean for Python 0.18 on the Redis of the bank: each handles what the
//! other publishes, and the tools of each show both.
//!
//! It needs `python3`, 3.11 or later, and installs `protean` from PyPI below `target`
//! when it first runs.

mod bank_events;
mod office;
mod referrals;
mod tools;
