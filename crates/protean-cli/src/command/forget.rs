//! `subscriptions forget`: deletes the state of a handler that no longer exists.

use clap::Args;
use protean::Domain;
use protean::config::hint;
use protean::message::Category;
use protean::port::RegisteredGroup;
use serde_json::json;

use super::confirm::confirm;
use crate::{App, Error, Reply, Result, grouped};

/// The group to forget.
#[derive(Args)]
pub(crate) struct Options {
    /// The group, as 'subscriptions status' names it: 'fidelis.OldProjector'
    group: String,
    /// Skips the confirmation
    #[arg(long)]
    yes: bool,
}

/// The domain that a group belongs to: its name comes before that of the handler.
fn owner(group: &str) -> &str {
    let handler = group.find(".relay:").or_else(|| group.rfind('.'));
    handler.map_or("", |end| &group[..end])
}

/// The groups that the store knows and this program no longer has. Those of another program in
/// the same database do not count, nor do relays to brokers, which come and go with the
/// configuration.
pub(super) async fn orphans(domain: &Domain) -> Result<Vec<RegisteredGroup>> {
    let mut known = domain.store().await?.registered_groups().await?;
    let relays = format!("{}.relay:", domain.name());
    known.retain(|RegisteredGroup { group, category, .. }| {
        let mut own = domain.groups().iter();
        owner(group) == domain.name()
            && !group.starts_with(&relays)
            && !own.any(|own| *own.name == **group && own.category == *category)
    });
    Ok(known)
}

/// Adds a warning for each of them.
pub(super) async fn warn_of_orphans<T: serde::Serialize>(
    mut reply: Reply<T>,
    domain: &Domain,
) -> Result<Reply<T>> {
    let mut names: Vec<String> =
        orphans(domain).await?.into_iter().map(|orphan| orphan.group).collect();
    names.dedup();
    for name in names {
        reply = reply.warning(format!(
            "{name} is no longer part of this program; delete its state with \
             'subscriptions forget {name}'"
        ));
    }
    Ok(reply)
}

pub(super) async fn run(options: &Options, app: &App) -> Result {
    let domain = app.existing_domain().await?;
    let group = &options.group;
    if let Some(known) = domain.groups().iter().find(|known| *known.name == **group) {
        let message =
            format!("{group} is still part of this program, as the group of {}", known.handler);
        return Err(Error::usage(message).advice("remove the handler first"));
    }
    let of_another = owner(group);
    if !of_another.is_empty() && of_another != domain.name() {
        let message = format!("{group} belongs to another program, '{of_another}'");
        let advice = "its own `subscriptions forget` says whether it is still used";
        return Err(Error::usage(message).advice(advice));
    }
    let orphans = orphans(&domain).await?;
    let categories: Vec<&Category> =
        orphans.iter().filter(|known| known.group == *group).map(|known| &known.category).collect();
    if categories.is_empty() {
        let known: Vec<&str> = orphans.iter().map(|orphan| orphan.group.as_str()).collect();
        return Err(Error::usage(format!(
            "the database has no state of a group '{group}'{}",
            hint(group, &known)
        )));
    }
    let store = domain.store().await?;
    let (mut parked, mut dead, mut claims) = (0, 0, Vec::new());
    for category in categories {
        // Another version of the program may still be running with this group.
        let claim = store.claim(&format!("{group}@{category}")).await?;
        claims.push(claim.ok_or_else(|| {
            Error::failed(format!("a server reads for {group}")).advice("stop that server first")
        })?);
        let status = store.group_status(group, category).await?;
        (parked, dead) = (parked + status.parked(), dead + status.dead());
    }
    if !options.yes {
        let held = format!("{} parked and {} dead messages", grouped(parked), grouped(dead));
        let question = format!("This deletes the progress of {group}, with its {held}.");
        confirm(app, &question, "forget")?;
    }
    store.forget(group).await?;
    drop(claims);
    let data = json!({"group": group, "parked": parked, "dead": dead});
    let text = format!(
        "Deleted the progress of {group}, with {} parked and {} dead messages; the log is unchanged.",
        grouped(parked),
        grouped(dead)
    );
    app.reply(Reply::new(data, text).about(&domain))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use protean::message::Category;
    use protean::port::{GroupRegistration, Start};

    use super::{Options, orphans, owner, run};
    use crate::App;
    use crate::globals::Globals;
    use crate::sample::bank;

    async fn with_an_old_group() -> App {
        let app = App::new(bank(&Arc::default()), Globals { json: true, config: None });
        let store = Arc::clone(app.domain().unwrap().store().await.unwrap());
        let category = Category::named("fidelis::account");
        let old = GroupRegistration::new("fidelis.OldProjector", category, Start::Beginning);
        store.prepare(&[], &[old]).await.unwrap();
        app
    }

    fn forget(group: &str, yes: bool) -> Options {
        Options { group: group.into(), yes }
    }

    #[tokio::test]
    async fn forgets_a_group_that_no_longer_exists() {
        let app = with_an_old_group().await;
        let domain = app.domain().unwrap();
        assert_eq!(orphans(&domain).await.unwrap().len(), 1);
        let unasked = run(&forget("fidelis.OldProjector", false), &app).await.unwrap_err();
        assert!(unasked.to_string().contains("--yes"), "{unasked}");
        run(&forget("fidelis.OldProjector", true), &app).await.unwrap();
        assert!(orphans(&domain).await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn groups_of_another_program_are_left_alone() {
        let app = with_an_old_group().await;
        let domain = app.domain().unwrap();
        let category = Category::named("shop::book");
        let of_another = GroupRegistration::new("shop.BookProjector", category, Start::Beginning);
        domain.store().await.unwrap().prepare(&[], &[of_another]).await.unwrap();
        let orphans = orphans(&domain).await.unwrap();
        assert_eq!(orphans.len(), 1, "{orphans:?}");
        let refused = run(&forget("shop.BookProjector", true), &app).await.unwrap_err().to_string();
        assert!(refused.contains("belongs to another program, 'shop'"), "{refused}");
        let known = domain.store().await.unwrap().registered_groups().await.unwrap();
        assert!(known.iter().any(|known| known.group == "shop.BookProjector"));
        for (group, domain) in
            [("shop.relay:a.b", "shop"), ("shop.eu.Clerk", "shop.eu"), ("Clerk", "")]
        {
            assert_eq!(owner(group), domain, "{group}");
        }
    }

    #[tokio::test]
    async fn forgets_only_unregistered_and_idle_groups() {
        let app = with_an_old_group().await;
        let refused =
            async |group: &str| run(&forget(group, true), &app).await.unwrap_err().to_string();
        assert!(refused("fidelis.CustomerProjector").await.contains("CustomerProjector"));
        let typo = refused("fidelis.OldProjectr").await;
        assert!(typo.contains("did you mean 'fidelis.OldProjector'?"), "{typo}");
        let domain = app.domain().unwrap();
        let store = domain.store().await.unwrap();
        let claim = store.claim("fidelis.OldProjector@fidelis::account").await.unwrap();
        let busy = refused("fidelis.OldProjector").await;
        assert!(busy.contains("a server reads for fidelis.OldProjector"), "{busy}");
        drop(claim);
    }
}
