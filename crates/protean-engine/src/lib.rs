//! The server of Protean for Rust.
//!
//! ```text
//! Server ─▶ leadership  which process works where only one may
//!    │
//!    ▼      ┌▶ source       where messages are read: the log, or a broker
//! Worker ───┼▶ lanes        what a handler runs next             (pure)
//!           ├▶ slot_arbiter which handler of the server runs     (pure)
//! (one a    ├▶ runner       one handler, one message
//!  group)   ├▶ in_flight    what an abrupt end would leave behind
//!           ├▶ breaker      which handler fails time after time  (pure)
//!           ├▶ conflicts    which messages commit too late       (pure)
//!           ├▶ watermark    what is settled                      (pure)
//!           └▶ pipeline     what commits together
//! ```
//!
//! `relay` publishes the messages of the log to brokers, and `handover` keeps those that no reader
//! was given before for the readers of the same server; `inbox` brings the messages of
//! other systems into the log; `dead_letters` replays, purges and publishes what was given
//! up; `observe` shows where everything stands; `governor` and `pacing`
//! slow bulk work down while production is late; `maintenance` deletes what is too old.
//!
//! The engine sees the domain and its store; it names no adapter.

mod bulk_steps;
mod commit;
mod dead_letters;
mod failpoint;
mod governor;
mod group_reader;
mod handover;
mod inbox;
mod leadership;
mod log_places;
mod maintenance;
mod minute_checks;
mod observe;
mod operation;
mod pace;
mod pacing;
mod pause;
mod per_lane;
mod rebuild;
mod relay;
mod repeated_faults;
mod rounds;
#[cfg(test)]
mod sample;
mod server;
mod source;
mod worker;

pub use dead_letters::{
    DeadLetterFilter, DeadLetterReason, DeadLetters, dead_letter_reasons, shared_reason,
};
pub use observe::{
    Account, CheckedMessages, CheckedSchedule, CheckedSnapshots, EventsCheck, Explanation,
    FaultKind, HandlerReport, HandlerStanding, Health, HealthPage, IdleReport, LaneReport,
    LaneStatus, Manager, PaceReport, PageBody, Pages, ProcessPage, ProcessReport, ProcessState,
    ProductionBound, ProductionReport, Report, ServerPage, ServerPages, ServerProcess,
    SubscriptionStatus, Trend, Unpublished, VanishedGroup, accounts, age, check_events, explain,
    grouped, is_at_rest, or_unknown, page_body, process_managers, program_of, serve_pages, short,
    subscriptions, value_json, vanished_groups, verify,
};
pub use operation::record_operation;
pub use rebuild::{
    Rebuild, RebuildEnd, RebuildProgress, RebuildStatus, projections, rebuild_claim, rebuilds,
};
pub use relay::{
    Abandoned, Adopted, BrokerStream, Outbox, Refused, Relay, RelayPlan, RelayRoute, RelayStatus,
    broker_streams,
};
pub use server::Server;
pub use worker::{Breaker, Demand, End, Item, Lanes, SlotArbiter, Slots, Started};
