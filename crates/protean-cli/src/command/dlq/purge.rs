//! `dlq purge`: drops messages for good.

use std::time::Duration;

use clap::Args;
use protean::{Domain, Timestamp};
use protean_engine::DeadLetters;
use serde_json::json;

use super::choice::{self, groups};
use crate::command::consent::ask;
use crate::command::database::warned;
use crate::{App, Error, Reply, Result, grouped};

/// Which letters.
#[derive(Args)]
pub(crate) struct Options {
    /// Its id in 'dlq list', or the id of the message; else all of a subscription
    #[arg(required_unless_present = "subscription")]
    pub(super) id: Option<String>,
    /// Of this handler or group
    #[arg(long, value_name = "NAME")]
    pub(super) subscription: Option<String>,
    /// Only what was given up longer ago than this: '7d', '12h', '30m', '90s'
    #[arg(long, value_name = "AGE", value_parser = duration, conflicts_with = "id")]
    pub(super) older_than: Option<Duration>,
    /// Does not ask
    #[arg(long)]
    pub(super) yes: bool,
}

pub(super) async fn run(options: &Options, app: &App) -> Result {
    let domain = app.domain()?;
    let purged = match &options.id {
        Some(id) => one(&domain, app, options, id).await?,
        None => all(&domain, app, options).await?,
    };
    let text = match purged {
        0 => "Nothing was purged.".to_owned(),
        _ => format!("Purged {}; what waited behind runs.", grouped(purged)),
    };
    app.reply(warned(Reply::new(json!({"purged": purged}), text), &domain))
}

async fn one(domain: &Domain, app: &App, options: &Options, id: &str) -> Result<u64, Error> {
    let (group, letter) = choice::letter(domain, id, options.subscription.as_deref()).await?;
    if !options.yes {
        let (name, handler) = (letter.recorded.message.name(), &group.handler);
        ask(app, &format!("{name} {id} will never be handled by {handler}."), "purge")?;
    }
    Ok(DeadLetters::of(domain, &group).await?.purge(&letter).await?.into())
}

async fn all(domain: &Domain, app: &App, options: &Options) -> Result<u64, Error> {
    let groups = groups(domain, options.subscription.as_deref())?;
    if !options.yes {
        let names: Vec<&str> = groups.iter().map(|group| group.handler.as_str()).collect();
        let names = names.join(", ");
        ask(app, &format!("What {names} gave up will never be handled."), "purge")?;
    }
    let now = domain.clock().now().as_micros();
    let age = options.older_than.unwrap_or_default().as_micros();
    // Given up in this very microsecond is given up as well.
    let before = now.saturating_sub(i64::try_from(age).unwrap_or(i64::MAX)).saturating_add(1);
    let mut purged = 0;
    for group in &groups {
        let letters = DeadLetters::of(domain, group).await?;
        purged += letters.purge_all(Timestamp::from_micros(before)).await?;
    }
    Ok(purged)
}

fn duration(text: &str) -> std::result::Result<Duration, String> {
    let wrong = || format!("'{text}' is no age: write '7d', '12h', '30m' or '90s'");
    let unit = text.chars().last().ok_or_else(wrong)?;
    let seconds = match unit {
        'd' => 86_400,
        'h' => 3_600,
        'm' => 60,
        's' => 1,
        _ => return Err(wrong()),
    };
    let number: u64 = text[..text.len() - 1].parse().map_err(|_| wrong())?;
    number.checked_mul(seconds).map(Duration::from_secs).ok_or_else(wrong)
}
