//! Routes for messages of old versions.
//!
//! A group gets a route for each old version beside that of the present one,
//! so a message of the present version meets nothing of this.

use std::collections::BTreeMap;
use std::sync::Arc;

use protean_port::message::{Category, Kind, type_name};
use protean_port::port::Correlation;

use super::erased::{ErasedHandler, HandlerInput};
use super::failure::Failure;
use super::group::Group;
use super::registry::Registry;
use crate::catalog::{Catalog, UpcastChain, UpcastChains, UpcastFn, Upcaster};
use crate::model::{Form, MessageType};

/// A message type by its category and name.
type Key = (Category, String);

/// Gives the groups routes for old versions, and the catalog the chains of
/// upcasters; what is wrong with the upcasters is added to the registry's faults.
pub(crate) fn add_upcasts<'g>(
    registry: &mut Registry,
    groups: impl Iterator<Item = &'g mut Group>,
) {
    let groups: Vec<&mut Group> = groups.collect();
    let known = known(&registry.catalog);
    let mut placed = place(registry, &known);
    let mut chains = UpcastChains::new();
    for (key, newest) in known {
        let steps = placed.remove(&key).unwrap_or_default();
        let (category, name) = key;
        let missing: Vec<String> = (1..newest)
            .filter(|from| !steps.contains_key(from))
            .map(|from| from.to_string())
            .collect();
        if missing.is_empty() {
            let chain = UpcastChain { name: name.clone(), steps: steps.into_values().collect() };
            chains.entry(category).or_default().insert(name, Arc::new(chain));
        } else {
            let missing = missing.join(", ");
            registry.faults.push(format!(
                "{name} of {category} is at version {newest} and has no upcaster from version \
                 {missing}: add `.upcaster::<…>()` for each"
            ));
        }
    }
    for group in &groups {
        add_copied(&mut registry.catalog, group, &mut chains);
    }
    groups.into_iter().for_each(|group| add_routes(group, &chains));
    registry.catalog.upcast_chains = chains;
}

/// The newest version of each message type that is applied or handled.
fn known(catalog: &Catalog) -> BTreeMap<Key, u32> {
    let newest = catalog.readers.newest();
    newest.map(|(category, name, version)| ((category.clone(), name.to_owned()), version)).collect()
}

/// The upcasters by the message type and the version they take.
fn place(
    registry: &mut Registry,
    known: &BTreeMap<Key, u32>,
) -> BTreeMap<Key, BTreeMap<u32, UpcastFn>> {
    let mut placed: BTreeMap<Key, BTreeMap<u32, UpcastFn>> = BTreeMap::new();
    for upcaster in std::mem::take(&mut registry.upcasters) {
        let Upcaster { form: Form { name, .. }, from, upcast, .. } = upcaster;
        match key(&registry.catalog, &upcaster, known) {
            Ok(key) => {
                if placed.entry(key).or_default().insert(from, upcast).is_some() {
                    registry
                        .faults
                        .push(format!("{name} has two upcasters from version {from}: remove one"));
                }
            }
            Err(why) => {
                registry.faults.push(format!("the upcaster from version {from} of {name} {why}"));
            }
        }
    }
    placed
}

/// The message type of an upcaster, or why it has no place.
fn key(catalog: &Catalog, upcaster: &Upcaster, known: &BTreeMap<Key, u32>) -> Result<Key, String> {
    let Upcaster { aggregate: (id, aggregate), form, from, .. } = upcaster;
    let names = catalog.is_registered(*id).ok_or_else(|| {
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
            Err(format!(
                "has no effect, because nothing applies or handles {name}: remove the upcaster"
            ))
        }
        Some(newest) if (1..*newest).contains(from) => Ok(key),
        Some(1) => {
            Err("has no effect, because version 1 is the present one: remove the upcaster".into())
        }
        Some(newest) => Err(format!(
            "has no effect, because only versions 1 to {} are old: correct `FROM`, or raise the version of \
             {}",
            newest - 1,
            form.name
        )),
    }
}

/// What a process manager takes is read in its category as where it comes from.
fn add_copied(catalog: &mut Catalog, group: &Group, chains: &mut UpcastChains) {
    for Correlation { category, event, .. } in &group.correlations {
        let name = type_name::bare(event);
        let chain = chains.get(category).and_then(|chains| chains.get(name)).cloned();
        let own = chains.entry(group.category.clone()).or_default();
        own.extend(chain.map(|chain| (name.to_owned(), chain)));
        let types: Vec<MessageType> =
            catalog.readers.of(category).filter(|known| known.name == name).copied().collect();
        types.into_iter().for_each(|known| catalog.copies.add(&group.category, known));
    }
}

/// Adds a route for each old version of what a group takes.
fn add_routes(group: &mut Group, chains: &UpcastChains) {
    let Some(chains) = chains.get(&group.category) else { return };
    let present: Vec<(Arc<str>, ErasedHandler)> =
        group.routes.iter().map(|(name, call)| (Arc::clone(name), Arc::clone(call))).collect();
    for (type_name, call) in present {
        let Some((stem, version)) = type_name::split_version(&type_name) else { continue };
        let Some(chain) = chains.get(type_name::bare(&type_name)) else { continue };
        for from in 1..version {
            let old = format!("{stem}.v{from}").into();
            let call = || upcasting(Arc::clone(chain), from, Arc::clone(&call));
            group.routes.entry(old).or_insert_with(call);
        }
    }
}

/// Calls a handler with the present version of a message of an old one.
fn upcasting(chain: Arc<UpcastChain>, from: u32, call: ErasedHandler) -> ErasedHandler {
    Arc::new(move |input, context| {
        let (chain, call) = (Arc::clone(&chain), Arc::clone(&call));
        Box::pin(async move {
            let input = match input {
                HandlerInput::Json(json) => {
                    let present = chain
                        .upcast(&json, from)
                        .map_err(|error| Failure::from(error).rejecting())?;
                    HandlerInput::Json(present.into())
                }
                value @ HandlerInput::Value(_) => value,
            };
            call(input, context).await
        })
    })
}
