//! `events explain`: where one message stands with each handler, and why it waits there.

use clap::Args;
use protean::message::Recorded;
use protean::{Domain, Ending, Standing, Timestamp, Turn};
use protean_engine::{Explanation, HandlerStanding, Unpublished, age};
use serde::Serialize;

use super::message::{Shown, short_type};
use crate::{App, Error, Reply, Result, Table, escape, grouped};

pub(super) const AFTER_HELP: &str = "\
Reads only the database; neither a server nor a broker has to be running. There is one row
per handler of the message's category:

  handled       the handler is done with it
  ignored       the handler does not handle messages of this type
  waiting       it waits for its turn, or is being handled now
  unpublished   the relay has not published it to the broker that the handler reads
  parked        it failed, or could not be tried, and is tried again later
  held          it waits behind an earlier message of its aggregate
  dead          it was given up: see 'dlq inspect'
  expired       its deadline passed before it was handled
  purged        it was given up and is not kept
  before_start  it was committed before the handler began

The database records that a message is settled, but not how. If several states are possible,
the likeliest is shown, and 'unless' names the others.";

/// The message to explain.
#[derive(Args)]
pub(crate) struct Options {
    /// The message id
    #[arg(value_name = "MESSAGE_ID")]
    id: String,
}

pub(super) async fn run(options: &Options, app: &App) -> Result {
    let domain = app.existing_domain().await?;
    app.reply(reply(&domain, &explain(&domain, &options.id).await?).about(&domain))
}

pub(super) async fn explain(domain: &Domain, id: &str) -> Result<Explanation> {
    protean_engine::explain(domain, id).await.map_err(|error| match error.is_not_found() {
        true => Error::failed(format!("no message has the id '{id}'"))
            .advice("find ids with 'events search' or 'events trace --json'"),
        false => error.into(),
    })
}

pub(super) fn reply<'a>(domain: &Domain, found: &'a Explanation) -> Reply<Explained<'a>> {
    let Explanation { recorded, handlers, .. } = found;
    let now = domain.clock().now();
    let rows: Vec<_> = handlers.iter().map(|of| Row::new(of, recorded, now)).collect();
    let text = text(recorded, &rows);
    Reply::new(Explained { message: Shown::new(recorded, false), handlers: rows }, text)
}

fn text(recorded: &Recorded, rows: &[Row<'_>]) -> String {
    let title = title(recorded);
    if rows.is_empty() {
        return format!("{title}\n\nNo handler reads its category.");
    }
    let mut table = Table::new().text("Handler").text("State").text("Why");
    for row in rows {
        table.row([row.handler.to_owned(), row.state.to_owned(), row.why.clone()]);
    }
    format!("{title}\n\n{table}")
}

/// `event AccountOpened at 0 of fidelis::account-7, priority NORMAL, made …`.
fn title(recorded: &Recorded) -> String {
    let Recorded { stream_position, message, .. } = recorded;
    let (kind, name) = (message.kind.as_str().to_lowercase(), short_type(&message.type_name));
    let (stream, priority, time) = (&message.stream, message.priority, message.time);
    escape(&format!("{kind} {name} at {stream_position} of {stream}, {priority}, made {time}"))
}

/// The JSON of an explanation.
#[derive(Serialize)]
pub(super) struct Explained<'a> {
    message: Shown<'a>,
    handlers: Vec<Row<'a>>,
}

/// The JSON of a handler; what does not apply to the state is null.
#[derive(Default, Serialize)]
struct Row<'a> {
    handler: &'a str,
    group: &'a str,
    state: &'static str,
    why: String,
    /// The other states that the store cannot tell from this one.
    unless: Vec<&'static str>,
    lane: Option<String>,
    /// Messages of the lane that come first: at least so many when `ahead_is_counted` is false.
    ahead: Option<u64>,
    ahead_is_counted: Option<bool>,
    more_urgent: Option<u64>,
    attempts: Option<u32>,
    due: Option<String>,
    given_up_at: Option<String>,
    reason: Option<&'a str>,
    /// The id of the earlier message of its stream.
    held_behind: Option<&'a str>,
    /// The broker that it is not published to.
    broker: Option<&'a str>,
}

impl<'a> Row<'a> {
    fn new(of: &'a HandlerStanding, recorded: &Recorded, now: Timestamp) -> Self {
        let (handler, group) = (of.handler.as_str(), of.group.as_str());
        match &of.unpublished {
            Some(Unpublished { broker, standing, .. }) => {
                let waits = Self::default().filled(standing);
                let why = why(standing, recorded, now);
                let why = format!("not published to '{broker}' yet: {why}");
                let (state, broker) = ("unpublished", Some(broker.as_str()));
                Self { handler, group, state, why, broker, ..waits }
            }
            None => {
                let (state, why) = (state(&of.standing), why(&of.standing, recorded, now));
                Self { handler, group, state, why, ..Self::default().filled(&of.standing) }
            }
        }
    }

    /// The fields of a standing.
    fn filled(self, standing: &'a Standing) -> Self {
        match standing {
            Standing::Settled(endings) => Self {
                unless: endings.iter().skip(1).map(|other| ending(*other)).collect(),
                ..self
            },
            Standing::Waiting(turn) => Self {
                lane: Some(turn.lane.to_string()),
                ahead: Some(turn.ahead),
                ahead_is_counted: Some(turn.is_counted),
                more_urgent: Some(turn.more_urgent),
                ..self
            },
            Standing::Parked { attempts, due, reason } => Self {
                attempts: Some(*attempts),
                due: Some(due.to_string()),
                reason: Some(reason),
                ..self
            },
            Standing::Dead { attempts, time, reason } => Self {
                attempts: Some(*attempts),
                given_up_at: Some(time.to_string()),
                reason: Some(reason),
                ..self
            },
            Standing::Held { behind } => {
                Self { held_behind: behind.as_ref().map(|first| &*first.message.id), ..self }
            }
            _ => self,
        }
    }
}

fn state(standing: &Standing) -> &'static str {
    match standing {
        Standing::Ignored => "ignored",
        Standing::Settled(endings) => endings.first().map_or("settled", |first| ending(*first)),
        Standing::Expired(_) => "expired",
        Standing::Waiting(_) => "waiting",
        Standing::Parked { .. } => "parked",
        Standing::Held { .. } => "held",
        Standing::Dead { .. } => "dead",
        _ => "unknown",
    }
}

fn ending(ending: Ending) -> &'static str {
    match ending {
        Ending::Handled => "handled",
        Ending::BeforeStart => "before_start",
        Ending::Expired => "expired",
        Ending::Purged => "purged",
        _ => "settled",
    }
}

/// Why a message stands where it does.
pub(super) fn why(standing: &Standing, recorded: &Recorded, now: Timestamp) -> String {
    match standing {
        Standing::Ignored => "it has no part for messages of this type".to_owned(),
        Standing::Settled(endings) => settled(endings),
        Standing::Expired(deadline) => {
            format!("its deadline passed at {deadline}; it is passed over when its turn comes")
        }
        Standing::Waiting(turn) => waiting(turn),
        Standing::Parked { attempts, due, reason } => {
            let when = match *due > now {
                true => format!("until {due}, in {}", age(due.since(now))),
                false => format!("due since {due}"),
            };
            format!("{when}{}: {reason}", after(*attempts))
        }
        Standing::Held { behind: Some(first) } => {
            let (name, id) = (short_type(&first.message.type_name), &first.message.id);
            let at = first.stream_position;
            format!("behind {name} at {at} of its stream, see 'events explain {id}'")
        }
        Standing::Held { behind: None } => {
            "the message before it is out of the way now; it runs next".to_owned()
        }
        Standing::Dead { attempts, time, reason } => {
            let (ago, id) = (age(now.since(*time)), recorded.position);
            format!("given up {ago} ago{}: {reason}; see 'dlq inspect {id}'", after(*attempts))
        }
        _ => String::new(),
    }
}

fn settled(endings: &[Ending]) -> String {
    let way = |ending: &Ending| match ending {
        Ending::Handled => "its handler has completed",
        Ending::BeforeStart => "it was committed before the handler began",
        Ending::Expired => "its deadline had passed",
        Ending::Purged => "it was given up and not kept",
        _ => "it is settled",
    };
    let ways: Vec<_> = endings.iter().map(way).collect();
    match ways.split_first() {
        None => "it is settled".to_owned(),
        Some((first, [])) => (*first).to_owned(),
        Some((first, others)) => format!("{first}, unless {}", others.join(" or ")),
    }
}

fn waiting(turn: &Turn) -> String {
    let Turn { lane, ahead, is_counted, more_urgent } = turn;
    let place = match (ahead, is_counted) {
        (0, true) => format!("first in the {lane} lane: a server takes it next or has it"),
        (1, true) => format!("behind 1 message of the {lane} lane"),
        (_, true) => format!("behind {} messages of the {lane} lane", grouped(*ahead)),
        (_, false) => format!("behind at least {} messages of the {lane} lane", grouped(*ahead)),
    };
    match more_urgent {
        0 => place,
        urgent => format!("{place}, and {} wait in the primary lane", grouped(*urgent)),
    }
}

fn after(attempts: u32) -> String {
    match attempts {
        0 => String::new(),
        1 => " after 1 attempt".to_owned(),
        _ => format!(" after {attempts} attempts"),
    }
}
