//! `events trace`: shows cause and effect as a tree.

use clap::Args;
use protean::message::{Kind, Recorded};
use protean::{CausationNode, Handling, HandlingState, Trace};
use protean::{Domain, Priority, Timestamp};
use serde::Serialize;

use super::message::{Shown, short_id, short_type};
use super::tree::Branch;
use super::{category, tree};
use crate::command::limit::{MAX_LIMIT, limit};
use crate::{App, Error, Reply, Result, escape};

pub(super) const AFTER_HELP: &str = "\
Each line shows the kind and type of a message, its stream, the end of a command's id
or the sequence number of an event, how long after the first message it was created,
its priority unless NORMAL, and the handlers that receive it:

  → Mailer             the handler is done with the message
  → Mailer (waiting)   the handler has not reached the message yet
  → Mailer (held)      the message is parked or dead, or waits behind one that is

With --json the messages appear in tree order, each with its depth.";

/// The chain to show, and how.
#[derive(Args)]
pub(crate) struct Options {
    /// The correlation id of the chain, or the id of a message in it
    #[arg(value_name = "CORRELATION")]
    id: String,
    /// Lists the messages in log order instead of as a tree
    #[arg(long)]
    flat: bool,
    /// At most this many messages from the start of the chain
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = limit())]
    limit: usize,
    /// Shows the data as well
    #[arg(long)]
    data: bool,
}

pub(super) async fn run(options: &Options, app: &App) -> Result {
    let domain = app.existing_domain().await?;
    let limit = options.limit;
    let mut chain = chain(&domain, &options.id, limit + 1).await?;
    let is_cut = chain.len() > limit;
    chain.truncate(limit);
    let forest = CausationNode::forest(chain);
    let lines = lines(&domain, &forest, options.flat).await?;
    let text = text(&domain, &lines, options.data);
    let mut reply = Reply::new(Chain::new(&lines, options.data), text);
    if is_cut {
        reply = reply.warning(format!(
            "the chain has more than {limit} messages; show up to {MAX_LIMIT} with --limit"
        ));
    }
    app.reply(reply.about(&domain))
}

/// One line for each message, in tree order or, when `flat`, in log order.
pub(super) async fn lines<'a>(
    domain: &Domain,
    forest: &'a [CausationNode],
    flat: bool,
) -> Result<Vec<TraceLine<'a>>> {
    let branches = tree::branches(forest);
    let recorded: Vec<_> = branches.iter().map(|branch| &branch.node.recorded).collect();
    let handlers = Trace::of(domain).handlers_of(&recorded).await?;
    let lines = branches.into_iter().zip(handlers).map(|(branch, handlers)| {
        let Branch { prefix, depth, node } = branch;
        TraceLine { prefix, depth, recorded: &node.recorded, handlers }
    });
    let mut lines: Vec<_> = lines.collect();
    if flat {
        lines.sort_by_key(|line| line.recorded.position);
        lines.iter_mut().for_each(|line| line.prefix.clear());
    }
    Ok(lines)
}

/// The chain with this correlation id, or the chain of the message with this id.
pub(super) async fn chain(domain: &Domain, id: &str, limit: usize) -> Result<Vec<Recorded>> {
    let found = Trace::of(domain).chain(id, limit).await?;
    if found.is_empty() {
        let message = format!("no message has the id or the correlation id '{id}'");
        return Err(Error::failed(message).advice("find correlation ids with 'events search'"));
    }
    Ok(found)
}

/// One line of a trace.
pub(super) struct TraceLine<'a> {
    /// The branches of the tree before the message.
    prefix: String,
    depth: usize,
    recorded: &'a Recorded,
    handlers: Vec<Handling>,
}

pub(super) fn text(domain: &Domain, lines: &[TraceLine<'_>], data: bool) -> String {
    let begun = lines.iter().map(|line| line.recorded.message.time).min().unwrap_or_default();
    let first = lines.first().map_or("", |line| &line.recorded.message.correlation_id);
    let mut text = format!("{}, begun {begun}\n", escape(first));
    for line in lines {
        text.push('\n');
        text.push_str(&describe(domain, line, begun));
        if data {
            text.push_str("  ");
            text.push_str(&escape(&line.recorded.message.data));
        }
    }
    text
}

fn describe(domain: &Domain, line: &TraceLine<'_>, begun: Timestamp) -> String {
    let message = &line.recorded.message;
    let kind = match message.kind {
        Kind::Command => "command",
        Kind::Event if category::is_facts(domain, message.stream.category()) => "fact",
        Kind::Event => "event",
    };
    let (name, stream, id) =
        (short_type(&message.type_name), &message.stream, short_id(line.recorded));
    let later = message.time.since(begun).as_secs_f64();
    let mut text = escape(&format!("{kind} {name}  {stream}  {id}  +{later:.3}s"));
    if message.priority != Priority::NORMAL {
        text.push_str(&format!("  {}", message.priority));
    }
    if !line.handlers.is_empty() {
        let handlers: Vec<_> = line.handlers.iter().map(handler).collect();
        text.push_str(&escape(&format!("  → {}", handlers.join(", "))));
    }
    format!("{}{text}", line.prefix)
}

fn handler(handling: &Handling) -> String {
    match handling.state {
        HandlingState::Done => handling.handler.clone(),
        state => format!("{} ({})", handling.handler, state.as_str()),
    }
}

/// The JSON of a chain.
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
    pub(super) fn new(lines: &'a [TraceLine<'a>], data: bool) -> Self {
        let link = |line: &'a TraceLine<'a>| Link {
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
