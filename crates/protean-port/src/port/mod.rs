//! What the framework needs from outside: a log, rows, a ledger of what each group has
//! handled, one way to change all three, and a broker.
//!
//! Every adapter passes the same contract suite (`protean-conformance`).
//! There is no transaction type: what belongs together is one [`Changes`] value,
//! and [`Store::commit`] is the only way to write.

mod batch_sizer;
mod broker;
mod broker_provider;
mod changes;
mod clock;
mod commits;
mod consumer;
mod correlations;
mod counter;
mod entry;
mod future;
mod group_ids;
mod intake;
mod ledger;
pub mod left_out;
mod log;
mod log_identity;
mod metrics_sink;
mod parking;
mod provider;
mod rebuilds;
mod registrations;
mod rows;
mod schedules;
mod schema;
mod statement;
mod store;
mod store_health;
mod tracer;
mod viewed_store;

pub use batch_sizer::{BatchSizer, StepTime};
pub use broker::{
    Batch, Broker, BrokerConsumer, BrokerGroup, BrokerGroupStatus, BrokerMark, Publication,
    Published, Receipt, StoredMark,
};
pub use broker_provider::{BrokerLocation, BrokerProvider};
pub use changes::{
    Append, At, Changes, Dead, DoneMark, Expect, KeyClaim, KeyWrite, MessageRef, Outcome, Park,
    Place, ProgressMove, RowChange, RowWrite,
};
pub use clock::{Clock, SystemClock};
pub use commits::{CommitNotice, CommitSignal, CommitWatch, Watched};
pub use consumer::{BrokerRead, Consumer, TakeOver};
pub use correlations::{
    Correlated, CorrelatedEvents, Correlation, Correlations, correlated, event_id,
};
pub use counter::{Count, Counter};
pub use entry::{Entry, EntryId, EntryRef};
pub use future::BoxFuture;
pub use group_ids::{GroupIds, GroupNames, Naming, generation, id_in_generation};
pub use intake::{
    IntakeChange, IntakeDomains, IntakeEntry, IntakeRead, IntakeReject, IntakeRow, IntakeTable,
};
pub use ledger::{
    Claim, DeadLetter, DeadLetterRead, GroupStatus, Ledger, ParkedPage, ParkedRead, PriorityStatus,
};
pub use log::{Delivery, Find, Forwarded, LaneRead, Log, LogPlace, TypeStats};
pub use log_identity::{LogId, LogIdentity};
pub use metrics_sink::{
    HistogramValue, MetricFamily, MetricKind, MetricSample, MetricValue, MetricsSink,
};
pub use parking::{ParkedNote, Parking};
pub use provider::{Location, Provider};
pub use rebuilds::{GroupSwap, Rebuilds, TableSwap, without_generation};
pub use registrations::{
    GroupRegistration, GroupVersions, MessageTypes, ProgramVersion, RegisteredGroup, Start, claim,
};
pub use rows::{
    Case, Direction, Operator, RowCondition, RowQuery, RowState, Rows, SortKey, TextPlace, Wanted,
};
pub use schedules::{
    PendingWork, SCHEDULE, Schedule, ScheduleAccount, Scheduled, ScheduledPlace, ScheduledRead,
    Schedules,
};
pub use schema::{ManualChange, Schema, SchemaDifference};
pub use statement::{Statement, StatementRead};
pub use store::Store;
pub use store_health::StoreHealth;
pub use tracer::{NewSpan, SpanOperation, SpanValue, TraceSpan, Tracer};
pub use viewed_store::{StoreView, ViewedStore};
