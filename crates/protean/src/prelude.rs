//! The types that every domain needs: `use protean::prelude::*;`.

pub use crate::{
    Context, Decimal, Domain, Error, Failure, Handled, Id, Priority, Result, Root, Timestamp,
    ensure,
};
