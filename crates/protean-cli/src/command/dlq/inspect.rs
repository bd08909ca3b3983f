//! `dlq inspect`: everything about a dead letter.

use clap::Args;
use protean::Domain;
use protean::Group;
use protean::port::DeadLetter;
use serde::Serialize;
use serde_json::Value;

use super::dead_letter::{Shown, given_up};
use super::target::{self, GivenUp};
use crate::command::events::message;
use crate::{App, Reply, Result, escape, stdout};

/// The dead letter to show.
#[derive(Args)]
pub(crate) struct Options {
    /// Its id in 'dlq list', or the message id
    id: String,
    /// The handler or group, if several gave the message up
    #[arg(long, value_name = "NAME")]
    subscription: Option<String>,
    /// Prints only the data, byte for byte as stored
    #[arg(long, conflicts_with = "json")]
    raw: bool,
}

/// The JSON of a dead letter with its message.
#[derive(Serialize)]
struct Inspected<'a> {
    #[serde(flatten)]
    dead_letter: Shown<'a>,
    /// The data, byte for byte.
    raw: &'a str,
    message: message::Shown<'a>,
}

pub(super) async fn run(options: &Options, app: &App) -> Result {
    let domain = app.existing_domain().await?;
    let GivenUp { group, dead_letter } =
        target::dead_letter(&domain, &options.id, options.subscription.as_deref()).await?;
    if options.raw {
        stdout::print(&dead_letter.recorded.message.data)?;
        return Ok(std::process::ExitCode::SUCCESS);
    }
    let inspected = Inspected {
        dead_letter: Shown::new(&domain, &group, &dead_letter),
        raw: &dead_letter.recorded.message.data,
        message: message::Shown::new(&dead_letter.recorded, true),
    };
    let text = text(&domain, &group, &dead_letter);
    app.reply(Reply::new(inspected, text).about(&domain))
}

fn text(domain: &Domain, group: &Group, dead_letter: &DeadLetter) -> String {
    let recorded = &dead_letter.recorded;
    let message = &recorded.message;
    let id = recorded.position;
    let rows = [
        ("ID", id.to_string()),
        ("Subscription", format!("{} ({})", group.handler, group.name)),
        ("Type", message.type_name.to_string()),
        ("Stream", format!("{} at {}", message.stream, recorded.stream_position)),
        ("Message", message.id.to_string()),
        ("Priority", message.priority.to_string()),
        ("Correlation", message.correlation_id.to_string()),
        ("Caused by", message.causation_id.as_deref().unwrap_or("-").to_owned()),
        ("Created", message.time.to_string()),
        ("Given up", format!("{} ({})", dead_letter.time, given_up(domain, dead_letter))),
        ("Attempts", dead_letter.attempts.to_string()),
        ("Reason", dead_letter.reason.clone()),
    ];
    let mut text = String::new();
    for (name, value) in rows {
        text.push_str(&format!("{name:<13} {}\n", escape(&value)));
    }
    let data = pretty(&message.data);
    format!(
        "{text}\n{data}\n\nNext: run it again with 'dlq replay {id}', or drop it with 'dlq purge {id}'."
    )
}

/// The data on indented lines when it is JSON, otherwise unchanged.
fn pretty(data: &str) -> String {
    let formatted = serde_json::from_str::<Value>(data)
        .and_then(|value| serde_json::to_string_pretty(&value))
        .unwrap_or_else(|_| data.to_owned());
    formatted.lines().map(escape).collect::<Vec<_>>().join("\n")
}
