//! `dlq list`: lists dead letters.

use std::sync::Arc;

use clap::Args;
use protean::Domain;
use protean::Group;
use protean_engine::DeadLetters;
use serde::Serialize;

use super::dead_letter::{Shown, given_up};
use super::target::{GivenUp, groups};
use crate::command::limit::limit;
use crate::{App, Reply, Result, Table, grouped};

/// How much of a reason a row shows.
const MAX_REASON_CHARS: usize = 60;

pub(super) const AFTER_HELP: &str = "\
Reads only the database; no server has to be running.

  ID        the position in the log, for 'dlq inspect' and 'dlq replay'
  Attempts  how often the handler failed; a message that breaks a rule is tried once
  Reason    why the message was given up; 'dlq inspect' shows the full text

Later events of the same aggregate wait behind a dead letter, unless the handler has
on_dead_letter = \"skip\". Commands never wait.";

/// The dead letters to list.
#[derive(Args)]
pub(crate) struct Options {
    /// Only dead letters of this handler or group
    #[arg(long, value_name = "NAME")]
    subscription: Option<String>,
    /// Starts after this id, for the next page
    #[arg(long, value_name = "ID", default_value_t = 0)]
    after: u64,
    /// At most this many dead letters
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = limit())]
    limit: usize,
}

/// The JSON of a page, and the id after which the next one starts.
#[derive(Serialize)]
struct Page<'a> {
    #[serde(rename = "letters")]
    dead_letters: Vec<Shown<'a>>,
    total: u64,
    next: Option<u64>,
}

pub(super) async fn run(options: &Options, app: &App) -> Result {
    let domain = app.existing_domain().await?;
    let groups = groups(&domain, options.subscription.as_deref())?;
    let limit = options.limit;
    let mut found = dead_letters(&domain, &groups, options.after, limit + 1).await?;
    let more = found.len() > limit;
    found.truncate(limit);
    let next = found.last().filter(|_| more).map(|last| last.dead_letter.recorded.position);
    let totals = totals(&domain, &groups).await?;
    let text = text(&domain, &found, next, &totals);
    let dead_letters =
        found.iter().map(|found| Shown::new(&domain, &found.group, &found.dead_letter)).collect();
    let total = totals.iter().map(|total| total.dead).sum();
    app.reply(Reply::new(Page { dead_letters, total, next }, text).about(&domain))
}

/// The oldest dead letters of these groups after a log position.
pub(super) async fn dead_letters(
    domain: &Domain,
    groups: &[Arc<Group>],
    after: u64,
    limit: usize,
) -> Result<Vec<GivenUp>> {
    let mut found = Vec::new();
    for group in groups {
        let page = DeadLetters::of(domain, group).await?.page(after, limit).await?;
        found.extend(
            page.into_iter().map(|dead_letter| GivenUp { group: Arc::clone(group), dead_letter }),
        );
    }
    found.sort_by_key(|found| found.dead_letter.recorded.position);
    Ok(found)
}

/// The number of dead letters of a handler.
struct Total {
    handler: String,
    dead: u64,
}

/// The handlers that have some dead letters.
async fn totals(domain: &Domain, groups: &[Arc<Group>]) -> Result<Vec<Total>> {
    let store = domain.store().await?;
    let mut totals = Vec::new();
    for group in groups {
        let dead = store.group_status(&group.name, &group.category).await?.dead();
        totals.push(Total { handler: group.handler.clone(), dead });
    }
    totals.retain(|total| total.dead > 0);
    Ok(totals)
}

fn text(domain: &Domain, found: &[GivenUp], next: Option<u64>, totals: &[Total]) -> String {
    if found.is_empty() {
        return "There are no dead letters.".to_owned();
    }
    let mut table = Table::new()
        .number("ID")
        .text("Subscription")
        .text("Type")
        .text("Stream")
        .text("Lane")
        .number("Attempts")
        .text("Given up")
        .text("Reason");
    for GivenUp { group, dead_letter } in found {
        let message = &dead_letter.recorded.message;
        table.row([
            dead_letter.recorded.position.to_string(),
            group.handler.clone(),
            message.name().to_owned(),
            message.stream.to_string(),
            domain.lanes().lane(message.priority).to_string(),
            dead_letter.attempts.to_string(),
            given_up(domain, dead_letter),
            shorten(&dead_letter.reason),
        ]);
    }
    let totals = totals
        .iter()
        .map(|Total { handler, dead }| format!("{handler} {}", grouped(*dead)))
        .collect::<Vec<_>>()
        .join(", ");
    let more = next.map(|next| format!("\nNext page: --after {next}")).unwrap_or_default();
    format!("{table}\n\nTotal: {totals}{more}")
}

fn shorten(reason: &str) -> String {
    match reason.char_indices().nth(MAX_REASON_CHARS) {
        Some((end, _)) => format!("{}…", &reason[..end]),
        None => reason.to_owned(),
    }
}
