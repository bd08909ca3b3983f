//! Everything that a domain runs, found by type.

use std::any::TypeId;
use std::collections::HashMap;
use std::sync::Arc;

use protean_port::message::Category;
use protean_port::{Error, Result};

use super::erased::ErasedHandler;
use super::group::{Group, HandlerKind};
use super::intake_command::IntakeCommand;
use super::recurring_command::RecurringCommand;
use crate::unit::SnapshotsOf;

/// Everything that a domain runs: the groups of its handlers, its query
/// handlers, and how snapshots of its aggregates are taken.
pub(crate) struct Handlers {
    pub(crate) groups: Vec<Arc<Group>>,
    pub(crate) queries: HashMap<TypeId, ErasedHandler>,
    pub(crate) recurring: Vec<RecurringCommand>,
    /// The commands that plain programs may enqueue.
    pub(crate) intake: Vec<IntakeCommand>,
    /// By the name of the aggregate.
    pub(crate) snapshots: HashMap<&'static str, SnapshotsOf>,
}

impl Handlers {
    /// The group that handles the commands of a category.
    pub(crate) fn commands_of(&self, category: &Category) -> Option<&Arc<Group>> {
        let mut groups = self.groups.iter().filter(|group| group.kind == HandlerKind::Commands);
        groups.find(|group| group.category == *category)
    }

    pub(crate) fn query(&self, query: TypeId, name: &str) -> Result<&ErasedHandler> {
        self.queries.get(&query).ok_or_else(|| {
            Error::misused(format!("no query handler for {name}: register one on the builder"))
        })
    }
}
