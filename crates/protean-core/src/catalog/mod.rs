//! What a domain declares: names, tables, versions. Pure data without handlers.

#[expect(clippy::module_inception, reason = "the room is named for the one thing in it")]
mod catalog;
mod layout;
mod readers;
mod sourced;
mod upcast;

pub use catalog::{Catalog, DeclaredAggregate, DeclaredTable};
pub(crate) use catalog::{Declaration, Names};
#[doc(hidden)]
pub use layout::LIFECYCLE_COLUMNS;
pub use layout::Layout;
pub(crate) use readers::guarded;
pub use sourced::Sourced;
pub(crate) use upcast::{UpcastChain, UpcastChains, UpcastFn, Upcaster, too_new};
