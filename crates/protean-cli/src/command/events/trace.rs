//! `events trace`: what caused what.

use clap::Args;
use protean::domain::{CausationNode, Handling, HandlingState, Trace};
use protean::message::{Kind, Recorded};
use protean::port::Find;
use protean::{Domain, Priority, Timestamp};
use serde::Serialize;

use super::message::{Shown, short_id, short_type};
use super::{MOST, category, tree};
use crate::command::database::warned;
use crate::{App, Error, Reply, Result, escape};

pub(super) const AFTER_HELP: &str = "\
Each line tells the kind and type of a message, its stream, the end of a command's
id or the place of an event in its stream, how long after the first message it was
made, its priority unless that is NORMAL, and the handlers that take it:

  → Mailer             it is done with it
  → Mailer (waiting)   it has not come to it yet
  → Mailer (held)      it is parked or dead, or waits behind such a message
  → Mailer (tried)     parked, dead or done: earlier messages of the stream hide which

With --json the messages stand in the order of the tree, each with its depth.";

/// Which chain, and how to show it.
#[derive(Args)]
pub(crate) struct Options {
    /// The correlation id of the chain, or the id of any message in it
    #[arg(value_name = "CORRELATION")]
    id: String,
    /// A line a message in the order of the log, not as a tree
    #[arg(long)]
    flat: bool,
    /// At most this many messages, from the beginning of the chain
    #[arg(long, value_name = "N", default_value_t = 1000,
          value_parser = clap::value_parser!(u32).range(1..=MOST))]
    limit: u32,
    /// Shows the fields too
    #[arg(long)]
    data: bool,
}

pub(super) async fn run(options: &Options, app: &App) -> Result {
    let domain = app.domain()?;
    let limit = usize::try_from(options.limit)?;
    let mut chain = chain(&domain, &options.id, limit + 1).await?;
    let more = chain.len() > limit;
    chain.truncate(limit);
    let forest = CausationNode::forest(chain);
    let lines = lines(&domain, &forest, options.flat).await?;
    let reply = Reply::new(Chain::new(&lines, options.data), text(&domain, &lines, options.data));
    let told = format!("the chain goes on after {limit} messages: --limit shows up to {MOST}");
    let reply = if more { reply.warning(told) } else { reply };
    app.reply(warned(reply, &domain))
}

/// A line a message, as a tree or, when it is to be flat, in the order of the log.
pub(super) async fn lines<'a>(
    domain: &Domain,
    forest: &'a [CausationNode],
    flat: bool,
) -> Result<Vec<Line<'a>>> {
    let mut lines = Vec::new();
    for (branch, depth, node) in tree::branches(forest) {
        let handlers = Trace::of(domain).handlers(&node.recorded).await?;
        lines.push(Line { branch, depth, recorded: &node.recorded, handlers });
    }
    if flat {
        lines.sort_by_key(|line| line.recorded.position);
        lines.iter_mut().for_each(|line| line.branch.clear());
    }
    Ok(lines)
}

/// The chain with this correlation id, or that of the message with this id.
pub(super) async fn chain(domain: &Domain, id: &str, limit: usize) -> Result<Vec<Recorded>> {
    let store = domain.store().await?;
    let chain = |id: &str| Find { correlation_id: Some(id.into()), ..Find::first(limit) };
    let found = store.find(chain(id)).await?;
    if !found.is_empty() {
        return Ok(found);
    }
    let message = store.find(Find { message_id: Some(id.into()), ..Find::first(1) }).await?;
    match message.first() {
        Some(recorded) => Ok(store.find(chain(&recorded.message.correlation_id)).await?),
        None => Err(Error::failed(format!("no message has the correlation id or the id '{id}'"))
            .advice("'events search' shows the correlation ids of messages")),
    }
}

/// A message on its way onto the screen.
pub(super) struct Line<'a> {
    branch: String,
    depth: usize,
    recorded: &'a Recorded,
    handlers: Vec<Handling>,
}

pub(super) fn text(domain: &Domain, lines: &[Line<'_>], data: bool) -> String {
    let times = lines.iter().map(|line| line.recorded.message.time);
    let begun = times.min().unwrap_or_default();
    let first = lines.first().map_or("", |line| &line.recorded.message.correlation_id);
    let mut text = format!("{}, begun {begun}\n", escape(first));
    for line in lines {
        text.push('\n');
        text.push_str(&told(domain, line, begun));
        if data {
            text.push_str("  ");
            text.push_str(&escape(&line.recorded.message.data));
        }
    }
    text
}

fn told(domain: &Domain, line: &Line<'_>, begun: Timestamp) -> String {
    let message = &line.recorded.message;
    let kind = match message.kind {
        Kind::Command => "command",
        Kind::Event if category::is_facts(domain, message.stream.category()) => "fact",
        Kind::Event => "event",
    };
    let (name, stream, id) =
        (short_type(&message.type_name), &message.stream, short_id(line.recorded));
    let later = message.time.since(begun).as_secs_f64();
    let mut told = escape(&format!("{kind} {name}  {stream}  {id}  +{later:.3}s"));
    if message.priority != Priority::NORMAL {
        told.push_str(&format!("  {}", message.priority));
    }
    if !line.handlers.is_empty() {
        let handlers: Vec<_> = line.handlers.iter().map(handler).collect();
        told.push_str(&escape(&format!("  → {}", handlers.join(", "))));
    }
    format!("{}{told}", line.branch)
}

fn handler(handling: &Handling) -> String {
    match handling.state {
        HandlingState::Done => handling.handler.clone(),
        state => format!("{} ({})", handling.handler, state.as_str()),
    }
}

/// A chain for programs.
#[derive(Serialize)]
pub(super) struct Chain<'a> {
    correlation_id: &'a str,
    messages: Vec<Link<'a>>,
}

#[derive(Serialize)]
struct Link<'a> {
    depth: usize,
    #[serde(flatten)]
    message: Shown<'a>,
    handlers: Vec<Handler<'a>>,
}

#[derive(Serialize)]
struct Handler<'a> {
    handler: &'a str,
    state: &'static str,
}

impl<'a> Chain<'a> {
    pub(super) fn new(lines: &'a [Line<'a>], data: bool) -> Self {
        let link = |line: &'a Line<'a>| Link {
            depth: line.depth,
            message: Shown::new(line.recorded, data),
            handlers: line.handlers.iter().map(Handler::new).collect(),
        };
        let first = lines.first().map_or("", |line| &line.recorded.message.correlation_id);
        Self { correlation_id: first, messages: lines.iter().map(link).collect() }
    }
}

impl<'a> Handler<'a> {
    fn new(handling: &'a Handling) -> Self {
        Self { handler: &handling.handler, state: handling.state.as_str() }
    }
}
