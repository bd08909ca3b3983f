//! From registrations to groups, with every fault on the way.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use super::group::{Group, HandlerKind};
use super::register::{Registration, Route};
use super::{Registry, ladder};
use crate::config::Config;
use crate::message::{Category, RESERVED, Table, bare_name};

/// Makes the groups of all registered handlers; what is wrong is added to the
/// registry's faults.
pub(super) fn wire(registry: &mut Registry, domain: &str, config: &Config) {
    let mut drafts: BTreeMap<(Arc<str>, Category), Group> = BTreeMap::new();
    for registration in std::mem::take(&mut registry.registrations) {
        enter(registry, &mut drafts, registration, (domain, config));
    }
    ladder::wire(registry, drafts.values_mut());
    let groups: Vec<Arc<Group>> = drafts.into_values().map(Arc::new).collect();
    check_commands(registry, &groups);
    check_names(registry);
    let mut handlers: Vec<&str> =
        groups.iter().flat_map(|group| group.handler.split(", ")).collect();
    handlers.dedup();
    let unknown = config.unknown_subscriptions(&handlers);
    registry.faults.extend(unknown.iter().map(ToString::to_string));
    registry.groups = groups;
}

fn enter(
    registry: &mut Registry,
    drafts: &mut BTreeMap<(Arc<str>, Category), Group>,
    registration: Registration,
    (domain, config): (&str, &Config),
) {
    let Registration { handler, kind, declared, routes } = registration;
    let profile = config.unknown_profile(&declared);
    registry.faults.extend(profile.map(|fault| format!("{handler}: {fault}")));
    if routes.is_empty() {
        registry.faults.push(format!("{handler} takes no message: remove it or give it one"));
    }
    for route in routes {
        let (aggregate, name) = route.aggregate;
        let Some(names) = registry.is_registered(aggregate) else {
            registry.faults.push(format!(
                "{handler} takes {} of {name}, which is not registered: add `.aggregate::<{name}>()`",
                route.message.0
            ));
            continue;
        };
        let (group, category) = match kind {
            HandlerKind::Commands => (format!("{domain}.{name}Commands"), names.commands.clone()),
            _ if route.fact => (format!("{domain}.{handler}"), names.facts.clone()),
            _ => (format!("{domain}.{handler}"), names.category.clone()),
        };
        let key = (Arc::<str>::from(group), category);
        let draft = drafts.entry(key.clone()).or_insert_with(|| Group {
            name: key.0,
            handler: handler.to_owned(),
            kind,
            category: key.1,
            subscription: config.subscription(handler, &declared),
            idempotency: config.idempotency,
            routes: HashMap::new(),
        });
        if !draft.handler.split(", ").any(|known| known == handler) {
            draft.handler = format!("{}, {handler}", draft.handler);
        }
        add_route(registry, draft, route, handler);
    }
}

fn add_route(registry: &mut Registry, group: &mut Group, route: Route, handler: &str) {
    let (name, version) = route.message;
    let type_name = registry.type_name(name, version);
    if group.routes.insert(type_name, route.call).is_some() {
        let category = &group.category;
        registry.faults.push(format!(
            "{name} has two handlers in {category}, the second in {handler}: remove one"
        ));
    }
}

/// Reports commands that an aggregate declares and nobody handles.
fn check_commands(registry: &mut Registry, groups: &[Arc<Group>]) {
    let mut faults = Vec::new();
    for aggregate in &registry.aggregates {
        let commands = aggregate.category.commands();
        let group = groups.iter().find(|group| group.category == commands);
        let handled = |command: &str| {
            let routes = group.into_iter().flat_map(|group| group.routes.keys());
            routes.map(|route| bare_name(route)).any(|name| name == command)
        };
        let name = aggregate.name;
        for command in aggregate.commands.iter().filter(|command| !handled(command)) {
            faults.push(format!("{name} declares the command {command}, which nobody handles"));
        }
    }
    registry.faults.extend(faults);
}

/// Reports two aggregates or projections that want one category or table.
fn check_names(registry: &mut Registry) {
    let mut seen = HashSet::new();
    let mut faults = Vec::new();
    for aggregate in &registry.aggregates {
        let facts = aggregate.tells_facts.then(|| aggregate.category.facts());
        for category in [Some(aggregate.category.clone()), facts].into_iter().flatten() {
            if seen.insert(category.clone()) {
                continue;
            }
            faults.push(format!("two aggregates share the category {category}: rename one"));
        }
    }
    let tables = registry.tables();
    for (one, other) in tables.iter().zip(tables.iter().skip(1)) {
        if one.name == other.name {
            faults.push(format!("two declarations share the table '{}': rename one", one.name));
        }
    }
    faults.extend(tables.iter().filter_map(reserved));
    registry.faults.extend(faults);
}

fn reserved(table: &Table) -> Option<String> {
    let name = table.name.as_str();
    RESERVED.contains(&name).then(|| {
        format!("the table '{name}' is the store's own: rename the aggregate or projection")
    })
}
