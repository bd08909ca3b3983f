//! Where a worker's messages come from: the log, or a broker that shares them out.

pub(crate) mod broker;
pub(crate) mod consumer;
pub(crate) mod fetched;
pub(crate) mod log;
pub(crate) mod unreadable;
