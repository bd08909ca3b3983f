//! The categories of a domain, and the errors for unknown ones.

use protean::config::hint;
use protean::message::Category;
use protean::{Domain, HandlerKind, operations};

use crate::Error;

/// The categories of every aggregate (events, facts and commands), and the streams that
/// subscribers read from other systems.
fn known_categories(domain: &Domain) -> Vec<Category> {
    let own = domain
        .catalog()
        .aggregates()
        .map(|aggregate| aggregate.category)
        .flat_map(|category| [category.clone(), category.facts(), category.commands()]);
    let foreign = domain
        .groups()
        .iter()
        .filter(|group| matches!(group.kind, HandlerKind::Subscriber { .. }))
        .map(|group| group.category.clone());
    own.chain(foreign).collect()
}

/// True for the category of an aggregate, of its facts or of its commands, of a subscriber, or of
/// what operators have done.
pub(super) fn is_known(domain: &Domain, name: &str) -> bool {
    let mut known = known_categories(domain).into_iter().chain([operations(domain.name())]);
    known.any(|category| category.as_str() == name)
}

/// True when these are the fact events of an aggregate.
pub(super) fn is_facts(domain: &Domain, category: &Category) -> bool {
    domain.catalog().aggregates().any(|known| known.category.facts() == *category)
}

/// The error for a category that the domain does not have.
pub(super) fn unknown(domain: &Domain, category: &str) -> Option<Error> {
    let known = known_categories(domain);
    let names: Vec<&str> = known.iter().map(Category::as_str).collect();
    let unknown = !is_known(domain, category);
    unknown.then(|| {
        let domain = domain.name();
        Error::failed(format!("'{domain}' has no category '{category}'{}", hint(category, &names)))
    })
}

/// The category of the streams whose names begin like this one.
pub(super) fn of_stream(domain: &Domain, stream: &str) -> Option<Category> {
    let contains = |category: &Category| {
        stream.strip_prefix(category.as_str()).is_some_and(|rest| rest.starts_with('-'))
    };
    known_categories(domain)
        .into_iter()
        .chain([operations(domain.name())])
        .filter(contains)
        .max_by_key(|category| category.as_str().len())
}

/// The error for a stream without messages.
pub(super) fn no_stream(domain: &Domain, stream: &str) -> Error {
    if let Some(category) = of_stream(domain, stream) {
        return Error::failed(format!("the stream '{stream}' has no messages"))
            .advice(format!("find its streams with 'events read {category}'"));
    }
    let category = stream.split_once('-').map_or(stream, |(category, _)| category);
    let known = known_categories(domain);
    let names: Vec<&str> = known.iter().map(Category::as_str).collect();
    let message = format!(
        "the stream '{stream}' has no messages, and '{}' has no category '{category}'{}",
        domain.name(),
        hint(category, &names)
    );
    Error::failed(message)
        .advice("write a stream as a category and an id, such as 'bank::account-17'")
}
