//! What was given up, by reason and handler.

use std::sync::Arc;

use maud::{Markup, html};
use protean_core::domain::Group;
use protean_engine::{
    DeadLetterFilter, DeadLetterReason, DeadLetters, dead_letter_reasons, grouped, shared_reason,
};
use protean_port::Result;
use protean_port::message::Timestamp;
use protean_port::port::DeadLetter;

use super::columns::Column::{Number, Text, Unseen};
use super::columns::head;
use super::meant::Meant;
use super::repair;
use crate::text::{ago, counted};
use crate::visit::{Page, Visit};

/// How many dead letters a page lists.
const PAGE_LETTERS: usize = 50;
/// How many are read at once while looking for those that match a filter.
const READ_LETTERS: usize = 500;

/// All dead letters, counted by reason.
///
/// # Errors
/// When the store cannot be read.
pub(crate) async fn overview(visit: &Visit<'_>) -> Result<Option<Page>> {
    let reasons = dead_letter_reasons(visit.domain(), visit.domain().groups()).await?;
    let total: u64 = reasons.iter().map(|reason| reason.count).sum();
    let now = visit.domain().clock().now();
    let all = Meant { group: None, filter: DeadLetterFilter::default() };
    let content = html! {
        @if let Some(replayed) = visit.query.get("replayed").and_then(|text| text.parse().ok()) {
            p.done role="status" data-replayed=(replayed) {
                (counted(replayed, "message", "messages")) " will be handled again; a running server "
                "begins within a second."
            }
        }
        @if let Some(purged) = visit.query.get("purged").and_then(|text| text.parse().ok()) {
            p.done role="status" data-purged=(purged) {
                (counted(purged, "message", "messages")) " will never be handled; messages that waited "
                "behind them run now."
            }
        }
        @if reasons.is_empty() {
            p.empty data-total="0" { "There are no dead letters." }
        } @else {
            div.actions {
                p { strong data-total=(total) { (counted(total, "dead letter", "dead letters")) } }
                (repair::links(visit, &all, " all", "all"))
            }
            (table(visit, &reasons, now))
            p.hint {
                "Reasons that differ only in numbers, ids or quoted values are counted together, with … in "
                "place of those parts."
            }
        }
    };
    Ok(Some(Page { title: "Dead letters", content }))
}

fn table(visit: &Visit<'_>, reasons: &[DeadLetterReason], now: Timestamp) -> Markup {
    html! {
        table.stacked {
            (head(&[
                Text("Reason"), Text("Handler"), Text("Type"), Number("Messages"),
                Number("First"), Number("Last"), Unseen("Action"),
            ]))
            tbody { @for reason in reasons { (row(visit, reason, now)) } }
        }
    }
}

fn row(visit: &Visit<'_>, of: &DeadLetterReason, now: Timestamp) -> Markup {
    // The row of the reasons beyond the limit has no type, and no filter selects just those.
    let is_one_kind = !of.type_name.is_empty();
    let filter = DeadLetterFilter {
        type_name: Some(of.type_name.clone()),
        reason: Some(of.reason.clone()),
        ..DeadLetterFilter::default()
    };
    let meant = Meant { group: Some(Arc::clone(&of.group)), filter };
    html! {
        tr data-reason=(of.reason) data-group=(of.group.claim()) data-count=(of.count) {
            th scope="row" {
                @if is_one_kind {
                    a href=(meant.address(visit, "dead-letters/list")) { (of.reason) }
                } @else {
                    (of.reason)
                }
            }
            td data-label="Handler" { (of.group.handler) }
            td data-label="Type" { (of.type_name) }
            td.number data-label="Messages" data-value=(of.count) { (grouped(of.count)) }
            td.number data-label="First" { (ago(now, of.first)) }
            td.number data-label="Last" { (ago(now, of.last)) }
            td.action {
                @if is_one_kind {
                    (repair::links(visit, &meant, "", "group"))
                }
            }
        }
    }
}

/// The dead letters of one group, those of one reason or all.
///
/// # Errors
/// When the store cannot be read.
pub(crate) async fn list(visit: &Visit<'_>) -> Result<Option<Page>> {
    let Some(meant) = Meant::read(visit, &visit.query) else { return Ok(None) };
    let Some(group) = &meant.group else { return Ok(None) };
    let after = visit.query.get("after").and_then(|after| after.parse().ok()).unwrap_or(0);
    let (letters, next) = letters(visit, group, &meant.filter, after).await?;
    let next = next.map(|next| {
        let address = meant.address(visit, "dead-letters/list");
        format!("{address}&after={next}")
    });
    let content = html! {
        div.actions {
            p {
                (group.handler)
                @if let Some(name) = &meant.filter.type_name { " · " (name) }
                @if let Some(reason) = &meant.filter.reason { " · " (reason) }
            }
            (repair::links(visit, &meant, " these", "group"))
        }
        @if letters.is_empty() {
            p.empty { "None of these messages is a dead letter any more." }
        } @else {
            (letters_table(visit, group, &letters))
            @if let Some(next) = next { p { a href=(next) rel="next" { "Next page" } } }
        }
    };
    Ok(Some(Page { title: "Dead letters", content }))
}

/// The letters of a page that a filter means, and the position after which the next page begins.
async fn letters(
    visit: &Visit<'_>,
    group: &Group,
    filter: &DeadLetterFilter,
    mut after: u64,
) -> Result<(Vec<DeadLetter>, Option<u64>)> {
    let dead_letters = DeadLetters::of(visit.domain(), group).await?;
    let mut found = Vec::new();
    loop {
        let page = dead_letters.page(after, READ_LETTERS).await?;
        let Some(last) = page.last() else { return Ok((found, None)) };
        after = last.recorded.position;
        for letter in page.into_iter().filter(|letter| filter.matches(letter)) {
            if found.len() == PAGE_LETTERS {
                let last = found.last().map(|last: &DeadLetter| last.recorded.position);
                return Ok((found, last));
            }
            found.push(letter);
        }
    }
}

fn letters_table(visit: &Visit<'_>, group: &Arc<Group>, letters: &[DeadLetter]) -> Markup {
    let now = visit.domain().clock().now();
    let meant = |letter: &DeadLetter| Meant {
        group: Some(Arc::clone(group)),
        filter: DeadLetterFilter::at(letter.recorded.position),
    };
    html! {
        table.stacked {
            (head(&[
                Text("Message"), Text("Stream"), Text("Reason"), Number("Attempts"),
                Number("Given up"),
            ]))
            tbody {
                @for letter in letters {
                    @let message = &letter.recorded.message;
                    tr data-position=(letter.recorded.position) {
                        th scope="row" {
                            a href=(meant(letter).address(visit, "dead-letters/letter")) {
                                (message.name()) " " span.kind { "at " (letter.recorded.position) }
                            }
                        }
                        td data-label="Stream" { code { (message.stream) } }
                        td data-label="Reason" { (shared_reason(&letter.reason)) }
                        td.number data-label="Attempts" { (letter.attempts) }
                        td.number data-label="Given up" { (ago(now, letter.time)) }
                    }
                }
            }
        }
    }
}
