//! The bank put to the test: a server of its own in a folder of its own, and
//! customers who pay in whatever happens.

pub(crate) mod accounting;
pub(crate) mod backlog;
pub(crate) mod customers;
pub(crate) mod deposits;
pub(crate) mod folder;
pub(crate) mod gauge;
mod interrupt;
pub(crate) mod latency;
pub(crate) mod money;
pub(crate) mod names;
pub(crate) mod observer;
pub(crate) mod outages;
pub(crate) mod place;
pub(crate) mod progress;
pub(crate) mod random;
pub(crate) mod server;

pub(crate) use interrupt::unless_interrupted;
