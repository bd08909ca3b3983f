//! From registrations to groups, with every fault on the way.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use protean_port::message::{Category, SNAPSHOTS, type_name};
use protean_port::port::Correlation;

use super::reserved::check_reserved;
use crate::catalog::DeclaredTable;
use crate::config::{Config, Declared, SubscriptionConfig};
use crate::handling::{
    Group, HandlerKind, Handlers, IntakeCommand, Registration, Registry, Route, Source,
    add_upcasts, either,
};
use crate::model::MessageType;

/// Makes the groups of all registered handlers; what is wrong is added to the
/// registry's faults.
pub(super) fn wire(registry: &mut Registry, domain: &str, config: &Config) -> Handlers {
    let mut drafts: BTreeMap<(Arc<str>, Category), Draft> = BTreeMap::new();
    for registration in std::mem::take(&mut registry.registrations) {
        enter(registry, &mut drafts, registration, domain, config);
    }
    enter_events(registry);
    add_upcasts(registry, drafts.values_mut().map(|draft| &mut draft.group));
    let groups: Vec<Arc<Group>> = drafts.into_values().map(|draft| Arc::new(draft.group)).collect();
    check_commands(registry, &groups);
    check_intake(registry, &groups);
    check_names(registry);
    check_reserved(registry, &groups, domain);
    check_streams(registry, &groups);
    let mut handlers: Vec<&str> =
        groups.iter().flat_map(|group| group.handler.split(", ")).collect();
    handlers.dedup();
    let unknown = config.unknown_subscriptions(&handlers);
    registry.faults.extend(unknown.iter().map(ToString::to_string));
    Handlers {
        groups,
        queries: std::mem::take(&mut registry.queries),
        recurring: std::mem::take(&mut registry.recurring),
        intake: std::mem::take(&mut registry.intake),
        snapshots: std::mem::take(&mut registry.snapshots),
    }
}

/// A group, and the first of its handlers.
struct Draft {
    group: Group,
    first: &'static str,
}

fn enter(
    registry: &mut Registry,
    drafts: &mut BTreeMap<(Arc<str>, Category), Draft>,
    registration: Registration,
    domain: &str,
    config: &Config,
) {
    let Registration { handler, type_path, kind, projection, processes, declared, routes } =
        registration;
    let projection = projection.and_then(|of| registry.catalog.projected(of));
    let profile = config.unknown_profile(&declared);
    registry.faults.extend(profile.map(|fault| format!("{handler}: {fault}")));
    if routes.is_empty() {
        registry.faults.push(format!(
            "{handler} handles no message: add a method for one, or remove the handler"
        ));
    }
    let mut faults = BTreeSet::from_iter(external_clash(handler, &routes));
    let takes_external_events = routes.iter().any(|route| route.external.is_some());
    for route in routes {
        let (group, from) = match place(registry, handler, kind, &route) {
            Ok((group, from)) => {
                registry.catalog.readers.add(&from, route.message);
                (format!("{domain}.{group}"), from)
            }
            Err(fault) => {
                registry.faults.push(fault);
                continue;
            }
        };
        let subscription = subscription(config, kind, handler, &declared, &mut faults);
        let processes = processes.and_then(|of| registry.catalog.is_registered(of));
        let category = processes.map_or_else(|| from.clone(), |names| names.category.clone());
        let key = (Arc::<str>::from(group), category);
        let draft = drafts.entry(key.clone()).or_insert_with(|| {
            let group = Group {
                name: key.0,
                handler: handler.to_owned(),
                kind,
                projection: projection.clone(),
                category: key.1,
                subscription,
                correlations: Vec::new(),
                takes_external_events,
                idempotency: config.idempotency,
                routes: HashMap::new(),
            };
            Draft { group, first: type_path }
        });
        faults.extend(clash(draft, kind, type_path, &subscription));
        let group = &mut draft.group;
        if !group.handler.split(", ").any(|known| known == handler) {
            group.handler = format!("{}, {handler}", group.handler);
        }
        // A timer comes in the process' own stream.
        if kind == HandlerKind::Process && from != group.category {
            group.correlations.push(correlation(registry, from, &route));
        }
        add_route(registry, group, route, handler);
    }
    registry.faults.extend(faults);
}

/// Why the parts of a subscriber are not each for another event.
fn external_clash(handler: &str, routes: &[Route]) -> Option<String> {
    let mut external = routes.iter().filter_map(|route| route.external);
    let is_mixed =
        external.clone().next().is_some() && routes.iter().any(|of| of.external.is_none());
    if is_mixed {
        return Some(format!(
            "{handler} takes events and entries of any form, which are the events too: keep one kind"
        ));
    }
    let mut taken = BTreeSet::new();
    let twice = external.find(|name| !taken.insert(*name));
    twice.map(|name| format!("{handler} takes {name} twice: remove one"))
}

/// The settings of a handler's subscription; what is wrong with them is added to the faults.
fn subscription(
    config: &Config,
    kind: HandlerKind,
    handler: &str,
    declared: &Declared,
    faults: &mut BTreeSet<String>,
) -> SubscriptionConfig {
    match kind {
        HandlerKind::Subscriber { .. } => config.subscriber(handler, declared),
        HandlerKind::Process => {
            config.process_manager(handler, declared).unwrap_or_else(|(settings, fault)| {
                faults.insert(fault);
                settings
            })
        }
        _ => config.subscription(handler, declared),
    }
}

/// What a process manager takes with a route.
fn correlation(registry: &Registry, category: Category, route: &Route) -> Correlation {
    let MessageType { name, version, .. } = route.message;
    let type_name = registry.catalog.type_name(name, version);
    let event = type_name::split_version(&type_name).map_or(&*type_name, |(event, _)| event);
    let fields = route.by.iter().copied().map(Into::into).collect();
    Correlation { category, event: event.into(), fields }
}

/// Why a handler cannot belong to the group of one that was registered before.
fn clash(
    draft: &Draft,
    kind: HandlerKind,
    type_path: &'static str,
    subscription: &SubscriptionConfig,
) -> Option<String> {
    let Draft { group: Group { name, category, subscription: known, .. }, first } = draft;
    match kind {
        _ if *first == type_path => None,
        HandlerKind::Commands => (known != subscription).then(|| {
            format!(
                "{first} and {type_path} handle the commands of one aggregate, as the group '{name}', \
                 but have different settings: give both the same, in the code and in `domain.toml`"
            )
        }),
        _ => Some(format!(
            "{first} and {type_path} have the same name and would be one group, '{name}' of \
             '{category}': rename one"
        )),
    }
}

/// Enters the events that were registered without a handler.
fn enter_events(registry: &mut Registry) {
    for (source, message) in std::mem::take(&mut registry.events) {
        let (aggregate, owner, is_fact) = match source {
            Source::Aggregate(aggregate, owner) => (aggregate, owner, false),
            Source::Facts(aggregate, owner) => (aggregate, owner, true),
            Source::Stream(_) => continue,
        };
        match registry.catalog.is_registered(aggregate).cloned() {
            Some(names) => {
                let category = if is_fact { names.facts } else { names.category };
                registry.catalog.readers.add(&category, message);
            }
            None => registry.faults.push(format!(
                "the event {} belongs to {owner}, which is not registered: add \
                 `.aggregate::<{owner}>()`",
                message.name
            )),
        }
    }
}

/// The name and the category of the group that a route belongs to.
fn place(
    registry: &Registry,
    handler: &str,
    kind: HandlerKind,
    route: &Route,
) -> Result<(String, Category), String> {
    let (aggregate, name, is_fact) = match route.source {
        Source::Stream(stream) => return Ok((handler.to_owned(), Category::named(stream))),
        Source::Aggregate(aggregate, name) => (aggregate, name, false),
        Source::Facts(aggregate, name) => (aggregate, name, true),
    };
    let names = registry.catalog.is_registered(aggregate).ok_or_else(|| {
        let message = route.message.name;
        format!(
            "{handler} takes {message} of {name}, which is not registered: add \
             `.aggregate::<{name}>()`"
        )
    })?;
    Ok(match kind {
        HandlerKind::Process
            if !is_fact && name != handler && registry.catalog.is_process(aggregate) =>
        {
            let message = route.message.name;
            return Err(format!(
                "{handler} takes {message}, a timer of {name}, which comes to {name} alone: remove it"
            ));
        }
        HandlerKind::Commands => (format!("{name}Commands"), names.commands.clone()),
        _ if is_fact => (handler.to_owned(), names.facts.clone()),
        _ => (handler.to_owned(), names.category.clone()),
    })
}

fn add_route(registry: &mut Registry, group: &mut Group, route: Route, handler: &str) {
    let MessageType { name, version, .. } = route.message;
    let type_name = registry.catalog.type_name(name, version);
    let external = route.external.and_then(|_| group.routes.remove(&type_name));
    let call = match external {
        Some(earlier) => either(earlier, route.call),
        None => route.call,
    };
    if group.routes.insert(type_name, call).is_some() {
        let category = &group.category;
        registry.faults.push(match group.kind {
            HandlerKind::Process => format!(
                "{handler} takes events named {name} of two aggregates, which cannot be told apart in \
                 the stream of a process: give one of them another `name`"
            ),
            _ => format!(
                "{name} has two handlers in {category}, the second in {handler}: remove one"
            ),
        });
    }
}

/// Reports commands that an aggregate declares and no handler takes.
fn check_commands(registry: &mut Registry, groups: &[Arc<Group>]) {
    let mut faults = Vec::new();
    for aggregate in &registry.catalog.aggregates {
        let commands = aggregate.category.commands();
        let group = groups.iter().find(|group| group.category == commands);
        let handled = |command: &str| {
            let routes = group.into_iter().flat_map(|group| group.routes.keys());
            routes.map(|route| type_name::bare(route)).any(|name| name == command)
        };
        let name = aggregate.name;
        for command in aggregate.commands.iter().filter(|command| !handled(command)) {
            faults.push(format!("{name} declares the command {command}, which has no handler: add one, or remove the command"));
        }
    }
    registry.faults.extend(faults);
}

/// Reports commands that the intake allows but no handler takes.
fn check_intake(registry: &mut Registry, groups: &[Arc<Group>]) {
    let (intake, catalog) = (&registry.intake, &registry.catalog);
    let mut faults = Vec::new();
    for (at, command) in intake.iter().enumerate() {
        let IntakeCommand { name, aggregate, aggregate_name, .. } = command;
        let Some(names) = catalog.is_registered(*aggregate) else {
            faults.push(format!(
                "the intake takes {name} of {aggregate_name}, which is not registered: add \
                 `.aggregate::<{aggregate_name}>()`"
            ));
            continue;
        };
        let group = groups.iter().find(|group| group.category == names.commands);
        let mut routes = group.into_iter().flat_map(|group| group.routes.keys());
        if !routes.any(|route| type_name::bare(route) == *name) {
            faults.push(format!(
                "the intake takes {name}, which has no handler: register one, or remove \
                 `Intake::takes::<{name}>()`"
            ));
        }
        let is_other =
            |known: &&IntakeCommand| known.name == *name && known.aggregate != *aggregate;
        if let Some(other) = intake[..at].iter().find(is_other) {
            let other = other.aggregate_name;
            faults.push(format!(
                "the intake takes two commands named {name}, of {other} and of {aggregate_name}; a \
                 row names only the type, so rename one"
            ));
        }
    }
    registry.faults.extend(faults);
}

/// Reports two aggregates or projections that want one category or table.
fn check_names(registry: &mut Registry) {
    let mut owners = HashMap::new();
    let mut faults = Vec::new();
    for aggregate in &registry.catalog.aggregates {
        let name = aggregate.name;
        let facts = aggregate.tells_facts.then(|| aggregate.category.facts());
        for category in [Some(aggregate.category.clone()), facts].into_iter().flatten() {
            if let Some(owner) = owners.insert(category.clone(), name) {
                let shared = format!("{owner} and {name} share the category {category}");
                faults.push(format!("{shared}: rename one, or give it a `stream_category`"));
            }
        }
    }
    let declared = registry.catalog.declared_tables();
    for (one, other) in declared.iter().zip(declared.iter().skip(1)) {
        if one.table.name == other.table.name {
            let shared = format!("{} and {} share the table", one.name, other.name);
            faults.push(format!("{shared} '{}': rename one", one.table.name));
        }
    }
    let odd = |declared: &DeclaredTable| {
        let table = &declared.table;
        // This one is the framework's own, and no user's.
        let fault = match table.name == SNAPSHOTS {
            true => Some(format!(
                "a table cannot be called '{SNAPSHOTS}', the name is reserved: rename it"
            )),
            false => table.name_fault(),
        };
        Some(format!("{}: {}", declared.name, fault?))
    };
    faults.extend(declared.iter().filter_map(odd));
    registry.faults.extend(faults);
}

/// Reports subscribers whose entries would lie among other messages of the log.
fn check_streams(registry: &mut Registry, groups: &[Arc<Group>]) {
    let (mut brokers, mut faults) = (HashMap::new(), Vec::new());
    for group in groups {
        let HandlerKind::Subscriber { broker } = group.kind else { continue };
        let (handler, stream) = (&group.handler, &group.category);
        let aggregate = registry.catalog.aggregates.iter().find(|known| known.has(stream));
        if let Some(aggregate) = aggregate {
            let name = aggregate.name;
            faults.push(format!(
                "{handler} reads the stream '{stream}', which is {name}'s own: messages of this \
                 domain go to an `#[event_handler]`, those of others need a stream of another name"
            ));
        }
        if stream.as_str().trim().is_empty() {
            faults.push(format!("{handler} reads a stream without a name: give it one"));
        }
        if let Some((other, elsewhere)) = brokers.insert(stream, (handler, broker))
            && elsewhere != broker
        {
            faults.push(format!(
                "{other} and {handler} read streams named '{stream}' of two brokers, '{elsewhere}' \
                 and '{broker}', and the log cannot tell them apart: rename one of the streams"
            ));
        }
    }
    registry.faults.extend(faults);
}
