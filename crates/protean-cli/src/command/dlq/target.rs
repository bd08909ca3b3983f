//! Which subscription, and which letter, is meant.

use std::sync::Arc;

use protean::Domain;
use protean::config::hint;
use protean::domain::Group;
use protean::port::DeadLetter;
use protean_engine::DeadLetters;

use crate::{Error, Result};

/// How many letters are looked through at once for a message id.
const PAGE: usize = 500;

/// The groups that a name stands for: of a handler (`AccountSummaryProjector`), of
/// a group (`fidelis.AccountSummaryProjector`), or of one category of either
/// (`AccountSummaryProjector@fidelis::account`). Without a name all of them.
pub(super) fn groups(domain: &Domain, name: Option<&str>) -> Result<Vec<Arc<Group>>> {
    let groups = domain.groups();
    let Some(name) = name else { return Ok(groups.to_vec()) };
    let (wanted, category) = match name.split_once('@') {
        Some((wanted, category)) => (wanted, Some(category)),
        None => (name, None),
    };
    let is_meant = |group: &&Arc<Group>| {
        let named = *group.name == *wanted || group.handler.split(", ").any(|of| of == wanted);
        named && category.is_none_or(|category| group.category.as_str() == category)
    };
    let meant: Vec<_> = groups.iter().filter(is_meant).cloned().collect();
    if meant.is_empty() {
        let handlers: Vec<&str> =
            groups.iter().flat_map(|group| group.handler.split(", ")).collect();
        let hint = hint(name, &handlers);
        return Err(Error::usage(format!("no subscription is called '{name}'{hint}")));
    }
    Ok(meant)
}

/// The letter with this log position or message id, and whose it is.
///
/// # Errors
/// When there is none, or several groups have given the message up.
pub(super) async fn letter(
    domain: &Domain,
    id: &str,
    subscription: Option<&str>,
) -> Result<(Arc<Group>, DeadLetter)> {
    let mut found = Vec::new();
    for group in groups(domain, subscription)? {
        let letters = DeadLetters::of(domain, &group).await?;
        if let Some(letter) = find(&letters, id).await? {
            found.push((Arc::clone(&group), letter));
        }
    }
    if found.len() > 1 {
        let whose: Vec<String> = found.iter().map(|(group, _)| group.claim()).collect();
        let told = format!("'{id}' was given up by several: {}", whose.join(", "));
        return Err(Error::usage(told).advice("say which with --subscription"));
    }
    found.pop().ok_or_else(|| {
        Error::failed(format!("no message that was given up has the id '{id}'"))
            .advice("'dlq list' shows those there are")
    })
}

async fn find(letters: &DeadLetters<'_>, id: &str) -> Result<Option<DeadLetter>> {
    if let Ok(position) = id.parse() {
        return Ok(letters.at(position).await?);
    }
    let mut after = 0;
    loop {
        let page = letters.page(after, PAGE).await?;
        let Some(last) = page.last() else { return Ok(None) };
        after = last.recorded.position;
        if let Some(letter) = page.into_iter().find(|letter| &*letter.recorded.message.id == id) {
            return Ok(Some(letter));
        }
    }
}
