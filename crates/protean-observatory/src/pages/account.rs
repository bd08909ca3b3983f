//! The account: what happened to every committed message, term by term.

use super::columns::Column::{Number, Text};
use super::columns::head;
use crate::visit::{Page, Visit};
use maud::{Markup, html};
use protean_engine::{Account, Report, accounts, grouped, verify};
use protean_port::Result;

/// The account of each group; with `log`, the whole report, which counts the log.
///
/// # Errors
/// When the store cannot be read.
pub(crate) async fn page(visit: &Visit<'_>) -> Result<Option<Page>> {
    let content = if visit.query.get("log").is_some() {
        let report = verify(visit.domain()).await?;
        html! { (verdict(&report)) (table(&report.groups)) (further(&report)) }
    } else {
        let groups = accounts(visit.domain()).await?;
        let closes = groups.iter().all(|group| group.closes);
        html! {
            div.actions {
                p { (sum(closes)) }
                a.button href=(visit.address_with("account", &[("log", Some("1"))])) rel="nofollow"
                    data-action="verify" { "Count the log as well" }
            }
            (table(&groups))
        }
    };
    let content = html! {
        (content)
        p.hint {
            "committed = handled + ignored + expired + purged + parked + dead + on the way. All but the "
            "last are written by the transactions that settle messages."
        }
    };
    Ok(Some(Page { title: "Account", content }))
}

fn sum(closes: bool) -> Markup {
    match closes {
        true => html! {
            span.state.good data-closes="true" { span.sign aria-hidden="true" { "✓" } " Every account adds up." }
        },
        false => html! {
            span.state.bad data-closes="false" {
                span.sign aria-hidden="true" { "✕" } " An account does not add up."
            }
        },
    }
}

fn table(groups: &[Account]) -> Markup {
    html! {
        table.stacked.account {
            (head(&[
                Text("Handler"), Number("Committed"), Number("Handled"), Number("Ignored"),
                Number("Expired"), Number("Purged"), Number("Parked"), Number("Dead"),
                Number("On the way"), Text("Adds up"),
            ]))
            tbody { @for group in groups { (row(group)) } }
        }
    }
}

fn row(of: &Account) -> Markup {
    let terms = [
        ("Committed", of.committed),
        ("Handled", of.handled),
        ("Ignored", of.ignored),
        ("Expired", of.expired),
        ("Purged", of.purged),
        ("Parked", of.parked),
        ("Dead", of.dead),
        ("On the way", of.on_the_way),
    ];
    html! {
        tr data-account=(of.group) data-category=(of.category) {
            th scope="row" { (of.handler) " " span.kind { (of.category) } }
            @for (name, count) in terms {
                td.number data-label=(name) data-term=(name) data-value=(count) { (grouped(count)) }
            }
            td data-label="Adds up" data-value=(of.closes) {
                @if of.closes { span.state.good { "✓ yes" } } @else { span.state.bad { "✕ no" } }
            }
        }
    }
}

fn verdict(report: &Report) -> Markup {
    html! {
        div.actions data-verified=(report.closes) {
            p {
                @if report.closes {
                    span.state.good { span.sign aria-hidden="true" { "✓" } " Everything adds up" }
                } @else {
                    span.state.bad { span.sign aria-hidden="true" { "✕" } " Something does not add up" }
                }
                @if report.at_rest { ", at rest." } @else { ", in motion." }
            }
        }
    }
}

/// The findings of the report beyond the groups.
fn further(report: &Report) -> Markup {
    html! {
        @for group in &report.vanished { p.notice { (group) } }
        @if !report.broken_streams.is_empty() {
            p.notice { "Streams with gaps: " (report.broken_streams.join(", ")) }
        }
        @if !report.miscounted_categories.is_empty() {
            p.notice { "Miscounted categories: " (report.miscounted_categories.join(", ")) }
        }
        section aria-labelledby="schedule" {
            h2 #schedule { "Schedule" }
            dl.facts {
                dt { "Scheduled" } dd { (grouped(report.schedule.scheduled)) }
                dt { "Replaced" } dd { (grouped(report.schedule.replaced)) }
                dt { "Moved into the log" } dd { (grouped(report.schedule.moved)) }
                dt { "Cancelled" } dd { (grouped(report.schedule.cancelled)) }
                dt { "Waiting" } dd { (grouped(report.schedule.waiting)) }
            }
        }
    }
}
