//! The server of Protean for Rust.
//!
//! ```text
//! Server ─▶ Worker ─┬▶ source    what to read
//!  (one a group)    ├▶ lanes     what runs next   (pure)
//!                   ├▶ job       one handler
//!                   ├▶ conflicts who comes too late (pure)
//!                   ├▶ watermark what is settled  (pure)
//!                   └▶ pipeline  what commits together
//! ```
//!
//! The engine sees the domain and its store; it names no adapter.

mod conflicts;
mod job;
mod lanes;
mod pipeline;
mod server;
mod source;
mod status;
mod verify;
mod watermark;
mod worker;

pub use lanes::{Item, Lanes, Slots};
pub use server::Server;
pub use status::{Health, LaneStatus, SubscriptionStatus, subscriptions};
pub use verify::{Account, Report, verify};
