//! `outbox status`: the state of the relays.

use std::time::Duration;

use clap::Args;
use protean::Domain;
use protean_engine::{Abandoned, Outbox, Refused, RelayStatus, age, or_unknown};
use serde::Serialize;

use crate::command::limit::limit;
use crate::{App, Reply, Result, Table, short};

pub(super) const AFTER_HELP: &str = "\
Reads only the database; neither a server nor a broker has to be running.

  Waiting    messages committed and not published yet
  Failed     messages that the broker refused and that will be retried
  Abandoned  messages given up; 'outbox retry' publishes them again
  Oldest     how long the oldest waiting message has waited
  Status     ok, or unknown (not readable, or no server has published to it yet)

With --json, an unknown number is null, never 0. The column last_error of the view
'outbox' in the database says why a failed message was refused.";

/// How much to show.
#[derive(Args)]
pub(crate) struct Options {
    /// At most this many failed and this many abandoned messages of each relay
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = limit())]
    pub(super) limit: usize,
}

/// The JSON of the answer.
#[derive(Serialize)]
pub(super) struct Shown {
    relays: Vec<RelayRow>,
    messages: Vec<MessageRow>,
}

/// The JSON of a relay; unknown values are null.
#[derive(Serialize)]
struct RelayRow {
    broker: String,
    waiting: Option<u64>,
    failed: Option<u64>,
    abandoned: Option<u64>,
    oldest_seconds: Option<f64>,
    status: &'static str,
}

/// The JSON of a message that a broker refused.
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
    let domain = app.existing_domain().await?;
    let outbox = Outbox::of(&domain).await?;
    let relays = outbox.status().await;
    let mut messages = outbox.abandoned(options.limit).await?;
    messages.extend(outbox.failed(options.limit).await?);
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
            reply = reply.failed(format!("the relay to '{broker}' cannot be read: {fault:#}"));
        }
    }
    reply.about(domain)
}

pub(super) fn text(domain: &Domain, relays: &[RelayStatus], messages: &[Refused]) -> String {
    if relays.is_empty() {
        return "No broker is configured for publishing.".to_owned();
    }
    let mut table = Table::new()
        .text("Broker")
        .number("Waiting")
        .number("Failed")
        .number("Abandoned")
        .number("Oldest")
        .text("Status");
    for relay in relays {
        let waited = relay
            .waited_seconds
            .map_or_else(|| "unknown".to_owned(), |seconds| age(Duration::from_secs_f64(seconds)));
        table.row([
            relay.broker.clone(),
            or_unknown(relay.waiting, short),
            or_unknown(relay.failed, short),
            or_unknown(relay.abandoned, short),
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
    let mut table = Table::new()
        .number("ID")
        .text("Broker")
        .text("Type")
        .text("Stream")
        .text("State")
        .number("Attempts")
        .text("Given up")
        .text("Reason");
    for Refused { broker, recorded, attempts, abandoned } in messages {
        let (state, when, reason) = match abandoned {
            Some(Abandoned { reason, time }) => {
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
        let abandoned = refused.abandoned.as_ref();
        Self {
            id: refused.recorded.position,
            broker: refused.broker.clone(),
            status: if abandoned.is_some() { "abandoned" } else { "failed" },
            message_id: message.id.to_string(),
            r#type: message.type_name.to_string(),
            stream: message.stream.to_string(),
            priority: message.priority.value(),
            attempts: refused.attempts,
            reason: abandoned.map(|abandoned| abandoned.reason.clone()),
            abandoned_at: abandoned.map(|abandoned| abandoned.time.to_string()),
        }
    }
}
