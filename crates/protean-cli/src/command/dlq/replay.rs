//! `dlq replay` and `dlq replay-all`: has dead letters handled again.

use clap::Args;
use protean::{Domain, Group, Operator};
use protean_engine::DeadLetters;
use serde_json::json;

use super::target::{self, GivenUp, groups};
use crate::{App, Error, Reply, Result, grouped};

/// The dead letter to replay.
#[derive(Args)]
pub(crate) struct Options {
    /// Its id in 'dlq list', or the message id
    pub(super) id: String,
    /// The handler or group, if several gave the message up
    #[arg(long, value_name = "NAME")]
    pub(super) subscription: Option<String>,
}

/// The subscription to replay.
#[derive(Args)]
pub(crate) struct All {
    /// The handler or group
    #[arg(long, value_name = "NAME")]
    pub(super) subscription: String,
}

pub(super) async fn run(options: &Options, app: &App) -> Result {
    let domain = app.existing_domain().await?;
    let GivenUp { group, dead_letter } =
        target::dead_letter(&domain, &options.id, options.subscription.as_deref()).await?;
    let id = dead_letter.recorded.position;
    let dead_letters = DeadLetters::of(&domain, &group).await?.by(Operator::at_command_line());
    if !dead_letters.replay(&dead_letter).await? {
        let message = format!("{id} was replayed or purged in the meantime");
        return Err(Error::failed(message).advice("list the dead letters with 'dlq list'"));
    }
    let when = when_handled(&domain, &group).await?;
    let text = format!("{} will handle {id} again; {when}.", group.handler);
    app.reply(Reply::new(json!({"replayed": 1, "id": id}), text).about(&domain))
}

pub(super) async fn run_all(options: &All, app: &App) -> Result {
    let domain = app.existing_domain().await?;
    let (mut replayed, mut when) = (0, String::new());
    for group in groups(&domain, Some(&options.subscription))? {
        let dead_letters = DeadLetters::of(&domain, &group).await?;
        replayed += dead_letters.by(Operator::at_command_line()).replay_all().await?;
        when = when_handled(&domain, &group).await?;
    }
    let text = match replayed {
        0 => format!("{} has no dead letters.", options.subscription),
        _ => format!("{} will handle {} again; {when}.", options.subscription, grouped(replayed)),
    };
    app.reply(Reply::new(json!({"replayed": replayed}), text).about(&domain))
}

/// When a replayed message runs: a running server holds the claim of its groups.
async fn when_handled(domain: &Domain, group: &Group) -> Result<String> {
    let claim = domain.store().await?.claim(&group.claim()).await?;
    Ok(match claim {
        None => "the running server begins within a second",
        Some(_) => "no server is running, so the next one does it",
    }
    .into())
}
