//! What is stored, read with the types and upcasters that the program has today.

use std::collections::HashSet;
use std::sync::Arc;

use protean_port::Result;
use protean_port::message::{Category, Kind, Message, Row, Value, snake_case, type_name};
use protean_port::port::{RegisteredGroup, RowQuery};

use super::domain::Domain;
use crate::handling::{HandlerKind, Operation, operations};

/// How many snapshots are read at once.
const PAGE: usize = 200;

/// Reads what is stored as handlers and replays would, and runs nothing.
pub struct StoredData {
    domain: Domain,
    /// What the store knows the program to have read, now or once.
    read_before: HashSet<Category>,
}

/// What the program makes of a stored message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reading {
    /// Its types can read it.
    Fine,
    /// They cannot, and why.
    Faulty(String),
    /// Nothing reads it any more, and nothing is lost: a fact event that no handler takes.
    Obsolete,
    /// It belongs to another program in the same database.
    Foreign,
}

/// What the program makes of a snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SnapshotUse {
    /// It begins to replay there.
    Used,
    /// It would not write it in the same way, so it replays the events from the first one.
    LeftAside,
    /// It belongs to another program in the same database.
    OfAnotherProgram,
}

/// A page of snapshots.
#[derive(Debug, Default)]
pub struct ReadSnapshots {
    /// What the program makes of each.
    pub uses: Vec<SnapshotUse>,
    /// Where the next page begins; none after the last.
    pub last: Option<Arc<str>>,
}

impl StoredData {
    /// Reads what this domain has stored. `registered` is every group that its store knows.
    pub fn of(domain: &Domain, registered: &[RegisteredGroup]) -> Self {
        let prefix = format!("{}.", domain.name());
        let own = registered.iter().filter(|known| known.group.starts_with(&prefix));
        let read_before = own.map(|known| known.category.clone()).collect();
        Self { domain: domain.clone(), read_before }
    }

    /// Reads a message of the log with every type that is for it.
    pub fn message(&self, message: &Message) -> Reading {
        let (catalog, category) = (self.domain.catalog(), message.stream.category());
        if *category == operations(self.domain.name()) {
            return operation(message);
        }
        let lenient = self.domain.config().lenient_deserialization;
        match catalog.read(message, lenient) {
            Some(Ok(())) => Reading::Fine,
            Some(Err(error)) => Reading::Faulty(format!("{error:#}")),
            None if self.is_foreign(message) => Reading::Foreign,
            None => match catalog.aggregates.iter().find(|known| known.has(category)) {
                Some(known) if known.category.facts() == *category => Reading::Obsolete,
                // It was taken, or is ignored; the event itself is read where it comes from.
                Some(known) if known.is_process => Reading::Obsolete,
                Some(known) => Reading::Faulty(unread(message, known.name)),
                None if self.is_subscribed(category) => Reading::Foreign,
                None => {
                    Reading::Faulty(format!("no aggregate has the category {category} any more"))
                }
            },
        }
    }

    /// Whether a message that no type reads was written by another program.
    fn is_foreign(&self, message: &Message) -> bool {
        let (catalog, category) = (self.domain.catalog(), message.stream.category());
        // A replay meets every message of its stream.
        if catalog.sourced().any(|(known, _)| known.category == *category) {
            return false;
        }
        let name = self.domain.name();
        let own = type_name::join(name, message.name(), message.version);
        let prefix = format!("{}::", snake_case(name));
        let is_ours = category.as_str().starts_with(&prefix)
            || self.read_before.contains(category)
            || catalog.aggregates.iter().any(|known| known.has(category));
        !is_ours || own != message.type_name
    }

    /// True for what is settled once and then never read again: commands, and the entries of
    /// other systems. An event is read again by each replay and each new handler.
    pub fn is_read_once(&self, message: &Message) -> bool {
        message.kind == Kind::Command || self.is_subscribed(message.stream.category())
    }

    fn is_subscribed(&self, category: &Category) -> bool {
        let is_subscriber = |kind| matches!(kind, HandlerKind::Subscriber { .. });
        let mut groups = self.domain.groups().iter();
        groups.any(|group| is_subscriber(group.kind) && group.category == *category)
    }

    /// Reads the next snapshots, those after a stream by their names.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn snapshots(&self, after: Option<&str>) -> Result<ReadSnapshots> {
        let catalog = self.domain.catalog();
        // Without such aggregates there is no table of snapshots.
        if catalog.sourced().next().is_none() {
            return Ok(ReadSnapshots::default());
        }
        let after = after.map(|stream| vec![Value::text(stream)]);
        let query = RowQuery { after, limit: Some(PAGE), ..RowQuery::default() };
        let rows = self.domain.store().await?.query(&catalog.snapshots, &query).await?;
        let is_full = rows.len() == PAGE;
        let mut page = ReadSnapshots::default();
        for row in rows.into_iter().filter_map(|state| state.row) {
            let Some(Value::Text(stream)) = row.first().cloned() else { continue };
            page.uses.push(self.snapshot(&stream, &row));
            page.last = Some(stream).filter(|_| is_full);
        }
        Ok(page)
    }

    fn snapshot(&self, stream: &str, row: &Row) -> SnapshotUse {
        let of = |category: &Category| {
            stream.strip_prefix(category.as_str()).is_some_and(|id| id.starts_with('-'))
        };
        // An id may begin with what another category ends with.
        let mut sourced: Vec<_> =
            self.domain.catalog().sourced().filter(|(known, _)| of(&known.category)).collect();
        sourced.sort_by_key(|(known, _)| known.category.as_str().len());
        let Some((known, sourced)) = sourced.pop() else { return SnapshotUse::OfAnotherProgram };
        let snapshots = self.domain.handlers().snapshots.get(known.name);
        let is_used = snapshots.is_some_and(|of| (of.is_used)(sourced, row));
        if is_used { SnapshotUse::Used } else { SnapshotUse::LeftAside }
    }
}

/// What an operator did, which the framework itself wrote.
fn operation(message: &Message) -> Reading {
    match serde_json::from_str::<Operation>(&message.data) {
        Ok(_) => Reading::Fine,
        Err(error) => Reading::Faulty(error.to_string()),
    }
}

/// Why a message of a category that the program has cannot be read.
fn unread(message: &Message, aggregate: &str) -> String {
    let name = message.name();
    match message.kind {
        Kind::Command => format!("no handler takes the command {name} of {aggregate}"),
        Kind::Event => format!("nothing applies or handles the event {name} of {aggregate}"),
    }
}
