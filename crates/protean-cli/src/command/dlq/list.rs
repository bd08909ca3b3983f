//! `dlq list`: messages that were given up.

use std::sync::Arc;

use clap::Args;
use protean::Domain;
use protean::domain::Group;
use protean::port::DeadLetter;
use protean_engine::DeadLetters;
use serde::Serialize;

use super::choice::groups;
use super::letter::{Shown, given_up};
use crate::command::database::warned;
use crate::{App, Reply, Result, Table, grouped};

/// The most letters that one call shows: they are held in memory.
const MOST: i64 = 10_000;

/// How much of a reason a row shows.
const REASON: usize = 60;

pub(super) const AFTER_HELP: &str = "\
It reads the database alone: the server may run or not.

  ID        the position in the log, for 'dlq inspect' and 'dlq replay'
  Attempts  how often the handler has failed; a message that breaks a rule fails once
  Reason    why it was given up; 'dlq inspect' shows all of it

Later events of the same aggregate wait behind a dead one, unless the handler has
on_dead_letter = \"skip\". Commands wait for nobody.";

/// Which letters.
#[derive(Args)]
pub(crate) struct Options {
    /// Of this handler or group, else of all
    #[arg(long, value_name = "NAME")]
    subscription: Option<String>,
    /// Goes on after this id
    #[arg(long, value_name = "ID", default_value_t = 0)]
    after: u64,
    /// At most this many
    #[arg(long, value_name = "N", default_value_t = 100,
          value_parser = clap::value_parser!(u32).range(1..=MOST))]
    limit: u32,
}

/// A page of letters, and where the next one begins.
#[derive(Serialize)]
struct Page<'a> {
    letters: Vec<Shown<'a>>,
    total: u64,
    next: Option<u64>,
}

pub(super) async fn run(options: &Options, app: &App) -> Result {
    let domain = app.domain()?;
    let groups = groups(&domain, options.subscription.as_deref())?;
    let limit = usize::try_from(options.limit)?;
    let mut found = letters(&domain, &groups, (options.after, limit + 1)).await?;
    let more = found.len() > limit;
    found.truncate(limit);
    let next = found.last().filter(|_| more).map(|(_, last)| last.recorded.position);
    let totals = totals(&domain, &groups).await?;
    let text = text(&domain, &found, next, &totals);
    let shown = found.iter().map(|(group, letter)| Shown::new(&domain, group, letter)).collect();
    let total = totals.iter().map(|(_, dead)| dead).sum();
    app.reply(warned(Reply::new(Page { letters: shown, total, next }, text), &domain))
}

pub(super) async fn letters(
    domain: &Domain,
    groups: &[Arc<Group>],
    (after, limit): (u64, usize),
) -> Result<Vec<(Arc<Group>, DeadLetter)>> {
    let mut found = Vec::new();
    for group in groups {
        let page = DeadLetters::of(domain, group).await?.page(after, limit).await?;
        found.extend(page.into_iter().map(|letter| (Arc::clone(group), letter)));
    }
    found.sort_by_key(|(_, letter)| letter.recorded.position);
    Ok(found)
}

/// How many letters each group has.
async fn totals(domain: &Domain, groups: &[Arc<Group>]) -> Result<Vec<(String, u64)>> {
    let store = domain.store().await?;
    let mut totals = Vec::new();
    for group in groups {
        let dead = store.standing(&group.name, &group.category).await?.dead();
        totals.push((group.handler.clone(), dead));
    }
    totals.retain(|(_, dead)| *dead > 0);
    Ok(totals)
}

fn text(
    domain: &Domain,
    found: &[(Arc<Group>, DeadLetter)],
    next: Option<u64>,
    totals: &[(String, u64)],
) -> String {
    if found.is_empty() {
        return "No message was given up.".to_owned();
    }
    let table = Table::new().number("ID").text("Subscription").text("Type").text("Stream");
    let mut table = table.text("Lane").number("Attempts").text("Given up").text("Reason");
    for (group, letter) in found {
        let message = &letter.recorded.message;
        table.row([
            letter.recorded.position.to_string(),
            group.handler.clone(),
            message.name().to_owned(),
            message.stream.to_string(),
            domain.lanes().lane(message.priority).to_string(),
            letter.attempts.to_string(),
            given_up(domain, letter),
            cut(&letter.reason),
        ]);
    }
    let sums = totals.iter().map(|(handler, dead)| format!("{handler} {}", grouped(*dead)));
    let sums = sums.collect::<Vec<_>>().join(", ");
    let more = next.map(|next| format!("\nGoes on: --after {next}")).unwrap_or_default();
    format!("{table}\n\nIn all: {sums}{more}")
}

fn cut(reason: &str) -> String {
    match reason.char_indices().nth(REASON) {
        Some((end, _)) => format!("{}…", &reason[..end]),
        None => reason.to_owned(),
    }
}
