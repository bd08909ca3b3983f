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
//! `relay` publishes what the log holds for others to read; `inbox` takes what others
//! have published into the log.
//!
//! `health` tells over HTTP how a server is; `vitals` is what it counts for that.
//!
//! The engine sees the domain and its store; it names no adapter.

mod breaker;
mod conflicts;
mod dead_letters;
mod feed;
mod flight;
mod health;
mod inbox;
mod job;
mod lanes;
mod pipeline;
mod relay;
mod server;
mod source;
mod status;
mod steady;
mod step;
mod upkeep;
mod verify;
mod vitals;
mod watermark;
mod worker;

pub use breaker::{Breaker, End};
pub use dead_letters::DeadLetters;
pub use health::HealthPage;
pub use lanes::{Item, Lanes, Slots};
pub use relay::{Relay, RelayPlan, RelayRoute};
pub use server::Server;
pub use status::{Health, LaneStatus, SubscriptionStatus, subscriptions};
pub use verify::{Account, Report, verify};
