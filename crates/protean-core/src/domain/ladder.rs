//! The way up for messages of old versions.
//!
//! A handler gets a route for each old version beside that of the present one,
//! so a message of the present version meets nothing of this.

use std::any::TypeId;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use protean_port::message::{Category, Kind, type_name};
use protean_port::{Error, Result};

use super::group::{ErasedHandler, Group, HandlerInput};
use super::{Failure, Registry};
use crate::model::{Aggregate, Form, MessageData, Upcast, Versioned};

/// Brings the fields of one version into the form of the next.
type Upcaster = fn(&mut MessageData) -> Result;

/// An upcaster as it was registered.
#[derive(Debug)]
pub(crate) struct Step {
    aggregate: (TypeId, &'static str),
    form: Form,
    from: u32,
    upcast: Upcaster,
}

impl Step {
    pub(crate) fn of<U: Upcast>() -> Self {
        type Of<U> = <<U as Upcast>::Message as Versioned>::Aggregate;
        let aggregate = (TypeId::of::<Of<U>>(), <Of<U> as Aggregate>::NAME);
        Self { aggregate, form: U::Message::FORM, from: U::FROM, upcast: U::upcast }
    }
}

/// The steps of one message type, from the first version to the present one.
#[derive(Debug)]
pub(crate) struct Ladder {
    name: String,
    steps: Vec<Upcaster>,
}

/// The ladders of a category by the names of the message types.
pub(crate) type Ladders = HashMap<Category, HashMap<String, Arc<Ladder>>>;

impl Ladder {
    /// The data of a message of version `from`, in the present version.
    ///
    /// # Errors
    /// When the data is no JSON object, or an upcaster cannot take it.
    pub(crate) fn climb(&self, json: &str, from: u32) -> Result<String> {
        let told = |version: u32, error| {
            let (name, next) = (&self.name, version + 1);
            let told = format!("version {version} of {name} cannot be brought to version {next}");
            Error::failed(told).with_source(error)
        };
        let mut data: MessageData = serde_json::from_str(json)
            .map_err(|error| told(from, Error::failed(error.to_string())))?;
        for (version, step) in (1..).zip(&self.steps).filter(|(version, _)| *version >= from) {
            step(&mut data).map_err(|error| told(version, error))?;
        }
        serde_json::to_string(&data).map_err(|error| Error::failed(error.to_string()))
    }
}

/// A message type by its category and name.
type Key = (Category, String);

/// Gives the groups routes for old versions, and the registry the ladders; what
/// is wrong with the upcasters is added to its faults.
pub(super) fn wire<'g>(registry: &mut Registry, groups: impl Iterator<Item = &'g mut Group>) {
    let groups: Vec<&mut Group> = groups.collect();
    let known = known(registry, &groups);
    let mut placed = place(registry, &known);
    let mut ladders = Ladders::new();
    for (key, newest) in known {
        let steps = placed.remove(&key).unwrap_or_default();
        let (category, name) = key;
        let missing = (1..newest).filter(|from| !steps.contains_key(from));
        let missing: Vec<String> = missing.map(|from| from.to_string()).collect();
        if missing.is_empty() {
            let ladder = Ladder { name: name.clone(), steps: steps.into_values().collect() };
            ladders.entry(category).or_default().insert(name, Arc::new(ladder));
        } else {
            let missing = missing.join(", ");
            registry.faults.push(format!(
                "{name} of {category} is at version {newest} and has no upcaster from version \
                 {missing}: a message of that version could not be read"
            ));
        }
    }
    groups.into_iter().for_each(|group| add_routes(group, &ladders));
    registry.ladders = ladders;
}

/// The newest version of each message type that is applied or handled.
fn known(registry: &Registry, groups: &[&mut Group]) -> BTreeMap<Key, u32> {
    let mut known = BTreeMap::new();
    let mut enter = |category: &Category, name: &str, version: u32| {
        let newest = known.entry((category.clone(), name.to_owned())).or_insert(version);
        *newest = version.max(*newest);
    };
    for (declared, sourced) in registry.sourced() {
        sourced.events.iter().for_each(|(name, version)| enter(&declared.category, name, *version));
    }
    for group in groups {
        for type_name in group.routes.keys() {
            if let Some((_, version)) = type_name::split_version(type_name) {
                enter(&group.category, type_name::bare(type_name), version);
            }
        }
    }
    known
}

/// The upcasters by the message type and the version they take.
fn place(
    registry: &mut Registry,
    known: &BTreeMap<Key, u32>,
) -> BTreeMap<Key, BTreeMap<u32, Upcaster>> {
    let mut placed: BTreeMap<Key, BTreeMap<u32, Upcaster>> = BTreeMap::new();
    for step in std::mem::take(&mut registry.steps) {
        let Step { form: Form { name, .. }, from, upcast, .. } = step;
        match key(registry, &step, known) {
            Ok(key) => {
                if placed.entry(key).or_default().insert(from, upcast).is_some() {
                    let told = format!("{name} has two upcasters from version {from}: remove one");
                    registry.faults.push(told);
                }
            }
            Err(why) => {
                let told = format!("the upcaster from version {from} of {name} {why}");
                registry.faults.push(told);
            }
        }
    }
    placed
}

/// The message type of an upcaster, or why it has no place.
fn key(registry: &Registry, step: &Step, known: &BTreeMap<Key, u32>) -> Result<Key, String> {
    let Step { aggregate: (id, aggregate), form, from, .. } = step;
    let names = registry.is_registered(*id).ok_or_else(|| {
        format!("is for {aggregate}, which is not registered: add `.aggregate::<{aggregate}>()`")
    })?;
    let category = match form.kind {
        Kind::Event => &names.category,
        Kind::Command => &names.commands,
    };
    let key = (category.clone(), form.name.to_owned());
    match known.get(&key) {
        None => {
            let name = form.name;
            Err(format!("has nothing to do: nobody applies or handles {name}; remove it"))
        }
        Some(newest) if (1..*newest).contains(from) => Ok(key),
        Some(newest) => Err(format!("leads nowhere: there are versions 1 to {newest}")),
    }
}

/// Adds a route for each old version of what a group takes.
fn add_routes(group: &mut Group, ladders: &Ladders) {
    let Some(ladders) = ladders.get(&group.category) else { return };
    let present: Vec<(Arc<str>, ErasedHandler)> =
        group.routes.iter().map(|(name, call)| (Arc::clone(name), Arc::clone(call))).collect();
    for (type_name, call) in present {
        let Some((stem, version)) = type_name::split_version(&type_name) else { continue };
        let Some(ladder) = ladders.get(type_name::bare(&type_name)) else { continue };
        for from in 1..version {
            let old = format!("{stem}.v{from}").into();
            let call = || climbing(Arc::clone(ladder), from, Arc::clone(&call));
            group.routes.entry(old).or_insert_with(call);
        }
    }
}

/// Calls a handler with the present version of a message of an old one.
fn climbing(ladder: Arc<Ladder>, from: u32, call: ErasedHandler) -> ErasedHandler {
    Arc::new(move |input, context| {
        let (ladder, call) = (Arc::clone(&ladder), Arc::clone(&call));
        Box::pin(async move {
            let input = match input {
                HandlerInput::Json(json) => {
                    let present = ladder.climb(&json, from);
                    let present = present.map_err(|error| Failure::from(error).rejecting())?;
                    HandlerInput::Json(present.into())
                }
                value @ HandlerInput::Value(_) => value,
            };
            call(input, context).await
        })
    })
}
