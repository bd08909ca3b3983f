//! The categories of a domain, and what to say to a name that is none.

use protean::Domain;
use protean::config::hint;
use protean::domain::HandlerKind;
use protean::message::Category;

use crate::Error;

/// The categories of every aggregate: events, facts and commands; and the streams
/// of other systems.
fn known(domain: &Domain) -> Vec<Category> {
    let categories = domain.catalog().aggregates().map(|(_, category, _)| category);
    let groups = domain.groups().iter();
    let streams = groups.filter(|group| matches!(group.kind, HandlerKind::Subscriber { .. }));
    let own = categories.flat_map(|of| [of.clone(), of.facts(), of.commands()]);
    own.chain(streams.map(|group| group.category.clone())).collect()
}

/// True when these are the fact events of an aggregate.
pub(super) fn is_facts(domain: &Domain, category: &Category) -> bool {
    domain.catalog().aggregates().any(|(_, of, _)| of.facts() == *category)
}

/// Why nothing is in the category, when the domain has none of this name.
pub(super) fn unknown(domain: &Domain, category: &str) -> Option<Error> {
    let known = known(domain);
    let names: Vec<&str> = known.iter().map(Category::as_str).collect();
    let unknown = !names.contains(&category);
    unknown.then(|| {
        let domain = domain.name();
        Error::failed(format!("'{domain}' has no category '{category}'{}", hint(category, &names)))
    })
}

/// Why there is no stream of this name.
pub(super) fn no_stream(domain: &Domain, stream: &str) -> Error {
    let known = known(domain);
    let names = known.iter().map(Category::as_str);
    if let Some(category) = names.clone().find(|name| *name == stream) {
        return Error::failed(format!("'{category}' is a category, not a stream")).advice(format!(
            "name one instance, '{category}-ID', or 'events search --category {category}'"
        ));
    }
    let of = |name: &&str| stream.strip_prefix(name).is_some_and(|rest| rest.starts_with('-'));
    match names.clone().filter(of).max_by_key(|name| name.len()) {
        Some(category) => Error::failed(format!("the stream '{stream}' has no messages"))
            .advice(format!("'events search --category {category}' shows streams that have some")),
        None => {
            let category = stream.split_once('-').map_or(stream, |(category, _)| category);
            let names: Vec<&str> = names.collect();
            let told = format!(
                "the stream '{stream}' has no messages, and '{}' no category '{category}'{}",
                domain.name(),
                hint(category, &names)
            );
            Error::failed(told).advice("a stream is a category and an id: 'bank::account-17'")
        }
    }
}
