//! What caused what: the messages of a correlation id as a tree.

use std::time::Duration;

use maud::{Markup, html};
use protean_core::domain::{CausationNode, Handling, HandlingState, Trace};
use protean_port::Result;
use protean_port::message::{Kind, Priority, Recorded, Timestamp};

use crate::text::counted;
use crate::visit::{Page, Visit};

/// How many messages are drawn.
const MAX_MESSAGES: usize = 300;
/// Deeper messages are drawn at this depth, with their own as a number.
const MAX_DEPTH: usize = 12;

/// One message of the tree, with its handlers.
struct Line {
    depth: usize,
    recorded: Recorded,
    handlers: Vec<Handling>,
}

/// The tree of a correlation id, or of the message with this id.
///
/// # Errors
/// When the store cannot be read.
pub(crate) async fn page(visit: &Visit<'_>) -> Result<Option<Page>> {
    let id = visit.query.get("id").map(str::trim);
    let (lines, is_cut) = match id {
        Some(id) => lines(visit, id).await?,
        None => (Vec::new(), false),
    };
    let content = html! {
        form.search method="get" action=(visit.address("trace")) role="search" {
            label for="id" { "Correlation id, or the id of a message" }
            input #id type="search" name="id" value=[id] required autocomplete="off" spellcheck="false";
            button type="submit" { "Show" }
        }
        @match (id, lines.is_empty()) {
            (None, _) => p.hint { "Dead letters and streams also link here." },
            (Some(id), true) => p.empty {
                "No message has the id or correlation id " code { (id) } "."
            },
            (Some(_), false) => (tree(visit, &lines, is_cut)),
        }
    };
    Ok(Some(Page { title: "Trace", content }))
}

async fn lines(visit: &Visit<'_>, id: &str) -> Result<(Vec<Line>, bool)> {
    let trace = Trace::of(visit.domain());
    let mut chain = trace.chain(id, MAX_MESSAGES + 1).await?;
    let is_cut = chain.len() > MAX_MESSAGES;
    chain.truncate(MAX_MESSAGES);
    let forest = CausationNode::forest(chain);
    let (depths, recorded): (Vec<usize>, Vec<&Recorded>) = forest
        .iter()
        .flat_map(CausationNode::walk)
        .map(|(depth, node)| (depth, &node.recorded))
        .unzip();
    let handlers = trace.handlers_of(&recorded).await?;
    let lines = depths.into_iter().zip(recorded).zip(handlers);
    let line = |((depth, recorded), handlers): ((usize, &Recorded), _)| Line {
        depth,
        recorded: recorded.clone(),
        handlers,
    };
    Ok((lines.map(line).collect(), is_cut))
}

fn tree(visit: &Visit<'_>, lines: &[Line], is_cut: bool) -> Markup {
    let times = || lines.iter().map(|line| line.recorded.message.time);
    let begun = times().min().unwrap_or_default();
    let span = times().max().unwrap_or_default().since(begun);
    let correlation = lines.first().map_or("", |line| &*line.recorded.message.correlation_id);
    let count = lines.len() as u64;
    html! {
        dl.facts {
            dt { "Correlation" } dd { code data-correlation=(correlation) { (correlation) } }
            dt { "Begun" } dd { time datetime=(begun) { (begun) } }
            dt { "Messages" } dd {
                (counted(count, "message", "messages")) " within " (format!("{:.3} s", span.as_secs_f64()))
                @if is_cut { "; more are not shown" }
            }
        }
        ol.trace {
            @for line in lines { (message(visit, line, begun, span)) }
        }
        p.hint {
            "Each message is shown below its cause. The bar shows when it was created, between the "
            "first message and the last."
        }
    }
}

fn message(visit: &Visit<'_>, line: &Line, begun: Timestamp, span: Duration) -> Markup {
    let Line { depth, recorded, handlers } = line;
    let message = &recorded.message;
    let later = message.time.since(begun);
    let kind = match message.kind {
        Kind::Command => "command",
        Kind::Event => "event",
    };
    html! {
        li.{ "d" (depth.min(&MAX_DEPTH)) } data-message-id=(message.id) data-depth=(depth)
            data-kind=(kind) {
            div.message {
                @if *depth > MAX_DEPTH { span.kind { "depth " (depth) " " } }
                span.badge.(kind) { (kind) }
                " " strong { (message.name()) } " "
                code { (message.stream) }
                @if message.priority != Priority::NORMAL { " " span.mark { (message.priority) } }
            }
            div.when {
                (bar(later, span))
                span.number { "+" (format!("{:.3} s", later.as_secs_f64())) }
            }
            @if !handlers.is_empty() {
                ul.handlings { @for handling in handlers { (handled(visit, handling)) } }
            }
        }
    }
}

/// When a message was created, between the first and the last.
fn bar(later: Duration, span: Duration) -> Markup {
    let share = if span.is_zero() { 0.0 } else { later.as_secs_f64() / span.as_secs_f64() };
    html! {
        svg.moments viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true" {
            line.grid x1="0" x2="100" y1="3" y2="3" {}
            rect.moment x=(format!("{:.2}", share * 98.0)) y="0" width="2" height="6" {}
        }
    }
}

fn handled(visit: &Visit<'_>, handling: &Handling) -> Markup {
    let (sign, class) = match handling.state {
        HandlingState::Done => ("✓", "good"),
        HandlingState::Waiting => ("◷", "warn"),
        HandlingState::Held => ("✕", "bad"),
    };
    html! {
        li.state.(class) data-handler=(handling.handler) data-state=(handling.state.as_str()) {
            span.sign aria-hidden="true" { (sign) } " "
            (handling.handler)
            @if handling.state != HandlingState::Done {
                " " a href=(visit.address("dead-letters")) { (handling.state.as_str()) }
            }
        }
    }
}
