//! `dlq replay` and `dlq replay-all`: lets messages run again.

use clap::Args;
use protean::Domain;
use protean::domain::Group;
use protean_engine::DeadLetters;
use serde_json::json;

use super::choice::{self, groups};
use crate::command::database::warned;
use crate::{App, Error, Reply, Result, grouped};

/// Which letter.
#[derive(Args)]
pub(crate) struct Options {
    /// Its id in 'dlq list', or the id of the message
    pub(super) id: String,
    /// Of this handler or group, when several have given it up
    #[arg(long, value_name = "NAME")]
    pub(super) subscription: Option<String>,
}

/// Which letters.
#[derive(Args)]
pub(crate) struct All {
    /// Of this handler or group
    #[arg(long, value_name = "NAME")]
    pub(super) subscription: String,
}

pub(super) async fn run(options: &Options, app: &App) -> Result {
    let domain = app.domain()?;
    let (group, letter) =
        choice::letter(&domain, &options.id, options.subscription.as_deref()).await?;
    let id = letter.recorded.position;
    if !DeadLetters::of(&domain, &group).await?.replay(&letter).await? {
        let told = format!("somebody else has replayed or purged {id} meanwhile");
        return Err(Error::failed(told));
    }
    let who = who_runs(&domain, &group).await?;
    let text = format!("{id} is to run again for {}: {who}.", group.handler);
    app.reply(warned(Reply::new(json!({"replayed": 1, "id": id}), text), &domain))
}

pub(super) async fn run_all(options: &All, app: &App) -> Result {
    let domain = app.domain()?;
    let (mut replayed, mut who) = (0, String::new());
    for group in groups(&domain, Some(&options.subscription))? {
        replayed += DeadLetters::of(&domain, &group).await?.replay_all().await?;
        who = who_runs(&domain, &group).await?;
    }
    let text = match replayed {
        0 => format!("{} has given up nothing.", options.subscription),
        _ => format!("{} to run again for {}: {who}.", grouped(replayed), options.subscription),
    };
    app.reply(warned(Reply::new(json!({"replayed": replayed}), text), &domain))
}

/// Who takes it up: nobody can claim a group that a server reads for.
async fn who_runs(domain: &Domain, group: &Group) -> Result<String> {
    let claim = domain.store().await?.claim(&group.claim()).await?;
    Ok(match claim {
        None => "the server takes it up within a second",
        Some(_) => "no server runs now; the next one takes it up",
    }
    .into())
}
