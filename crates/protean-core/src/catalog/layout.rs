//! The three forms in which instances are kept, as far as they are declared.

use protean_port::message::{Table, snake_case};

use super::sourced::Sourced;
use crate::model::{
    Aggregate, Columns, EventSourced, Projected, Projection, Replay, StateStored, Stored,
};

/// A form in which `T` is kept. Implemented for [`EventSourced`],
/// [`StateStored`] and [`Projected`]; not for users to implement.
pub trait Layout<T>: sealed::Sealed {
    /// The name of the type, for errors.
    fn name() -> &'static str;

    /// The table, when it has one.
    fn table() -> Option<Table>;

    /// How it is kept as events, when it is.
    #[doc(hidden)]
    fn sourced() -> Option<Sourced> {
        None
    }
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for crate::model::EventSourced {}
    impl Sealed for crate::model::StateStored {}
    impl Sealed for crate::model::Projected {}
}

impl<A: Replay> Layout<A> for EventSourced {
    fn name() -> &'static str {
        A::NAME
    }

    fn table() -> Option<Table> {
        None
    }

    fn sourced() -> Option<Sourced> {
        Some(Sourced::of::<A>())
    }
}

impl<A: Aggregate + Columns + Stored<Storage = Self>> Layout<A> for StateStored {
    fn name() -> &'static str {
        A::NAME
    }

    fn table() -> Option<Table> {
        Some(Table { name: snake_case(A::NAME), key: 0, columns: A::columns() })
    }
}

impl<P: Projection> Layout<P> for Projected {
    fn name() -> &'static str {
        P::NAME
    }

    fn table() -> Option<Table> {
        Some(Table { name: snake_case(P::NAME), key: P::KEY, columns: P::columns() })
    }
}
