//! `intake`: the commands that plain programs have enqueued.

use clap::{Args, Subcommand};
use protean::port::{IntakeEntry, IntakeReject, IntakeRow};
use protean::{Domain, Intake};
use serde::Serialize;

use super::limit::limit;
use super::recorded::record;
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
    /// Starts after this row; each page prints the row for the next one
    #[arg(long, value_name = "ROW", default_value_t = 0)]
    pub(super) after: u64,
    /// At most this many rows
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = limit())]
    pub(super) limit: usize,
}

/// The rejects to list.
#[derive(Args)]
pub(crate) struct Rejects {
    /// Starts after this row; each page prints the row for the next one
    #[arg(long, value_name = "ROW", default_value_t = 0)]
    pub(super) after: u64,
    /// At most this many rejects
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = limit())]
    pub(super) limit: usize,
}

/// The rejects to change.
#[derive(Args)]
#[group(required = true, multiple = false)]
pub(crate) struct Chosen {
    /// The rows of the rejects, as 'intake rejects' numbers them
    #[arg(value_name = "ROW")]
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
    let mut page = waiting(options, domain).await?;
    let is_cut = page.len() > options.limit;
    page.truncate(options.limit);
    let rows: Vec<Row> =
        page.iter().map(|IntakeRow { place, entry, .. }| Row::of(*place, entry)).collect();
    let mut table = Table::new().number("Row").text("Type").number("Priority").text("Id");
    for row in &rows {
        table.row([
            row.place.to_string(),
            row.r#type.clone(),
            row.priority.to_string(),
            row.id.clone(),
        ]);
    }
    let text = match rows.last() {
        None => "No rows are waiting.".to_owned(),
        Some(last) if is_cut => format!("{table}\n\nNext page: --after {}", last.place),
        Some(_) => table.to_string(),
    };
    Ok(Reply::new(rows, text).about(domain))
}

/// The rows of a page and one more, if there is one. A single read ends early when data is large.
async fn waiting(options: &List, domain: &Domain) -> Result<Vec<IntakeRow>> {
    let (mut rows, mut after) = (Vec::new(), options.after);
    while rows.len() <= options.limit {
        let page = Intake::of(domain).waiting(after, options.limit + 1 - rows.len()).await?;
        let Some(last) = page.last() else { break };
        after = last.place;
        rows.extend(page);
    }
    Ok(rows)
}

pub(super) async fn rejects(options: &Rejects, domain: &Domain) -> Result<Reply<Vec<Row>>> {
    let mut page = Intake::of(domain).rejects(options.after, options.limit + 1).await?;
    let is_cut = page.len() > options.limit;
    page.truncate(options.limit);
    let mut table = Table::new().number("Row").text("Rejected").text("Type").text("Reason");
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
    /// Records what was changed, if anything was.
    async fn record(&self, action: &'static str, domain: &Domain) -> Result<()> {
        match self.changed {
            0 => Ok(()),
            count => record(domain, action, [], count as u64).await,
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
    let intake = Intake::of(domain);
    let changed = chosen.change(&intake, async |places| intake.retry(places).await).await?;
    changed.record("intake retry", domain).await?;
    Ok(changed.reply("moved back; a server will try again", domain))
}

pub(super) async fn drop(chosen: &Chosen, domain: &Domain) -> Result<Reply<Changed>> {
    let intake = Intake::of(domain);
    let changed = chosen.change(&intake, async |places| intake.drop_rejects(places).await).await?;
    changed.record("intake drop", domain).await?;
    Ok(changed.reply("deleted", domain))
}

impl Chosen {
    /// Makes a change at these places, a page in one transaction. The change returns the places
    /// without a reject.
    async fn change(
        &self,
        intake: &Intake<'_>,
        change: impl AsyncFn(&[u64]) -> protean::Result<Vec<u64>>,
    ) -> Result<Changed> {
        let mut changed = Changed { changed: 0, missing: Vec::new() };
        for page in self.places(intake).await?.chunks(PAGE) {
            let missing = change(page).await?;
            changed.changed += page.len() - missing.len();
            changed.missing.extend(missing);
        }
        Ok(changed)
    }

    /// All of them before the first change, since a server may reject again what is moved back.
    async fn places(&self, intake: &Intake<'_>) -> Result<Vec<u64>> {
        if !self.all {
            return Ok(self.places.clone());
        }
        let mut places = Vec::new();
        loop {
            let after = places.last().copied().unwrap_or(0);
            let page = intake.rejects(after, PAGE).await?;
            if page.is_empty() {
                return Ok(places);
            }
            places.extend(page.iter().map(|reject| reject.place));
        }
    }
}
