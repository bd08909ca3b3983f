//! `dlq inspect`: everything about a message that was given up.

use clap::Args;
use protean::Domain;
use protean::domain::Group;
use protean::port::DeadLetter;
use serde::Serialize;
use serde_json::Value;

use super::choice;
use super::letter::{Shown, given_up};
use crate::command::database::warned;
use crate::command::events::message;
use crate::{App, Reply, Result, escape, stdout};

/// Which letter.
#[derive(Args)]
pub(crate) struct Options {
    /// Its id in 'dlq list', or the id of the message
    id: String,
    /// Of this handler or group, when several have given it up
    #[arg(long, value_name = "NAME")]
    subscription: Option<String>,
    /// Prints the data as it is kept, byte for byte, and nothing else
    #[arg(long, conflicts_with = "json")]
    raw: bool,
}

/// A letter for programs: what was given up, and the message itself.
#[derive(Serialize)]
struct Whole<'a> {
    #[serde(flatten)]
    letter: Shown<'a>,
    /// The data byte for byte.
    raw: &'a str,
    message: message::Shown<'a>,
}

pub(super) async fn run(options: &Options, app: &App) -> Result {
    let domain = app.domain()?;
    let (group, letter) =
        choice::letter(&domain, &options.id, options.subscription.as_deref()).await?;
    if options.raw {
        stdout::print(&letter.recorded.message.data)?;
        return Ok(std::process::ExitCode::SUCCESS);
    }
    let whole = Whole {
        letter: Shown::new(&domain, &group, &letter),
        raw: &letter.recorded.message.data,
        message: message::Shown::new(&letter.recorded, true),
    };
    let text = text(&domain, &group, &letter);
    app.reply(warned(Reply::new(whole, text), &domain))
}

fn text(domain: &Domain, group: &Group, letter: &DeadLetter) -> String {
    let (recorded, message) = (&letter.recorded, &letter.recorded.message);
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
        ("Made", message.time.to_string()),
        ("Given up", format!("{} ({})", letter.time, given_up(domain, letter))),
        ("Attempts", letter.attempts.to_string()),
        ("Reason", letter.reason.clone()),
    ];
    let mut text = String::new();
    for (name, value) in rows {
        text.push_str(&format!("{name:<13} {}\n", escape(&value)));
    }
    let data = pretty(&message.data);
    format!("{text}\n{data}\n\nNext: 'dlq replay {id}' runs it again, 'dlq purge {id}' drops it.")
}

/// The data over several lines when it is JSON, else as it is.
fn pretty(data: &str) -> String {
    let parsed = serde_json::from_str::<Value>(data).ok();
    let lines = parsed.and_then(|value| serde_json::to_string_pretty(&value).ok());
    let lines = lines.unwrap_or_else(|| data.to_owned());
    lines.lines().map(escape).collect::<Vec<_>>().join("\n")
}
