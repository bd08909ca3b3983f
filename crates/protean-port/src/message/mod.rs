//! What travels and is stored: identities, values, messages, rows. No async, no I/O.

mod date;
mod decimal;
mod envelope;
mod id;
mod ids;
mod lane;
mod metadata;
mod priority;
mod query;
mod record;
mod stream;
mod table;
mod timestamp;
mod trace_parent;
pub mod type_name;
mod value;

pub use date::Date;
pub use decimal::Decimal;
pub use envelope::{Checksum, DeadLetterEntry, Envelope, Foreign, Positions, Unreadable};
pub use id::Id;
pub use ids::Ids;
pub use lane::{Lane, LaneRule};
pub use metadata::Metadata;
pub use priority::Priority;
pub use query::{Direction, Filter, Operator, RowQuery};
pub use record::{Extensions, Kind, Message, Recorded};
#[doc(hidden)]
pub use stream::snake_case;
pub use stream::{Category, Stream};
pub use table::{Column, ColumnKind, RESERVED, SNAPSHOTS, Table, VERSION_COLUMN};
pub use timestamp::Timestamp;
pub use trace_parent::TraceParent;
pub use value::{Row, Value};
