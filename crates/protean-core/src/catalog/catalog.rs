//! Aggregates, projections and their versions, found by type.

use std::any::TypeId;
use std::collections::HashMap;
use std::sync::Arc;

use protean_port::message::{Category, Kind, Message, Table, type_name};
use protean_port::{Error, Result};

use super::layout::Layout;
use super::readers::Readers;
use super::sourced::{Sourced, snapshot_table};
use super::upcast::{UpcastChain, UpcastChains};
use crate::model::{Aggregate, Member, MessageType, Projection, Stored};

/// What a domain declares, without the handlers: aggregates, projections, the
/// tables they need, and the ways up for messages of old versions.
pub struct Catalog {
    domain: String,
    pub(crate) aggregates: Vec<Declaration>,
    names: HashMap<TypeId, Names>,
    tables: HashMap<TypeId, DeclaredTable>,
    pub(crate) snapshots: Arc<Table>,
    pub(crate) readers: Readers,
    /// The same of the copies that processes take.
    pub(crate) copies: Readers,
    pub(crate) upcast_chains: UpcastChains,
}

/// An aggregate of a domain.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct DeclaredAggregate<'a> {
    /// Its name.
    pub name: &'static str,
    /// The category of its events.
    pub category: &'a Category,
    /// Its table, when it is kept as rows and not as events.
    pub table: Option<&'a Table>,
    /// It is a process manager, whose streams hold what each process has taken.
    pub is_process: bool,
}

/// An aggregate as it was declared.
pub(crate) struct Declaration {
    id: TypeId,
    pub(crate) name: &'static str,
    pub(crate) commands: &'static [&'static str],
    pub(crate) category: Category,
    pub(crate) tells_facts: bool,
    pub(crate) is_process: bool,
}

/// A table, and the aggregate or projection that is kept in it.
#[derive(Clone, Debug)]
pub struct DeclaredTable {
    /// The name of the aggregate or projection.
    pub name: &'static str,
    /// The table.
    pub table: Arc<Table>,
}

/// The categories of an aggregate.
#[derive(Clone, Debug)]
pub(crate) struct Names {
    pub(crate) category: Category,
    pub(crate) commands: Category,
    pub(crate) facts: Category,
    /// How it is kept, when it is kept as events.
    pub(crate) sourced: Option<Arc<Sourced>>,
}

impl Declaration {
    /// True when its events, its commands or its facts have this category.
    pub(crate) fn has(&self, category: &Category) -> bool {
        let own = &self.category;
        *own == *category || own.commands() == *category || own.facts() == *category
    }
}

impl Catalog {
    pub(crate) fn new(domain: &str) -> Self {
        Self {
            domain: domain.to_owned(),
            aggregates: Vec::new(),
            names: HashMap::new(),
            tables: HashMap::new(),
            snapshots: Arc::new(snapshot_table()),
            readers: Readers::default(),
            copies: Readers::default(),
            upcast_chains: UpcastChains::new(),
        }
    }

    /// Enters an aggregate; a second time changes nothing.
    pub(crate) fn aggregate<A>(&mut self)
    where
        A: Aggregate,
        A::Storage: Layout<A>,
    {
        let category = match A::STREAM_CATEGORY {
            Some(name) => Category::named(name),
            None => Category::of(&self.domain, A::NAME),
        };
        let (commands, facts) = (category.commands(), category.facts());
        let sourced = <A::Storage as Layout<A>>::sourced().map(Arc::new);
        let events = sourced.iter().flat_map(|sourced| sourced.events);
        events.for_each(|event| self.readers.add(&category, *event));
        A::FACT.iter().for_each(|fact| self.readers.add(&facts, *fact));
        let names = Names { commands, facts, category: category.clone(), sourced };
        let id = TypeId::of::<A>();
        if self.names.insert(id, names).is_none() {
            let (name, commands, tells_facts) = (A::NAME, A::COMMANDS, A::FACT.is_some());
            let is_process = <A::Storage as Layout<A>>::IS_PROCESS;
            let declared = Declaration { id, name, commands, category, tells_facts, is_process };
            self.aggregates.push(declared);
            self.enter_table::<A>();
        }
    }

    /// Enters a projection; a second time changes nothing.
    pub(crate) fn projection<P: Projection>(&mut self) {
        if !self.tables.contains_key(&TypeId::of::<P>()) {
            self.enter_table::<P>();
        }
    }

    fn enter_table<T: Stored>(&mut self)
    where
        T::Storage: Layout<T>,
    {
        if let Some(table) = <T::Storage as Layout<T>>::table() {
            let declared =
                DeclaredTable { name: <T::Storage as Layout<T>>::name(), table: Arc::new(table) };
            self.tables.insert(TypeId::of::<T>(), declared);
        }
    }

    /// Every aggregate in the order of declaration.
    pub fn aggregates(&self) -> impl Iterator<Item = DeclaredAggregate<'_>> {
        self.aggregates.iter().map(|aggregate| DeclaredAggregate {
            name: aggregate.name,
            category: &aggregate.category,
            table: self.tables.get(&aggregate.id).map(|declared| &*declared.table),
            is_process: aggregate.is_process,
        })
    }

    /// Every event and command that the program reads, with the name of its aggregate.
    pub fn message_types(&self) -> impl Iterator<Item = (&'static str, Kind, &MessageType)> {
        self.aggregates.iter().flat_map(move |aggregate| {
            let (name, events) = (aggregate.name, &aggregate.category);
            let (facts, commands) = (events.facts(), events.commands());
            let events = self.readers.of(events).chain(self.readers.of(&facts));
            let commands =
                self.readers.of(&commands).map(move |known| (name, Kind::Command, known));
            events.map(move |known| (name, Kind::Event, known)).chain(commands)
        })
    }

    /// The events or commands of a category that the program reads; several types may read one.
    pub fn types_of(&self, category: &Category) -> impl Iterator<Item = &MessageType> {
        self.readers.of(category)
    }

    /// The names of the events of a category that other systems see.
    pub fn published(&self, category: &Category) -> impl Iterator<Item = &'static str> {
        self.readers.of(category).filter(|known| known.is_published).map(|known| known.name)
    }

    /// The state in the snapshots of each event-sourced aggregate: the aggregate's name, the
    /// version of its snapshots, and the fields.
    pub fn snapshot_states(&self) -> impl Iterator<Item = (&'static str, u32, Vec<Member>)> {
        self.sourced().map(|(aggregate, sourced)| {
            let (version, members) = sourced.snapshots;
            (aggregate.name, version, members())
        })
    }

    /// The tables of state-stored aggregates and projections, by name.
    pub fn tables(&self) -> Vec<Table> {
        self.declared_tables().iter().map(|declared| (*declared.table).clone()).collect()
    }

    /// The same tables, each with what is kept in it.
    pub(crate) fn declared_tables(&self) -> Vec<DeclaredTable> {
        let mut declared: Vec<DeclaredTable> = self.tables.values().cloned().collect();
        declared.sort_by(|one, other| {
            (&one.table.name, one.name).cmp(&(&other.table.name, other.name))
        });
        declared
    }

    /// What is kept of a projection of this type.
    pub(crate) fn projected(&self, projection: TypeId) -> Option<DeclaredTable> {
        self.tables.get(&projection).cloned()
    }

    /// Every table the domain lays out: those, and that of snapshots where there can be any.
    pub(crate) fn layout(&self) -> Vec<Table> {
        let mut tables = self.tables();
        tables.extend(self.sourced().next().map(|_| (*self.snapshots).clone()));
        tables
    }

    /// The aggregates that are kept as events, in the order of declaration.
    pub(crate) fn sourced(&self) -> impl Iterator<Item = (&Declaration, &Arc<Sourced>)> {
        self.aggregates.iter().filter_map(|aggregate| {
            let names = self.names.get(&aggregate.id)?;
            Some((aggregate, names.sourced.as_ref()?))
        })
    }

    pub(crate) fn names<A: Aggregate>(&self) -> Result<&Names> {
        self.names.get(&TypeId::of::<A>()).ok_or_else(|| self.unregistered(A::NAME))
    }

    pub(crate) fn is_registered(&self, aggregate: TypeId) -> Option<&Names> {
        self.names.get(&aggregate)
    }

    /// True for the type of a process manager.
    pub(crate) fn is_process(&self, of: TypeId) -> bool {
        self.aggregates.iter().any(|known| known.id == of && known.is_process)
    }

    /// True when something in this domain applies or handles messages of this name.
    pub fn knows(&self, category: &Category, name: &str) -> bool {
        self.upcast_chain(category, name).is_some()
    }

    /// Whether the program reads a message of the log with the types and upcasters it has;
    /// `None` when none of its types is for such messages.
    pub(crate) fn read(&self, message: &Message, lenient: bool) -> Option<Result> {
        let read = |readers: &Readers| readers.read(message, &self.upcast_chains, lenient);
        read(&self.readers).or_else(|| read(&self.copies))
    }

    /// The way up for old versions of a message type.
    pub(crate) fn upcast_chain(&self, category: &Category, name: &str) -> Option<&UpcastChain> {
        self.upcast_chains.get(category)?.get(name).map(AsRef::as_ref)
    }

    pub(crate) fn table<T: Stored>(&self) -> Result<&Arc<Table>>
    where
        T::Storage: Layout<T>,
    {
        let name = <T::Storage as Layout<T>>::name();
        if <T::Storage as Layout<T>>::table().is_none() {
            return Err(Error::misused(format!(
                "{name} is event-sourced and has no rows: query a projection of its events"
            )));
        }
        let declared = self.tables.get(&TypeId::of::<T>());
        declared.map(|declared| &declared.table).ok_or_else(|| self.unregistered(name))
    }

    fn unregistered(&self, name: &str) -> Error {
        let domain = &self.domain;
        Error::misused(format!("{name} is not registered in '{domain}': add it to the builder"))
    }

    /// `Fidelis.AccountOpened.v1`.
    pub(crate) fn type_name(&self, name: &str, version: u32) -> Arc<str> {
        type_name::join(&self.domain, name, version)
    }
}
