//! `dlq reasons`: counts dead letters by reason.

use clap::Args;
use protean::Timestamp;
use protean_engine::{DeadLetterReason, age, dead_letter_reasons};
use serde::Serialize;

use super::target::groups;
use crate::{App, Reply, Result, Table, grouped};

pub(super) const AFTER_HELP: &str = "\
Reads only the database; no server has to be running. Reasons that differ only in numbers, ids or quoted
values are counted together, with '…' in place of those parts. ID is the latest dead letter with the
reason; show it with 'dlq inspect'.";

/// The dead letters to count.
#[derive(Args)]
pub(crate) struct Options {
    /// Only dead letters of this handler or group
    #[arg(long, value_name = "NAME")]
    subscription: Option<String>,
}

/// Dead letters of one type that a subscription gave up for one reason.
#[derive(Serialize)]
struct Reason<'a> {
    subscription: &'a str,
    r#type: &'a str,
    reason: &'a str,
    count: u64,
    /// The id of the latest one.
    id: u64,
    first: String,
    last: String,
}

#[derive(Serialize)]
struct Reasons<'a> {
    reasons: Vec<Reason<'a>>,
    total: u64,
}

impl<'a> Reason<'a> {
    fn of(found: &'a DeadLetterReason) -> Self {
        Self {
            subscription: &found.group.handler,
            r#type: &found.type_name,
            reason: &found.reason,
            count: found.count,
            id: found.id,
            first: found.first.to_string(),
            last: found.last.to_string(),
        }
    }
}

pub(super) async fn run(options: &Options, app: &App) -> Result {
    let domain = app.existing_domain().await?;
    let groups = groups(&domain, options.subscription.as_deref())?;
    let found = dead_letter_reasons(&domain, &groups).await?;
    let total = found.iter().map(|reason| reason.count).sum();
    let text = text(&found, total, domain.clock().now());
    let reasons = found.iter().map(Reason::of).collect();
    app.reply(Reply::new(Reasons { reasons, total }, text).about(&domain))
}

fn text(reasons: &[DeadLetterReason], total: u64, now: Timestamp) -> String {
    if reasons.is_empty() {
        return "There are no dead letters.".to_owned();
    }
    let mut table = Table::new()
        .number("Messages")
        .text("Subscription")
        .text("Type")
        .text("Last")
        .number("ID")
        .text("Reason");
    for reason in reasons {
        table.row([
            grouped(reason.count),
            reason.group.handler.clone(),
            reason.type_name.clone(),
            format!("{} ago", age(now.since(reason.last))),
            reason.id.to_string(),
            reason.reason.clone(),
        ]);
    }
    format!("{table}\n\nTotal: {}", grouped(total))
}
