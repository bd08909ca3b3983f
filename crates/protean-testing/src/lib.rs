//! Given, when, then: what tests of domains need.
//!
//! ```text
//! given(id, events) ─▶ when(|aggregate| …) ─▶ then(events)        an aggregate: pure, no domain
//! TestDomain ─▶ given(command) ─▶ when(command) ─▶ then(events)   handlers and projectors
//! ```
//!
//! Everything runs the code that runs in production; nothing is a stand-in but
//! the place where it is kept (memory), the [clock](TestClock), and the
//! identities, which are [numbered](protean_port::message::Id::numbered). What
//! does not hold fails the test at its own line, with the difference.
//!
//! * [`given`], [`given_state`], [`when_new`]: aggregates
//! * [`TestDomain`]: commands, events, projections, what other systems send

mod aggregate;
mod clock;
mod difference;
mod domain;
mod log;
mod messages;
mod reaction;
mod refusal;
mod waiting;

pub use aggregate::{Given, Then, given, given_state, when_new};
pub use clock::TestClock;
pub use domain::TestDomain;
pub use messages::{AnyCommands, AnyEvents, EventsOf, ExpectedMessage, Messages};
pub use reaction::Reaction;
