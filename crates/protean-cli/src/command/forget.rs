//! `subscriptions forget`: deletes the state of a handler that no longer exists.

use clap::Args;
use protean::config::hint;
use protean_engine::{VanishedGroup, program_of, vanished_groups};
use serde_json::json;

use super::confirm::Consent;
use super::recorded::record;
use crate::{App, Error, Reply, Result, grouped};

/// The group to forget.
#[derive(Args)]
pub(crate) struct Options {
    /// The group, as 'subscriptions status' names it: 'fidelis.OldProjector'
    group: String,
    #[command(flatten)]
    consent: Consent,
}

/// Adds a warning for each group that no handler has any more.
pub(super) fn warn_of_vanished<T: serde::Serialize>(
    mut reply: Reply<T>,
    vanished: &[VanishedGroup],
) -> Reply<T> {
    for vanished in vanished {
        let VanishedGroup { group, unfinished, dead, .. } = vanished;
        reply = reply.warning(match unfinished + dead {
            0 => format!(
                "no handler of this program has the group {group}; delete its state with \
                 'subscriptions forget {group}'"
            ),
            _ => format!(
                "{vanished} ({} dead): if a handler was renamed, give it its old name, or delete \
                 the group's state with 'subscriptions forget {group}'",
                grouped(*dead)
            ),
        });
    }
    reply
}

pub(super) async fn run(options: &Options, app: &App) -> Result {
    let domain = app.existing_domain().await?;
    let group = &options.group;
    if let Some(known) = domain.groups().iter().find(|known| *known.name == **group) {
        let message =
            format!("{group} is still part of this program, as the group of {}", known.handler);
        return Err(Error::usage(message).advice("remove the handler first"));
    }
    let of_another = program_of(group);
    if !of_another.is_empty() && of_another != domain.name() {
        let message = format!("{group} belongs to another program, '{of_another}'");
        let advice = "its own `subscriptions forget` says whether it is still used";
        return Err(Error::usage(message).advice(advice));
    }
    let vanished = vanished_groups(&domain).await?;
    let of_group: Vec<_> = vanished.iter().filter(|known| known.group == *group).collect();
    if of_group.is_empty() {
        let known: Vec<&str> = vanished.iter().map(|known| known.group.as_str()).collect();
        return Err(Error::usage(format!(
            "the database has no state of a group '{group}'{}",
            hint(group, &known)
        )));
    }
    let store = domain.store().await?;
    let mut claims = Vec::new();
    for VanishedGroup { category, .. } in &of_group {
        // Another version of the program may still be running with this group.
        let claim = store.claim(&format!("{group}@{category}")).await?;
        claims.push(claim.ok_or_else(|| {
            Error::failed(format!("a server reads for {group}")).advice("stop that server first")
        })?);
    }
    let unfinished: u64 = of_group.iter().map(|known| known.unfinished).sum();
    let dead: u64 = of_group.iter().map(|known| known.dead).sum();
    let held = format!("{} unfinished and {} dead messages", grouped(unfinished), grouped(dead));
    let question = format!("This deletes the progress of {group}, with its {held}.");
    options.consent.ask(app, &question, "forget")?;
    store.forget(group).await?;
    drop(claims);
    record(&domain, "subscriptions forget", [("group", group.clone())], unfinished + dead).await?;
    let data = json!({"group": group, "unfinished": unfinished, "dead": dead});
    let text = format!(
        "Deleted the progress of {group}, with {} unfinished and {} dead messages; the log is \
         unchanged.",
        grouped(unfinished),
        grouped(dead)
    );
    app.reply(Reply::new(data, text).about(&domain))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use protean::message::Category;
    use protean::port::{GroupRegistration, Start};

    use protean_engine::{program_of, vanished_groups};

    use super::{Consent, Options, run};
    use crate::App;
    use crate::globals::Globals;
    use crate::sample::{bank, operation, operations};

    async fn with_an_old_group() -> App {
        let app = App::new(bank(&Arc::default()), Globals { json: true, config: None });
        let store = Arc::clone(app.domain().unwrap().store().await.unwrap());
        let category = Category::named("fidelis::account");
        let old = GroupRegistration::new("fidelis.OldProjector", category, Start::Beginning);
        store.prepare(&[], &[old]).await.unwrap();
        app
    }

    fn forget(group: &str, yes: bool) -> Options {
        Options { group: group.into(), consent: Consent { yes } }
    }

    #[tokio::test]
    async fn forgets_a_group_that_no_longer_exists() {
        let app = with_an_old_group().await;
        let domain = app.domain().unwrap();
        assert_eq!(vanished_groups(&domain).await.unwrap().len(), 1);
        let unasked = run(&forget("fidelis.OldProjector", false), &app).await.unwrap_err();
        assert!(unasked.to_string().contains("--yes"), "{unasked}");
        run(&forget("fidelis.OldProjector", true), &app).await.unwrap();
        assert!(vanished_groups(&domain).await.unwrap().is_empty());
        assert_eq!(operations(&domain).await, [operation("subscriptions forget", 0)]);
    }

    #[tokio::test]
    async fn groups_of_another_program_are_left_alone() {
        let app = with_an_old_group().await;
        let domain = app.domain().unwrap();
        let category = Category::named("shop::book");
        let of_another = GroupRegistration::new("shop.BookProjector", category, Start::Beginning);
        domain.store().await.unwrap().prepare(&[], &[of_another]).await.unwrap();
        let vanished = vanished_groups(&domain).await.unwrap();
        assert_eq!(vanished.len(), 1, "{vanished:?}");
        let refused = run(&forget("shop.BookProjector", true), &app).await.unwrap_err().to_string();
        assert!(refused.contains("belongs to another program, 'shop'"), "{refused}");
        let known = domain.store().await.unwrap().registered_groups().await.unwrap();
        assert!(known.iter().any(|known| known.group == "shop.BookProjector"));
        for (group, domain) in
            [("shop.relay:a.b", "shop"), ("shop.eu.Clerk", "shop.eu"), ("Clerk", "")]
        {
            assert_eq!(program_of(group), domain, "{group}");
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
