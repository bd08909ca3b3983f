//! `outbox status`: where the relays stand.

use std::time::Duration;

use clap::Args;
use protean::Domain;
use protean_engine::{Outbox, Refused, RelayStatus};
use serde::Serialize;

use crate::age::age;
use crate::command::database::warned;
use crate::number::known;
use crate::{App, Reply, Result, Table, short};

/// The most messages that one call shows: they are held in memory.
const MOST: i64 = 10_000;

pub(super) const AFTER_HELP: &str = "\
It reads the database alone: neither a server nor a broker needs to run.

  Waiting    messages committed and not published yet
  Failed     messages the broker has refused, to be tried again
  Abandoned  messages given up: 'outbox retry' lets them go out again
  Oldest     how long the first of those that wait has waited
  Status     ok, or unknown (not readable, or no server has published to it yet)

A number that is not known is null with --json, never 0. Why a failed message was
refused stands in the view 'outbox' of the database, in last_error.";

/// How much to show.
#[derive(Args)]
pub(crate) struct Options {
    /// At most this many failed and as many abandoned messages of each relay
    #[arg(long, value_name = "N", default_value_t = 100,
          value_parser = clap::value_parser!(u32).range(1..=MOST))]
    pub(super) limit: u32,
}

/// The answer for programs.
#[derive(Serialize)]
pub(super) struct Shown {
    relays: Vec<RelayRow>,
    messages: Vec<MessageRow>,
}

/// Where a relay stands; what is not known is null.
#[derive(Serialize)]
struct RelayRow {
    broker: String,
    waiting: Option<u64>,
    failed: Option<u64>,
    abandoned: Option<u64>,
    oldest_seconds: Option<f64>,
    status: &'static str,
}

/// A message that a broker has refused.
#[derive(Serialize)]
struct MessageRow {
    id: u64,
    broker: String,
    status: &'static str,
    message_id: String,
    r#type: String,
    stream: String,
    priority: i32,
    attempts: u32,
    reason: Option<String>,
    abandoned_at: Option<String>,
}

pub(super) async fn run(options: &Options, app: &App) -> Result {
    let domain = app.domain()?;
    let outbox = Outbox::of(&domain).await?;
    let (relays, limit) = (outbox.status().await, usize::try_from(options.limit)?);
    let mut messages = outbox.abandoned(limit).await?;
    messages.extend(outbox.failed(limit).await?);
    app.reply(reply(&domain, &relays, &messages))
}

pub(super) fn reply(domain: &Domain, relays: &[RelayStatus], messages: &[Refused]) -> Reply<Shown> {
    let shown = Shown {
        relays: relays.iter().map(RelayRow::new).collect(),
        messages: messages.iter().map(MessageRow::new).collect(),
    };
    let mut reply = Reply::new(shown, text(domain, relays, messages));
    for RelayStatus { broker, fault, .. } in relays {
        if let Some(fault) = fault {
            reply =
                reply.failed(format!("nothing is known about the relay to '{broker}': {fault}"));
        }
    }
    warned(reply, domain)
}

pub(super) fn text(domain: &Domain, relays: &[RelayStatus], messages: &[Refused]) -> String {
    if relays.is_empty() {
        return "No broker is configured that messages are published to.".to_owned();
    }
    let table = Table::new().text("Broker").number("Waiting").number("Failed");
    let mut table = table.number("Abandoned").number("Oldest").text("Status");
    for relay in relays {
        let waited = relay.waited_seconds.map(|seconds| age(Duration::from_secs_f64(seconds)));
        let waited = waited.unwrap_or_else(|| "unknown".to_owned());
        table.row([
            relay.broker.clone(),
            known(relay.waiting, short),
            known(relay.failed, short),
            known(relay.abandoned, short),
            if relay.waiting == Some(0) { "-".to_owned() } else { waited },
            status(relay).to_owned(),
        ]);
    }
    if messages.is_empty() {
        table.to_string()
    } else {
        format!("{table}\n\n{}", refused(domain, messages))
    }
}

fn refused(domain: &Domain, messages: &[Refused]) -> Table {
    let table = Table::new().number("ID").text("Broker").text("Type").text("Stream");
    let mut table = table.text("State").number("Attempts").text("Given up").text("Reason");
    for Refused { broker, recorded, attempts, abandoned } in messages {
        let (state, when, reason) = match abandoned {
            Some((reason, time)) => {
                let ago = age(domain.clock().now().since(*time));
                ("abandoned", format!("{ago} ago"), reason.as_str())
            }
            None => ("failed", "-".to_owned(), "-"),
        };
        table.row([
            recorded.position.to_string(),
            broker.clone(),
            recorded.message.name().to_owned(),
            recorded.message.stream.to_string(),
            state.to_owned(),
            attempts.to_string(),
            when,
            reason.to_owned(),
        ]);
    }
    table
}

fn status(relay: &RelayStatus) -> &'static str {
    if relay.fault.is_some() { "unknown" } else { "ok" }
}

impl RelayRow {
    fn new(relay: &RelayStatus) -> Self {
        Self {
            broker: relay.broker.clone(),
            waiting: relay.waiting,
            failed: relay.failed,
            abandoned: relay.abandoned,
            oldest_seconds: relay.waited_seconds,
            status: status(relay),
        }
    }
}

impl MessageRow {
    fn new(refused: &Refused) -> Self {
        let message = &refused.recorded.message;
        let (reason, time) = refused.abandoned.clone().unzip();
        Self {
            id: refused.recorded.position,
            broker: refused.broker.clone(),
            status: if reason.is_some() { "abandoned" } else { "failed" },
            message_id: message.id.to_string(),
            r#type: message.type_name.to_string(),
            stream: message.stream.to_string(),
            priority: message.priority.value(),
            attempts: refused.attempts,
            reason,
            abandoned_at: time.map(|time| time.to_string()),
        }
    }
}
