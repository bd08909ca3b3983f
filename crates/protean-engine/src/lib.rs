//! The server of Protean for Rust.
//!
//! ```text
//! Server ─▶ Worker ─┬▶ source    what to read
//!  (one a group)    ├▶ feed      what a broker hands out
//!                   ├▶ lanes     what runs next   (pure)
//!                   ├▶ job       one handler
//!                   ├▶ flight    what an abrupt end would leave
//!                   ├▶ breaker   who fails time after time (pure)
//!                   ├▶ conflicts who comes too late (pure)
//!                   ├▶ watermark what is settled  (pure)
//!                   └▶ pipeline  what commits together
//! ```
//!
//! `relay` publishes what the log holds for others to read, and `outbox` tells where it
//! stands; `inbox` takes what others have published into the log; `mirror` shows dead
//! letters in the broker as well.
//!
//! `health` tells over HTTP how a server is; `metrics` is what it counts for that.
//!
//! The engine sees the domain and its store; it names no adapter.

mod dead_letters;
mod failpoint;
mod inbox;
mod leadership;
mod maintenance;
mod observe;
mod per_lane;
mod relay;
mod server;
mod source;
mod worker;

pub use dead_letters::DeadLetters;
pub use observe::{
    Account, Health, HealthPage, LaneStatus, Report, SubscriptionStatus, subscriptions, verify,
};
pub use relay::{Outbox, Refused, Relay, RelayPlan, RelayRoute, RelayStatus};
pub use server::Server;
pub use worker::{Breaker, End, Item, Lanes, Slots};
