//! What travels and is stored: identities, values, messages, rows. No async, no I/O.

mod condition;
mod date;
mod decimal;
mod envelope;
mod id;
mod ids;
mod json;
mod lane;
mod metadata;
mod nesting;
mod node;
#[cfg(feature = "chrono")]
mod of_chrono;
#[cfg(feature = "jiff")]
mod of_jiff;
mod priority;
mod query;
mod raw;
mod record;
mod sort_key;
mod stream;
mod table;
mod timestamp;
mod trace_parent;
pub mod type_name;
mod value;
mod value_order;
mod weekday;

pub use condition::{Case, Operator, RowCondition, TextPlace, list_has};
pub use date::Date;
pub use decimal::{Decimal, Inexact, Rounding};
pub use envelope::{Checksum, DeadLetterEntry, Envelope, Foreign, Positions, Unreadable};
pub use id::Id;
pub use ids::Ids;
pub use json::Json;
pub use lane::{Lane, LaneRule};
pub use metadata::Metadata;
#[doc(hidden)]
pub use nesting::{MAX_DEPTH, too_deep};
pub use priority::Priority;
pub use query::RowQuery;
pub use record::{Extensions, Kind, Message, Recorded};
pub use sort_key::{Direction, SortKey};
#[doc(hidden)]
pub use stream::snake_case;
pub use stream::{Category, Stream};
pub use table::{Column, ColumnKind, Index, RESERVED, SNAPSHOTS, Table, VERSION_COLUMN};
pub use timestamp::Timestamp;
pub use trace_parent::TraceParent;
pub use value::{Row, Value};
pub(crate) use value_order::{Sorted, order};
pub use weekday::Weekday;
