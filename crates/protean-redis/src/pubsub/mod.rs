//! Publish and subscribe: who listens hears it, and Redis keeps nothing for anybody.
//!
//! ```text
//! publish ─▶ PUBLISH channel ┈┈▶ line ─▶ shelf: waiting ─▶ unsettled ─▶ settled
//!              shared               (one of each for a group that listens)
//! ```
//!
//! What was heard is kept in this process until it is settled, so an outage of the
//! store that it goes to loses nothing; what is published while nobody listens, or
//! more than can wait, is.

mod channels;
mod ear;
mod line;
mod shelf;

pub(crate) use channels::Channels;
