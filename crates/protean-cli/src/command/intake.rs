//! `intake`: the commands that plain programs have enqueued.

use clap::{Args, Subcommand};
use protean::port::{IntakeEntry, IntakeReject, IntakeRow};
use protean::{Domain, Intake};
use serde::Serialize;

use super::limit::limit;
use crate::{App, Reply, Result, Table};

/// How many rejects are read at a time.
const PAGE: usize = 1_000;

/// Shows the rows that plain programs have inserted, and those that were rejected.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Lists rows that no server has taken yet, in insertion order
    List(List),
    /// Lists rejected rows with their reasons
    Rejects(Rejects),
    /// Moves rejected rows back so that a server tries them again; exit code 1 if one is missing
    Retry(Chosen),
    /// Deletes rejected rows; exit code 1 if one is missing
    Drop(Chosen),
}

/// The rows to list.
#[derive(Args)]
pub(crate) struct List {
    /// At most this many rows
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = limit())]
    pub(super) limit: usize,
}

/// The rejects to list.
#[derive(Args)]
pub(crate) struct Rejects {
    /// Only rejects after this place; each page prints the place for the next one
    #[arg(long, value_name = "PLACE", default_value_t = 0)]
    pub(super) after: u64,
    /// At most this many rejects
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = limit())]
    pub(super) limit: usize,
}

/// The rejects to change.
#[derive(Args)]
#[group(required = true, multiple = false)]
pub(crate) struct Chosen {
    /// The places of the rejects, as `intake rejects` shows them
    #[arg(value_name = "PLACE")]
    pub(super) places: Vec<u64>,
    /// All current rejects
    #[arg(long)]
    pub(super) all: bool,
}

pub(super) async fn run(command: &Command, app: &App) -> Result {
    let domain = app.existing_domain().await?;
    match command {
        Command::List(options) => app.reply(list(options, &domain).await?),
        Command::Rejects(options) => app.reply(rejects(options, &domain).await?),
        Command::Retry(chosen) => app.reply(retry(chosen, &domain).await?),
        Command::Drop(chosen) => app.reply(drop(chosen, &domain).await?),
    }
}

/// The JSON of a row.
#[derive(Debug, Serialize)]
pub(super) struct Row {
    place: u64,
    id: String,
    r#type: String,
    data: String,
    priority: i64,
    key: Option<String>,
    metadata: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rejected_at: Option<String>,
}

impl Row {
    fn of(place: u64, entry: &IntakeEntry) -> Self {
        let IntakeEntry { id, type_name, data, priority, key, metadata } = entry;
        Self {
            place,
            id: id.to_string(),
            r#type: type_name.to_string(),
            data: data.to_string(),
            priority: *priority,
            key: key.as_ref().map(ToString::to_string),
            metadata: metadata.as_ref().map(ToString::to_string),
            reason: None,
            rejected_at: None,
        }
    }

    fn rejected(reject: &IntakeReject) -> Self {
        Self {
            reason: Some(reject.reason.clone()),
            rejected_at: Some(reject.time.to_string()),
            ..Self::of(reject.place, &reject.entry)
        }
    }
}

pub(super) async fn list(options: &List, domain: &Domain) -> Result<Reply<Vec<Row>>> {
    let mut page = Intake::of(domain).waiting(options.limit + 1).await?;
    let is_cut = page.len() > options.limit;
    page.truncate(options.limit);
    let rows: Vec<Row> =
        page.iter().map(|IntakeRow { place, entry, .. }| Row::of(*place, entry)).collect();
    let mut table = Table::new().number("Place").text("Type").number("Priority").text("Id");
    for row in &rows {
        table.row([
            row.place.to_string(),
            row.r#type.clone(),
            row.priority.to_string(),
            row.id.clone(),
        ]);
    }
    let text = match rows.as_slice() {
        [] => "No rows are waiting.".to_owned(),
        _ if is_cut => format!("{table}\n\nMore rows are waiting: raise --limit to see them"),
        _ => table.to_string(),
    };
    Ok(Reply::new(rows, text).about(domain))
}

pub(super) async fn rejects(options: &Rejects, domain: &Domain) -> Result<Reply<Vec<Row>>> {
    let mut page = Intake::of(domain).rejects(options.after, options.limit + 1).await?;
    let is_cut = page.len() > options.limit;
    page.truncate(options.limit);
    let mut table = Table::new().number("Place").text("Rejected").text("Type").text("Reason");
    for IntakeReject { place, entry, reason, time } in &page {
        let name = entry.type_name.to_string();
        table.row([place.to_string(), time.to_string(), name, reason.clone()]);
    }
    let text = match page.last() {
        None => "There are no rejected rows.".to_owned(),
        Some(last) if is_cut => format!("{table}\n\nNext page: --after {}", last.place),
        Some(_) => table.to_string(),
    };
    Ok(Reply::new(page.iter().map(Row::rejected).collect(), text).about(domain))
}

/// The JSON of a change of rejects.
#[derive(Debug, Serialize)]
pub(super) struct Changed {
    changed: usize,
    missing: Vec<u64>,
}

impl Changed {
    fn note(&mut self, place: u64, is_there: bool) {
        match is_there {
            true => self.changed += 1,
            false => self.missing.push(place),
        }
    }

    fn reply(self, done: &str, domain: &Domain) -> Reply<Self> {
        let text = format!("{} {done}.", self.changed);
        let missing = self.missing.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        let is_whole = missing.is_empty();
        let reply = Reply::new(self, text).about(domain);
        if is_whole { reply } else { reply.failed(format!("no such reject: {missing}")) }
    }
}

pub(super) async fn retry(chosen: &Chosen, domain: &Domain) -> Result<Reply<Changed>> {
    let mut changed = Changed { changed: 0, missing: Vec::new() };
    for place in chosen.places(domain).await? {
        changed.note(place, Intake::of(domain).retry(place).await?);
    }
    Ok(changed.reply("moved back; a server will try again", domain))
}

pub(super) async fn drop(chosen: &Chosen, domain: &Domain) -> Result<Reply<Changed>> {
    let mut changed = Changed { changed: 0, missing: Vec::new() };
    for place in chosen.places(domain).await? {
        changed.note(place, Intake::of(domain).drop_reject(place).await?);
    }
    Ok(changed.reply("deleted", domain))
}

impl Chosen {
    async fn places(&self, domain: &Domain) -> Result<Vec<u64>> {
        let mut places = self.places.clone();
        if !self.all {
            return Ok(places);
        }
        loop {
            let after = places.last().copied().unwrap_or(0);
            let page = Intake::of(domain).rejects(after, PAGE).await?;
            places.extend(page.iter().map(|reject| reject.place));
            if page.len() < PAGE {
                return Ok(places);
            }
        }
    }
}
