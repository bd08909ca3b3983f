//! What travels and is stored: identities, values, messages, rows. No async, no I/O.

mod date;
mod decimal;
mod envelope;
mod id;
mod ids;
mod json;
mod lane;
#[cfg(feature = "chrono")]
mod of_chrono;
#[cfg(feature = "jiff")]
mod of_jiff;
mod priority;
mod query;
mod raw;
mod record;
mod stream;
mod table;
mod timestamp;
pub mod type_name;
mod value;
mod weekday;

pub use date::Date;
pub use decimal::{Decimal, Inexact, Rounding};
pub use envelope::{Checksum, DeadLetterEntry, Envelope, Foreign, Positions, Unreadable};
pub use id::Id;
pub use ids::Ids;
pub use json::Json;
pub use lane::{Lane, LaneRule};
pub use priority::Priority;
pub use query::{Direction, Filter, Operator, RowQuery};
pub use record::{Extensions, Kind, Message, Recorded};
#[doc(hidden)]
pub use stream::snake_case;
pub use stream::{Category, Stream};
pub use table::{Column, ColumnKind, RESERVED, SNAPSHOTS, Table, VERSION_COLUMN};
pub use timestamp::Timestamp;
pub use value::{Row, Value};
pub use weekday::Weekday;
