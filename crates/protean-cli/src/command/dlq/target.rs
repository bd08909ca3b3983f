//! Finds the subscription and the dead letter that a command line names.

use std::sync::Arc;

use protean::Domain;
use protean::Group;
use protean::config::hint;
use protean::port::DeadLetter;
use protean_engine::DeadLetters;

use crate::{Error, Result};

/// How many dead letters one read returns while searching for a message id.
const PAGE_SIZE: usize = 500;

/// A dead letter, and the group that gave it up.
#[derive(Debug)]
pub(super) struct GivenUp {
    pub(super) group: Arc<Group>,
    pub(super) dead_letter: DeadLetter,
}

/// The groups that a name matches: the name of a handler (`AccountSummaryProjector`), of a
/// group (`fidelis.AccountSummaryProjector`), or either for one category
/// (`AccountSummaryProjector@fidelis::account`). Without a name, all groups.
pub(super) fn groups(domain: &Domain, name: Option<&str>) -> Result<Vec<Arc<Group>>> {
    let groups = domain.groups();
    let Some(name) = name else { return Ok(groups.to_vec()) };
    let (wanted, category) = match name.split_once('@') {
        Some((wanted, category)) => (wanted, Some(category)),
        None => (name, None),
    };
    let matches = |group: &&Arc<Group>| {
        let is_named =
            *group.name == *wanted || group.handler.split(", ").any(|handler| handler == wanted);
        is_named && category.is_none_or(|category| group.category.as_str() == category)
    };
    let matching: Vec<_> = groups.iter().filter(matches).cloned().collect();
    if matching.is_empty() {
        let handlers: Vec<&str> =
            groups.iter().flat_map(|group| group.handler.split(", ")).collect();
        let hint = hint(name, &handlers);
        return Err(Error::usage(format!("there is no subscription '{name}'{hint}")));
    }
    Ok(matching)
}

/// The dead letter with this log position or message id.
///
/// # Errors
/// When there is none, or several groups gave the message up.
pub(super) async fn dead_letter(
    domain: &Domain,
    id: &str,
    subscription: Option<&str>,
) -> Result<GivenUp> {
    let mut found = Vec::new();
    for group in groups(domain, subscription)? {
        let dead_letters = DeadLetters::of(domain, &group).await?;
        if let Some(dead_letter) = find(&dead_letters, id).await? {
            found.push(GivenUp { group: Arc::clone(&group), dead_letter });
        }
    }
    if found.len() > 1 {
        let groups: Vec<String> = found.iter().map(|found| found.group.claim()).collect();
        let message = format!("several subscriptions gave '{id}' up: {}", groups.join(", "));
        return Err(Error::usage(message).advice("choose one with --subscription"));
    }
    found.pop().ok_or_else(|| {
        Error::failed(format!("no dead letter has the id '{id}'"))
            .advice("list the dead letters with 'dlq list'")
    })
}

async fn find(dead_letters: &DeadLetters<'_>, id: &str) -> Result<Option<DeadLetter>> {
    if let Ok(position) = id.parse() {
        return Ok(dead_letters.at(position).await?);
    }
    let mut after = 0;
    loop {
        let page = dead_letters.page(after, PAGE_SIZE).await?;
        let Some(last) = page.last() else { return Ok(None) };
        after = last.recorded.position;
        if let Some(found) = page.into_iter().find(|found| &*found.recorded.message.id == id) {
            return Ok(Some(found));
        }
    }
}
