//! One dead letter: where it comes from, why it was given up, and what it holds.

use maud::{Markup, html};
use protean_engine::{DeadLetters, shared_reason};
use protean_port::Result;
use protean_port::port::DeadLetter;

use super::meant::Meant;
use super::{repair, reveal};
use crate::mask::{MASK, Payload};
use crate::text::ago;
use crate::visit::{Page, Visit};

/// A dead letter with its payload masked, or revealed when the address says so.
///
/// # Errors
/// When the store cannot be read.
pub(crate) async fn page(visit: &Visit<'_>) -> Result<Option<Page>> {
    let Some(meant) = Meant::read(visit, &visit.query) else { return Ok(None) };
    let (Some(group), Some(position)) = (&meant.group, meant.filter.position) else {
        return Ok(None);
    };
    let found = DeadLetters::of(visit.domain(), group).await?.at(position).await?;
    let Some(letter) = found else { return Ok(None) };
    let is_revealed = reveal::is_revealed(visit);
    let data = &letter.recorded.message.data;
    let payload = if is_revealed { Payload::revealed(data) } else { Payload::masked(data) };
    let address = meant.address(visit, "dead-letters/letter");
    let content = html! {
        div.actions {
            p { strong { (letter.recorded.message.name()) } " · " (group.handler) }
            (repair::links(visit, &meant, "", "one"))
        }
        (facts(visit, &letter, is_revealed))
        section aria-labelledby="payload" {
            div.actions {
                h2 #payload { "Payload" }
                (reveal::button(visit, &address, "payload and reason"))
            }
            (shown(&payload))
        }
    };
    Ok(Some(Page { title: "Dead letter", content }))
}

fn facts(visit: &Visit<'_>, letter: &DeadLetter, is_revealed: bool) -> Markup {
    let recorded = &letter.recorded;
    let message = &recorded.message;
    let trace = visit.address_with("trace", &[("id", Some(&message.correlation_id))]);
    let reason = if is_revealed { letter.reason.clone() } else { shared_reason(&letter.reason) };
    let now = visit.domain().clock().now();
    html! {
        dl.facts {
            dt { "Reason" } dd data-fact="reason" { (reason) }
            dt { "Attempts" } dd data-fact="attempts" { (letter.attempts) }
            dt { "Given up" } dd { time datetime=(letter.time) { (ago(now, letter.time)) } }
            dt { "Created" } dd { time datetime=(message.time) { (message.time) } }
            dt { "Stream" } dd { code { (message.stream) } " at " (recorded.stream_position) }
            dt { "Position" } dd { (recorded.position) }
            dt { "Message" } dd { code data-fact="message-id" { (message.id) } }
            dt { "Caused by" } dd {
                @match &message.causation_id {
                    Some(cause) => code { (cause) },
                    None => "no other message",
                }
            }
            dt { "Correlation" } dd {
                a href=(trace) data-action="trace" { code { (message.correlation_id) } }
            }
            dt { "Priority" } dd {
                (message.priority) " · " (visit.domain().lanes().lane(message.priority))
            }
        }
    }
}

/// The data of a message.
pub(crate) fn shown(payload: &Payload) -> Markup {
    match payload {
        Payload::Fields(names) => html! {
            dl.payload data-payload="masked" {
                @for name in names { dt { (name) } dd { (MASK) } }
                @if names.is_empty() { dt { "no fields" } dd {} }
            }
        },
        Payload::Hidden => html! { p.payload data-payload="masked" { (MASK) } },
        Payload::Revealed(text) => html! {
            pre.payload data-payload="revealed" tabindex="0" { (text) }
        },
    }
}
