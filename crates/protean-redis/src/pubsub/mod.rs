//! Publish and subscribe: current subscribers receive a message, and Redis stores nothing.
//!
//! ```text
//! publish ─▶ PUBLISH channel ┈┈▶ ChannelConnection ─▶ PendingBuffer: waiting ─▶ unsettled ─▶ settled
//!              shared                     (one of each for a group that subscribes)
//! ```
//!
//! A received message stays in this process until it is settled, so an outage of the
//! store behind it loses nothing. What is published while nobody subscribes, or beyond
//! what the buffer holds, is lost.

mod channel_connection;
mod channels;
mod pending_buffer;
mod received;
mod subscription;

pub(crate) use channels::Channels;
