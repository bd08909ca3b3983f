//! Groups that the store knows and no handler has any more: renamed, or removed.

use std::fmt;

use protean_core::domain::{Domain, program_version};
use protean_port::port::{RegisteredGroup, Store};
use protean_port::{Error, Result};
use serde::Serialize;
use tracing::warn;

/// A group that no handler of the program has any more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct VanishedGroup {
    /// The group: `fidelis.OldProjector`.
    pub group: String,
    /// The category it read.
    pub category: String,
    /// Messages that it has not settled: nobody handles them.
    pub unfinished: u64,
    /// Messages that it has given up.
    pub dead: u64,
}

/// The groups of a domain that no handler has any more. Those of another program in the same
/// database do not count, nor do those of a newer version of this one, nor relays to brokers, which
/// come and go with the configuration.
/// Cancel safe: it only reads.
///
/// # Errors
/// When the store cannot be opened or read.
pub async fn vanished_groups(domain: &Domain) -> Result<Vec<VanishedGroup>> {
    vanished_in(domain, &**domain.store().await?).await
}

async fn vanished_in(domain: &Domain, store: &dyn Store) -> Result<Vec<VanishedGroup>> {
    let registered = store.registered_groups().await?;
    let mut vanished = Vec::new();
    for known in registered.iter().filter(|known| is_vanished(domain, &registered, known)) {
        let RegisteredGroup { group, category, .. } = known;
        let status = store.group_status(group, category).await?;
        vanished.push(VanishedGroup {
            group: group.clone(),
            category: category.to_string(),
            unfinished: status.lag() + status.parked(),
            dead: status.dead(),
        });
    }
    Ok(vanished)
}

fn is_vanished(domain: &Domain, registered: &[RegisteredGroup], known: &RegisteredGroup) -> bool {
    let relays = format!("{}.relay:", domain.name());
    let claim = known.claim();
    program_of(&known.group) == domain.name()
        && !known.group.starts_with(&relays)
        && !domain.groups().iter().any(|own| own.claim() == claim)
        && !is_of_newer(domain, registered, &claim)
}

/// True for a group that only a newer version of the program has.
fn is_of_newer(domain: &Domain, registered: &[RegisteredGroup], claim: &str) -> bool {
    // A version registers all its groups at once, so that the first one's versions say it.
    let Some(first) = domain.groups().first() else { return false };
    let (own, version) = (first.claim(), program_version(domain.groups(), first));
    let first = registered.iter().find(|known| known.claim() == own);
    first.is_some_and(|first| first.versions.is_of_newer(&version, claim))
}

/// The domain that a group belongs to: its name comes before that of the handler.
pub fn program_of(group: &str) -> &str {
    let handler = group.find(".relay:").or_else(|| group.rfind('.'));
    handler.map_or("", |end| &group[..end])
}

/// Makes sure that no message waits for a handler that is gone, or warns of each group that has
/// some, when the settings allow that.
///
/// # Errors
/// When there are such groups and the settings do not allow them, or the store cannot be read.
pub(crate) async fn check_vanished(domain: &Domain, store: &dyn Store) -> Result {
    let mut unfinished = vanished_in(domain, store).await?;
    unfinished.retain(|group| group.unfinished > 0);
    if domain.config().server.allow_vanished_groups {
        for VanishedGroup { group, category, unfinished, .. } in &unfinished {
            warn!(%group, %category, unfinished, "no handler has this group any more, its messages wait");
        }
        return Ok(());
    }
    match unfinished.first() {
        None => Ok(()),
        Some(group) => Err(Error::misused(format!(
            "{group}. If a handler was renamed, give it its old name: `name = \"{}\"`. If it was \
             removed, delete its state with `subscriptions forget {}`. To start all the same, set \
             `server.allow_vanished_groups = true`",
            group.group.rsplit('.').next().unwrap_or_default(),
            group.group,
        ))),
    }
}

impl fmt::Display for VanishedGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { group, category, unfinished, .. } = self;
        write!(
            f,
            "the group '{group}' has {unfinished} unfinished messages of '{category}', and no \
             handler of this program has its name"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::program_of;

    #[test]
    fn a_group_is_of_the_program_whose_name_comes_first() {
        for (group, program) in [
            ("shop.Mailer", "shop"),
            ("big.shop.Mailer", "big.shop"),
            ("shop.relay:red.1", "shop"),
            ("Mailer", ""),
        ] {
            assert_eq!(program_of(group), program);
        }
    }
}
