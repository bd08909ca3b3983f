//! `schedule`: the commands and timers that wait for their time.

use clap::{Args, Subcommand};
use protean::message::Kind;
use protean::port::{Scheduled, ScheduledPlace};
use protean::{Cancellation, Domain, Id, Operator, Priority, ScheduledMessages, Timestamp};
use serde::Serialize;

use super::events::message::short_type;
use super::limit::limit;
use crate::{App, Error, Reply, Result, Table};

/// Shows and cancels what is scheduled.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Lists scheduled messages by priority, then by due time
    List(List),
    /// Cancels a scheduled command; exit code 1 if it is too late
    Cancel(Cancel),
}

/// The part of the schedule to list.
#[derive(Args)]
pub(crate) struct List {
    /// Starts after this cursor; each page prints the cursor for the next one
    #[arg(long, value_name = "CURSOR")]
    pub(super) after: Option<String>,
    /// At most this many messages
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = limit())]
    pub(super) limit: usize,
}

/// The command to cancel.
#[derive(Args)]
pub(crate) struct Cancel {
    /// The id of the command
    id: String,
}

pub(super) async fn run(command: &Command, app: &App) -> Result {
    let domain = app.existing_domain().await?;
    match command {
        Command::List(options) => app.reply(list(options, &domain).await?),
        Command::Cancel(options) => app.reply(cancel(&options.id, &domain).await?),
    }
}

/// The JSON of a scheduled message.
#[derive(Debug, Serialize)]
pub(super) struct Row {
    key: String,
    due: String,
    kind: &'static str,
    r#type: String,
    stream: String,
    priority: i32,
    correlation_id: String,
}

impl Row {
    fn of(scheduled: &Scheduled) -> Self {
        let Scheduled { key, due, message } = scheduled;
        Self {
            key: key.to_string(),
            due: due.to_string(),
            kind: match message.kind {
                Kind::Command => "command",
                Kind::Event => "timer",
            },
            r#type: message.type_name.to_string(),
            stream: message.stream.to_string(),
            priority: message.priority.value(),
            correlation_id: message.correlation_id.to_string(),
        }
    }
}

pub(super) async fn list(options: &List, domain: &Domain) -> Result<Reply<Vec<Row>>> {
    let after = options.after.as_deref().map(read_place).transpose()?;
    let scheduled = ScheduledMessages::of(domain);
    let mut page = scheduled.page(after, options.limit + 1).await?;
    let is_cut = page.len() > options.limit;
    page.truncate(options.limit);
    let mut table =
        Table::new().text("Due").text("Kind").text("Type").number("Priority").text("Key");
    for waiting in &page {
        let Row { key, due, kind, r#type, priority, .. } = Row::of(waiting);
        let name = short_type(&r#type).to_owned();
        table.row([due, kind.to_owned(), name, priority.to_string(), key]);
    }
    let text = match page.last() {
        None => "Nothing is scheduled.".to_owned(),
        Some(last) if is_cut => {
            format!("{table}\n\nNext page: --after '{}'", shown_place(&last.place()))
        }
        Some(_) => table.to_string(),
    };
    Ok(Reply::new(page.iter().map(Row::of).collect(), text).about(domain))
}

/// `0/1795000000000000/key`.
fn shown_place(place: &ScheduledPlace) -> String {
    let ScheduledPlace { priority, due, key } = place;
    format!("{}/{}/{key}", priority.value(), due.as_micros())
}

fn read_place(text: &str) -> Result<ScheduledPlace> {
    let read = || {
        let (priority, rest) = text.split_once('/')?;
        let (due, key) = rest.split_once('/')?;
        let priority = Priority::new(priority.parse().ok()?);
        let due = Timestamp::from_micros(due.parse().ok()?);
        Some(ScheduledPlace { priority, due, key: key.into() })
    };
    read().ok_or_else(|| {
        Error::usage(format!("'{text}' is not a cursor of this list"))
            .advice("pass --after the cursor that the last page printed")
    })
}

#[derive(Debug, Serialize)]
pub(super) struct Cancelled {
    id: String,
    cancelled: bool,
}

pub(super) async fn cancel(id: &str, domain: &Domain) -> Result<Reply<Cancelled>> {
    let scheduled = ScheduledMessages::of(domain).by(Operator::at_command_line());
    let done = scheduled.cancel(&Id::from(id)).await?;
    let cancelled = done == Cancellation::Cancelled;
    let data = Cancelled { id: id.to_owned(), cancelled };
    Ok(match cancelled {
        true => Reply::new(data, format!("{id} is cancelled.")).about(domain),
        false => {
            let reply = Reply::new(data, "").about(domain);
            reply.failed(format!("{id} is not scheduled, or no longer"))
        }
    })
}
