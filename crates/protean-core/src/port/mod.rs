//! What is needed from outside, in intentions: a log, rows, a ledger of who has
//! handled what, and one way to change all three.
//!
//! Every adapter passes the same contract suite (`protean-conformance`).
//! There is no transaction type: what belongs together is one [`Changes`] value,
//! and [`Store::commit`] is the only way to write.

mod broker;
mod broker_provider;
mod changes;
mod clock;
mod consumer;
mod ledger;
mod log;
mod provider;
mod rows;
mod store;

pub use broker::{
    Batch, Broker, BrokerGroup, BrokerMark, Entry, EntryId, EntryRef, GroupStanding, Kept,
    Publication, Published, Receipt,
};
pub use broker_provider::{BrokerLocation, BrokerProvider};
pub use changes::{
    Append, At, Changes, Count, Dead, Expect, KeyClaim, KeyWrite, Mark, MessageRef, Outcome, Park,
    Place, ProgressMove, RowChange, RowWrite, Statement, Term,
};
pub use clock::{Clock, SystemClock};
pub use consumer::{BrokerRead, Consumer, TakeOver};
pub use ledger::{
    Claim, Enrolment, LaneStanding, Ledger, Letter, LetterRead, ParkedPage, ParkedRead, Standing,
    Start,
};
pub use log::{Delivery, Find, LaneRead, Log, TypeStats};
pub use provider::{Location, Provider};
pub use rows::{Direction, Filter, Operator, Query, RowState, Rows};
pub use store::{BoxFuture, Store};
