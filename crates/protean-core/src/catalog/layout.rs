//! The forms in which instances are kept, as far as they are declared.

use protean_port::message::{Column, ColumnKind, Table, snake_case};

use super::sourced::Sourced;
use crate::model::{
    Aggregate, Columns, EventSourced, ProcessManager, ProcessStored, Projected, Projection, Replay,
    StateStored, Stored,
};

/// A form in which `T` is kept. Implemented for [`EventSourced`],
/// [`StateStored`], [`ProcessStored`] and [`Projected`]; not for users to implement.
pub trait Layout<T>: sealed::Sealed {
    /// The name of the type, for errors.
    fn name() -> &'static str;

    /// The table, when it has one.
    fn table() -> Option<Table>;

    /// True for the processes of a process manager.
    #[doc(hidden)]
    const IS_PROCESS: bool = false;

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
    impl Sealed for crate::model::ProcessStored {}
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
        let (columns, indexes) = (A::columns(), A::indexes());
        Some(Table { name: snake_case(A::NAME), key: 0, columns, indexes })
    }
}

impl<P: Projection> Layout<P> for Projected {
    fn name() -> &'static str {
        P::NAME
    }

    fn table() -> Option<Table> {
        let (columns, indexes) = (P::columns(), P::indexes());
        Some(Table { name: snake_case(P::NAME), key: P::KEY, columns, indexes })
    }
}

/// The columns of a process after those of its fields: what [`Lifecycle`](crate::model::Lifecycle)
/// holds.
pub const LIFECYCLE_COLUMNS: [&str; 3] = ["process_priority", "process_complete", "process_timers"];

impl<P: ProcessManager> Layout<P> for ProcessStored {
    const IS_PROCESS: bool = true;

    fn name() -> &'static str {
        P::NAME
    }

    fn table() -> Option<Table> {
        let [priority, complete, timers] = LIFECYCLE_COLUMNS;
        let mut columns = P::columns();
        columns.push(lifecycle(priority, ColumnKind::Integer));
        columns.push(lifecycle(complete, ColumnKind::Bool));
        columns.push(lifecycle(timers, ColumnKind::Json));
        Some(Table { name: snake_case(P::NAME), key: 0, columns, indexes: P::indexes() })
    }
}

fn lifecycle(name: &str, kind: ColumnKind) -> Column {
    let (name, default) = (name.to_owned(), None);
    Column { name, kind, nullable: false, unique: false, default, renamed_from: Vec::new() }
}
