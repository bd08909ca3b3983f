//! What a user declares: aggregates, events, commands, projections, and the
//! rules of their fields. Pure and synchronous.
//!
//! The attribute macros expand to implementations of these traits, which are
//! as pleasant to write by hand.

mod aggregate;
mod attribute;
mod choice;
mod data;
mod field;
mod fields;
mod json;
mod list;
mod messages;
mod number;
mod projection;
mod root;
mod rules;
mod stored;
mod upcast;

pub use aggregate::{
    Aggregate, Apply, Invariants, Replay, as_stored, raise_applied, raise_recorded,
    violations_after,
};
pub use attribute::{Attribute, Comparable, Condition, Sort};
pub use choice::Choice;
pub use data::Data;
pub use field::{Field, Values};
pub use fields::{Columns, Fields};
pub use list::Element;
pub use messages::{Command, Event, Query};
pub use projection::Projection;
pub use root::{Raised, Root};
pub use rules::{Bound, Rules};
pub use stored::{EventSourced, Projected, StateStored, Stored};
pub use upcast::{Form, MessageData, Upcast, Versioned};

pub(crate) use json::{fits, to_json};
