//! Searches the whole log.

use std::collections::BTreeMap;

use crate::message::{Category, Recorded};
use crate::port::{Direction, Find, TypeStats};

/// The messages that match all criteria.
pub(super) fn find<'l>(
    all: impl DoubleEndedIterator<Item = &'l Recorded>,
    find: &Find,
) -> Vec<Recorded> {
    let short = find.type_name.as_ref().map(|name| format!(".{name}.v"));
    let fits = |recorded: &&Recorded| is_match(recorded, find, short.as_deref());
    match find.direction {
        Direction::Ascending => all.filter(fits).take(find.limit).cloned().collect(),
        Direction::Descending => all.rev().filter(fits).take(find.limit).cloned().collect(),
    }
}

fn is_match(recorded: &Recorded, find: &Find, short: Option<&str>) -> bool {
    let Recorded { position, message, .. } = recorded;
    let is = |wanted: &Option<_>, found| wanted.as_ref().is_none_or(|wanted| wanted == found);
    let of_type = is(&find.type_name, &message.type_name)
        || short.is_some_and(|short| message.type_name.contains(short));
    let beyond = |after: u64| match find.direction {
        Direction::Ascending => *position > after,
        Direction::Descending => *position < after,
    };
    of_type
        && find.category.as_ref().is_none_or(|category| category == message.stream.category())
        && is(&find.correlation_id, &message.correlation_id)
        && is(&find.message_id, &message.id)
        && find.since.is_none_or(|since| message.time >= since)
        && find.until.is_none_or(|until| message.time < until)
        && find.after.is_none_or(beyond)
}

/// Statistics of each message type.
pub(super) fn stats<'l>(all: impl Iterator<Item = &'l Recorded>) -> Vec<TypeStats> {
    let mut found: BTreeMap<(Category, &str, &str), TypeStats> = BTreeMap::new();
    for Recorded { message, .. } in all {
        let category = message.stream.category().clone();
        let key = (category.clone(), &*message.type_name, message.kind.as_str());
        let stats = found.entry(key).or_insert_with(|| TypeStats {
            category,
            type_name: message.type_name.clone(),
            kind: message.kind,
            count: 0,
            first: message.time,
            last: message.time,
        });
        stats.count += 1;
        stats.first = stats.first.min(message.time);
        stats.last = stats.last.max(message.time);
    }
    found.into_values().collect()
}
