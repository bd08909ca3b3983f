//! What a user declares: aggregates, events, commands, projections, and the
//! rules of their fields. Pure and synchronous.
//!
//! The attribute macros expand to implementations of these traits, which are
//! as pleasant to write by hand.

mod aggregate;
mod attribute;
mod comparable;
mod condition;
mod data;
mod dropped;
mod entity;
mod external_event;
mod field;
mod identity;
mod json;
#[doc(hidden)]
pub mod json_column;
mod list;
mod map;
mod members;
mod message_type;
mod messages;
mod nested;
mod number;
mod process;
mod raise;
mod root;
mod rules;
mod shape;
mod stamp;
mod states;
mod stored;
mod text_field;
mod upcast;

pub use aggregate::{Aggregate, Apply, Invariants, Replay, as_stored, violations_after};
pub use attribute::{Attribute, Holds, ListField, Sort};
pub use comparable::Comparable;
pub use condition::Condition;
pub use data::Data;
pub use entity::{Children, Entity};
pub use external_event::ExternalEvent;
pub use field::{Choice, Columns, Field, Fields, Values};
pub use identity::Identity;
pub use list::Element;
pub use map::MapKey;
pub use message_type::MessageType;
pub use messages::{Command, Event, Query};
pub use process::{ProcessManager, ProcessStored};
pub use raise::{raise_applied, raise_recorded, set_timer};
pub use root::{Lifecycle, Raised, Reminder, Root, Start};
pub use rules::{Bound, Rules};
pub use shape::{Member, Shape};
pub use stamp::{Stamp, Stamped};
pub use states::{States, Transitions};
pub use stored::{EventSourced, Projected, Projection, StateStored, Stored};
pub use text_field::{IgnoringCase, TextField, TextValue};
pub use upcast::{Form, MessageData, Upcast, Versioned};

pub(crate) use aggregate::note_states;
pub(crate) use dropped::watch_dropped;
pub(crate) use json::{fits, to_json};
