//! What each handler does, lane by lane.

use maud::{Markup, html};
use protean_engine::{Health, grouped, or_unknown};

use super::columns::Column::{Number, Text};
use super::columns::head;
use super::lanes::missing;
use crate::snapshot::{HandlerRow, LaneRow, Snapshot};
use crate::text::{UNKNOWN, milliseconds, per_second};

/// The page at the moment of a snapshot.
pub(crate) fn live(snapshot: &Snapshot) -> Markup {
    let rows = snapshot.handlers.iter().flatten();
    html! {
        div.snapshot data-snapshot=(snapshot.number) data-taken=(snapshot.taken) {
            (missing(snapshot))
            table.stacked.handlers {
                (head(&[
                    Text("Handler and lane"), Text("Status"), Number("Lag"), Number("Oldest"),
                    Number("Parked"), Number("Dead"), Number("Handled"), Number("Failed"),
                    Number("A run"), Text("Breaker"), Text("Read by"),
                ]))
                @for handler in rows {
                    tbody data-group=(handler.group) data-category=(handler.category) {
                        @for (index, lane) in handler.lanes.iter().enumerate() {
                            (row(handler, lane, index == 0))
                        }
                    }
                }
            }
            p.hint {
                "Lag: messages committed but not settled. Parked: messages waiting for a retry, or "
                "behind one that is. Handled, failed and a run: by the servers on this machine, "
                "over the last ten seconds."
            }
        }
    }
}

fn row(handler: &HandlerRow, lane: &LaneRow, is_first: bool) -> Markup {
    let LaneRow { status, rate, breaker_open } = lane;
    html! {
        tr data-handler=(handler.handler) data-lane=(status.lane) {
            th scope="row" {
                span.name { (handler.handler) }
                span.lane { (status.lane) }
                @if is_first {
                    span.kind {
                        (handler.kind) " · " (handler.source)
                        @if let Some(ignored @ 1..) = handler.ignored {
                            " · " span data-ignored=(ignored) { (grouped(ignored)) " ignored" }
                        }
                    }
                }
            }
            td data-label="Status" data-cell="status" { (health(status.health)) }
            td.number data-label="Lag" data-cell="lag" data-value=[status.lag] {
                (or_unknown(status.lag, grouped))
            }
            td.number data-label="Oldest" data-cell="oldest" data-value=[status.lag_seconds] {
                (status.waited())
            }
            td.number data-label="Parked" data-cell="parked" data-value=[status.parked] {
                (or_unknown(status.parked, grouped))
            }
            td.number data-label="Dead" data-cell="dead" data-value=[status.dead] {
                (dead(status.dead))
            }
            td.number data-label="Handled" data-cell="handled" { (per_second(rate.handled)) }
            td.number data-label="Failed" data-cell="failed" { (per_second(rate.failed)) }
            td.number data-label="A run" data-cell="run" { (run(rate.run_ms)) }
            td data-label="Breaker" data-cell="breaker" { (breaker(*breaker_open)) }
            td data-label="Read by" data-cell="holder" { (holders(handler)) }
        }
    }
}

fn health(health: Health) -> Markup {
    let (sign, class) = match health {
        Health::Ok => ("✓", "good"),
        Health::Lagging => ("▲", "warn"),
        Health::Unknown => ("?", "unknown"),
    };
    html! { span.state.(class) { span.sign aria-hidden="true" { (sign) } " " (health.as_str()) } }
}

fn dead(count: Option<u64>) -> Markup {
    match count {
        Some(0) | None => html! { (or_unknown(count, grouped)) },
        Some(dead) => html! { a.bad href="dead-letters" { (grouped(dead)) } },
    }
}

fn run(run_ms: Option<f64>) -> String {
    run_ms.map_or_else(|| "-".to_owned(), |ms| milliseconds(Some(ms)))
}

fn breaker(is_open: Option<bool>) -> Markup {
    match is_open {
        None => html! { (UNKNOWN) },
        Some(false) => html! { "closed" },
        Some(true) => html! {
            span.state.bad { span.sign aria-hidden="true" { "✕" } " open" }
        },
    }
}

fn holders(handler: &HandlerRow) -> Markup {
    html! {
        @if handler.holders.is_empty() { span.warn { "no server here" } }
        @for (index, holder) in handler.holders.iter().enumerate() {
            @if index > 0 { ", " }
            span title=(holder.address) { "process " (holder.pid) }
        }
        @if handler.standing_by > 0 { span.kind { " +" (handler.standing_by) " standing by" } }
    }
}
