//! `dlq purge`: drops dead letters for good.

use std::time::Duration;

use clap::Args;
use protean::{Domain, Operator, Timestamp};
use protean_engine::DeadLetters;
use serde_json::json;

use super::target::{self, GivenUp, groups};
use crate::command::confirm::Consent;
use crate::{App, Error, Reply, Result, grouped};

/// The dead letters to drop.
#[derive(Args)]
pub(crate) struct Options {
    /// The id in 'dlq list', or the message id; without it, all of --subscription
    #[arg(required_unless_present = "subscription")]
    pub(super) id: Option<String>,
    /// The handler or group
    #[arg(long, value_name = "NAME")]
    pub(super) subscription: Option<String>,
    /// Only messages given up longer ago than this: '7d', '12h', '30m', '90s'
    #[arg(long, value_name = "AGE", value_parser = duration, conflicts_with = "id")]
    pub(super) older_than: Option<Duration>,
    #[command(flatten)]
    pub(super) consent: Consent,
}

pub(super) async fn run(options: &Options, app: &App) -> Result {
    let domain = app.existing_domain().await?;
    let purged = match &options.id {
        Some(id) => one(&domain, app, options, id).await?,
        None => all(&domain, app, options).await?,
    };
    let text = match purged {
        0 => "There was nothing to purge.".to_owned(),
        _ => format!("Purged {}; messages waiting behind them run now.", grouped(purged)),
    };
    app.reply(Reply::new(json!({"purged": purged}), text).about(&domain))
}

async fn one(domain: &Domain, app: &App, options: &Options, id: &str) -> Result<u64, Error> {
    let GivenUp { group, dead_letter } =
        target::dead_letter(domain, id, options.subscription.as_deref()).await?;
    let (name, handler) = (dead_letter.recorded.message.name(), &group.handler);
    options.consent.ask(app, &format!("{handler} will never handle {name} {id}."), "purge")?;
    let dead_letters = DeadLetters::of(domain, &group).await?.by(Operator::at_command_line());
    Ok(dead_letters.purge(&dead_letter).await?.into())
}

async fn all(domain: &Domain, app: &App, options: &Options) -> Result<u64, Error> {
    let groups = groups(domain, options.subscription.as_deref())?;
    let handlers = groups.iter().map(|group| group.handler.as_str()).collect::<Vec<_>>().join(", ");
    let question = format!("The dead letters of {handlers} will never be handled.");
    options.consent.ask(app, &question, "purge")?;
    let now = domain.clock().now().as_micros();
    let age = options.older_than.unwrap_or_default().as_micros();
    // Includes messages given up in this very microsecond.
    let before = now.saturating_sub(i64::try_from(age).unwrap_or(i64::MAX)).saturating_add(1);
    let mut purged = 0;
    for group in &groups {
        let dead_letters = DeadLetters::of(domain, group).await?.by(Operator::at_command_line());
        purged += dead_letters.purge_all(Timestamp::from_micros(before)).await?;
    }
    Ok(purged)
}

fn duration(text: &str) -> std::result::Result<Duration, String> {
    let wrong = || format!("'{text}' is not an age: write '7d', '12h', '30m' or '90s'");
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
