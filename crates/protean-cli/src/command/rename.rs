//! `subscriptions rename`: gives the group of a handler that was renamed its new name.

use clap::Args;
use protean::HandlerKind;
use protean::config::hint;
use serde_json::json;

use super::recorded::record;
use crate::{App, Error, Reply, Result};

pub(super) const AFTER_HELP: &str = "\
Run this with the new program, before its servers start: it must have a handler NEW and no handler
OLD. The group keeps its progress, its parked messages and its dead letters, however many there are,
and the ids of what its handlers send. A program that still has a handler OLD no longer starts;
servers that already run it continue until they stop.

The names are those of the handlers, or of their groups: 'Balances' or 'bank.Balances'.";

/// The names.
#[derive(Args)]
pub(crate) struct Options {
    /// The old name of the handler
    pub(super) old: String,
    /// Its new name
    pub(super) new: String,
}

pub(super) async fn run(options: &Options, app: &App) -> Result {
    let domain = app.existing_domain().await?;
    let group = |name: &str| match name.starts_with(&format!("{}.", domain.name())) {
        true => name.to_owned(),
        false => format!("{}.{name}", domain.name()),
    };
    let (old, new) = (group(&options.old), group(&options.new));
    let names: Vec<&str> = domain.groups().iter().map(|group| &*group.name).collect();
    if !names.contains(&&*new) {
        let message =
            format!("this program has no handler with the group '{new}'{}", hint(&new, &names));
        return Err(Error::usage(message).advice("rename the handler first, or correct the name"));
    }
    if names.contains(&&*old) {
        let message = format!("this program still has a handler with the group '{old}'");
        return Err(Error::usage(message).advice("run the program in which it is renamed"));
    }
    let mut groups = domain.groups().iter();
    if groups.any(|group| *group.name == *new && group.kind == HandlerKind::Process) {
        let was = old.rsplit('.').next().unwrap_or(&old);
        let message = format!("'{new}' is a process manager, whose processes have its name");
        return Err(Error::usage(message).advice(format!(
            "keep the name that they have: write `#[process_manager(name = \"{was}\")]`"
        )));
    }
    let store = domain.store().await?;
    let ids = store.group_ids().await?;
    let registered = store.registered_groups().await?;
    if ids.renamed_to(&old).is_none() && !registered.iter().any(|known| known.group == old) {
        let known: Vec<&str> = registered.iter().map(|known| known.group.as_str()).collect();
        let message = format!("the database has no state of a group '{old}'{}", hint(&old, &known));
        return Err(Error::usage(message));
    }
    store.rename_group(&old, &new).await?;
    let names = [("from", old.clone()), ("to", new.clone())];
    record(&domain, "subscriptions rename", names, 0).await?;
    let text = format!("The group {old} is called {new} now, with everything it has done.");
    app.reply(Reply::new(json!({"from": old, "to": new}), text).about(&domain))
}
