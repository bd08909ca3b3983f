//! Replaying dead letters: a preview with the count first, then the replay itself.

use maud::{Markup, html};
use protean_core::domain::Operator;
use protean_engine::DeadLetters;
use protean_port::Result;

use super::dead_letters::Meant;
use crate::query::Query;
use crate::text::counted;
use crate::visit::{LOGIN, Page, Visit};

const PATH: &str = "dead-letters/replay";

/// How many dead letters a handler would handle again.
struct Preview {
    handler: String,
    count: u64,
}

/// What would be replayed, and the button that does it.
///
/// # Errors
/// When the store cannot be read.
pub(crate) async fn preview(visit: &Visit<'_>) -> Result<Option<Page>> {
    let Some(meant) = Meant::read(visit, &visit.query) else { return Ok(None) };
    let mut previews = Vec::new();
    for group in meant.groups(visit) {
        let letters = DeadLetters::of(visit.domain(), &group).await?;
        let count = letters.count(&meant.filter).await?;
        if count > 0 {
            previews.push(Preview { handler: group.handler.clone(), count });
        }
    }
    let total: u64 = previews.iter().map(|of| of.count).sum();
    let content = html! {
        p.question data-preview=(total) {
            strong { (counted(total, "message", "messages")) }
            " would be handled again, each with a fresh count of attempts."
        }
        @if !previews.is_empty() {
            ul.previews {
                @for of in &previews {
                    li data-handler=(of.handler) data-count=(of.count) {
                        (of.handler) ": " (counted(of.count, "message", "messages"))
                    }
                }
            }
        }
        (conditions(&meant))
        (decision(visit, &meant, total))
    };
    Ok(Some(Page { title: "Replay dead letters", content }))
}

fn conditions(meant: &Meant) -> Markup {
    html! {
        dl.facts {
            @if let Some(name) = &meant.filter.type_name { dt { "Type" } dd { (name) } }
            @if let Some(reason) = &meant.filter.reason { dt { "Reason" } dd { (reason) } }
            @if let Some(position) = meant.filter.position { dt { "Position" } dd { (position) } }
        }
    }
}

/// The form that starts the replay, shown to operators only.
fn decision(visit: &Visit<'_>, meant: &Meant, total: u64) -> Markup {
    let fields = meant.fields();
    html! {
        @if visit.operator.is_none() {
            p.notice data-refused {
                "Replaying requires an operator's token. "
                @if visit.is_login_ours { a href=(visit.address(LOGIN)) { "Log in" } }
            }
        } @else if total > 0 {
            form.decision method="post" action=(visit.address(PATH)) data-action="replay" {
                @for (name, value) in &fields {
                    @if let Some(value) = value { input type="hidden" name=(name) value=(value); }
                }
                button type="submit" { "Replay " (counted(total, "message", "messages")) }
                a href=(visit.address("dead-letters")) { "Cancel" }
            }
        }
    }
}

/// Replays the dead letters that the form selects, and returns the address to redirect to.
///
/// # Errors
/// When the store cannot be read or written; what was replayed by then is.
pub(crate) async fn carry_out(
    visit: &Visit<'_>,
    form: &Query,
    operator: &Operator,
) -> Result<String> {
    let mut replayed = 0;
    if let Some(meant) = Meant::read(visit, form) {
        for group in meant.groups(visit) {
            let letters = DeadLetters::of(visit.domain(), &group).await?.by(operator.clone());
            replayed += letters.replay_matching(&meant.filter).await?;
        }
    }
    Ok(visit.address_with("dead-letters", &[("replayed", Some(&replayed.to_string()))]))
}
