//! Process managers, as far as they are declared.

use super::aggregate::Aggregate;
use super::field::Columns;
use super::root::Root;
use super::stored::Stored;

/// A process manager's process: kept as a row, each state of it also as a fact.
#[derive(Debug)]
pub struct ProcessStored;

/// The state of one business process, which reacts to events of several aggregates and issues
/// commands.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a process manager",
    note = "declare it with `#[process_manager]` and give it a field `root: Root<{Self}>`"
)]
pub trait ProcessManager: Aggregate + Columns + Stored<Storage = ProcessStored> {
    /// A process that begins, with every field at its default.
    fn begin(root: Root<Self>) -> Self;
}
