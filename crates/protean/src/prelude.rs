//! The types that a domain needs all the time: `use protean::prelude::*;`.

pub use crate::{
    Context, Decimal, Domain, Error, Failure, Handled, Id, Priority, Result, Root, Timestamp,
    ensure,
};
