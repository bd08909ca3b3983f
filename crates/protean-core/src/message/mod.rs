//! What travels and what is kept: identities, values, messages, rows. No async, no I/O.

mod date;
mod decimal;
mod envelope;
mod id;
mod ids;
mod lane;
mod priority;
mod query;
mod record;
mod stream;
mod table;
mod timestamp;
mod value;

pub use date::Date;
pub use decimal::Decimal;
pub use envelope::{Checksum, DeadLetter, Envelope, Foreign, Unreadable};
pub use id::Id;
pub use ids::Ids;
pub use lane::{Lane, LaneRule};
pub use priority::Priority;
pub use query::{Direction, Filter, Operator, Query};
pub(crate) use record::bare_name;
pub use record::{Extensions, Kind, Message, Recorded};
pub use stream::{Category, Stream};
pub(crate) use stream::{camel_case, snake_case};
pub use table::{Column, ColumnKind, RESERVED, SNAPSHOTS, Table};
pub use timestamp::Timestamp;
pub use value::{Row, Value};
