//! `subscriptions forget`: frees what a handler that is gone still holds.

use clap::Args;
use protean::Domain;
use protean::config::hint;
use protean::message::Category;
use serde_json::json;

use super::consent::ask;
use super::database::warned;
use crate::{App, Error, Reply, Result, grouped};

/// Which group.
#[derive(Args)]
pub(crate) struct Options {
    /// The group as 'subscriptions status' names it: 'fidelis.OldProjector'
    group: String,
    /// Does not ask
    #[arg(long)]
    yes: bool,
}

/// The groups that the store knows and this program does not have any more. The
/// relay to a broker is none of them: it comes and goes with the configuration.
pub(super) async fn orphans(domain: &Domain) -> Result<Vec<(String, Category)>> {
    let mut registered_groups = domain.store().await?.registered_groups().await?;
    let relays = format!("{}.relay:", domain.name());
    registered_groups.retain(|(group, category)| {
        if group.starts_with(&relays) {
            return false;
        }
        let mut present = domain.groups().iter();
        !present.any(|of| *of.name == **group && of.category == *category)
    });
    Ok(registered_groups)
}

/// A warning for each of them.
pub(super) async fn warn_of_orphans<T: serde::Serialize>(
    mut reply: Reply<T>,
    domain: &Domain,
) -> Result<Reply<T>> {
    let mut names: Vec<String> = orphans(domain).await?.into_iter().map(|(name, _)| name).collect();
    names.dedup();
    for name in names {
        reply = reply.warning(format!(
            "{name} is not part of this program any more: 'subscriptions forget {name}' frees \
             what it holds"
        ));
    }
    Ok(reply)
}

pub(super) async fn run(options: &Options, app: &App) -> Result {
    let domain = app.domain()?;
    let group = &options.group;
    if let Some(present) = domain.groups().iter().find(|of| *of.name == **group) {
        let told = format!("{group} is part of this program: it belongs to {}", present.handler);
        return Err(Error::usage(told).advice("remove the handler first"));
    }
    let orphans = orphans(&domain).await?;
    let mine: Vec<&Category> =
        orphans.iter().filter(|(name, _)| name == group).map(|(_, category)| category).collect();
    if mine.is_empty() {
        let known: Vec<&str> = orphans.iter().map(|(name, _)| name.as_str()).collect();
        return Err(Error::usage(format!("nothing is kept for '{group}'{}", hint(group, &known))));
    }
    let store = domain.store().await?;
    let (mut parked, mut dead, mut claims) = (0, 0, Vec::new());
    for category in mine {
        // Another version of the program may still have it and work on it.
        let claim = store.claim(&format!("{group}@{category}")).await?;
        claims.push(claim.ok_or_else(|| {
            Error::failed(format!("a server reads for {group}")).advice("stop it first")
        })?);
        let standing = store.standing(group, category).await?;
        (parked, dead) = (parked + standing.parked(), dead + standing.dead());
    }
    if !options.yes {
        let held = format!("{} parked and {} dead messages", grouped(parked), grouped(dead));
        ask(app, &format!("Where {group} stands is forgotten, with its {held}."), "forget")?;
    }
    store.forget(group).await?;
    drop(claims);
    let data = json!({"group": group, "parked": parked, "dead": dead});
    let text = format!(
        "{group} is forgotten, with {} parked and {} dead messages; the log stays.",
        grouped(parked),
        grouped(dead)
    );
    app.reply(warned(Reply::new(data, text), &domain))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use protean::message::Category;
    use protean::port::{GroupRegistration, Start};

    use super::{Options, orphans, run};
    use crate::App;
    use crate::line::Globals;
    use crate::sample::bank;

    async fn with_an_old_group() -> App {
        let app = App::new(bank(&Arc::default()), Globals { json: true, config: None });
        let store = Arc::clone(app.domain().unwrap().store().await.unwrap());
        let old = GroupRegistration {
            group: "fidelis.OldProjector".into(),
            category: Category::named("fidelis::account"),
            start: Start::Beginning,
        };
        store.prepare(&[], &[old]).await.unwrap();
        app
    }

    fn forget(group: &str, yes: bool) -> Options {
        Options { group: group.into(), yes }
    }

    #[tokio::test]
    async fn a_group_that_is_gone_is_forgotten() {
        let app = with_an_old_group().await;
        let domain = app.domain().unwrap();
        assert_eq!(orphans(&domain).await.unwrap().len(), 1);
        let unasked = run(&forget("fidelis.OldProjector", false), &app).await.unwrap_err();
        assert!(unasked.to_string().contains("--yes"), "{unasked}");
        run(&forget("fidelis.OldProjector", true), &app).await.unwrap();
        assert!(orphans(&domain).await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn only_what_is_gone_and_idle_is_forgotten() {
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
