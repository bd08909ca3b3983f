//! How long production waits, and how far the bulk work is.

use maud::{Markup, html};
use protean_engine::{ServerPage, Trend, grouped, or_unknown};
use protean_port::message::Lane;

use super::columns::Column::{Number, Text};
use super::columns::head;
use crate::chart::{Level, Line, chart};
use crate::snapshot::{HandlerRow, LaneRow, Snapshot};
use crate::text::{UNKNOWN, milliseconds, per_second, running};

/// The page at the moment of a snapshot.
pub(crate) fn live(snapshot: &Snapshot) -> Markup {
    html! {
        div.snapshot data-snapshot=(snapshot.number) data-taken=(snapshot.taken) {
            (missing(snapshot))
            (production(snapshot))
            (backfill(snapshot))
            (servers(snapshot))
        }
    }
}

/// What cannot be seen at the moment.
pub(crate) fn missing(snapshot: &Snapshot) -> Markup {
    html! {
        @if snapshot.handlers.is_none() {
            p.notice data-missing="database" { "The database does not answer." }
        }
        @if snapshot.servers.is_empty() {
            p.notice data-missing="server" {
                "No server of this domain answers at " code { (snapshot.url) }
                ": latency, rates and breakers are unknown, and what waits stays in the log."
            }
        }
    }
}

/// A figure with its name and what it is compared with.
fn figure(metric: &str, name: &str, value: &str, raw: Option<f64>, note: Markup) -> Markup {
    html! {
        div.figure {
            dt { (name) }
            dd {
                span.value data-metric=(metric) data-value=[raw] { (value) }
                span.note { (note) }
            }
        }
    }
}

fn production(snapshot: &Snapshot) -> Markup {
    let measured = snapshot.production();
    let (p50, p99) = (measured.and_then(|of| of.p50_ms), measured.and_then(|of| of.p99_ms));
    let idle = measured.map(|of| &of.idle);
    let (idle_p50, idle_p99) = (idle.and_then(|of| of.p50_ms), idle.and_then(|of| of.p99_ms));
    let lag = snapshot.lag(Lane::Primary);
    let lines = [
        Line { class: "p99", name: "p99", value: |point| point.p99 },
        Line { class: "p50", name: "p50", value: |point| point.p50 },
    ];
    let levels = [
        Level { class: "idle", name: "p99 when idle", value: idle_p99 },
        Level { class: "target", name: "target", value: snapshot.target_ms },
    ];
    html! {
        section aria-labelledby="production" {
            h2 #production { "Production" }
            dl.figures {
                (figure("production-p99", "p99", &milliseconds(p99), p99, html! {
                    span data-metric="idle-p99" data-value=[idle_p99] { (milliseconds(idle_p99)) }
                    " when idle"
                }))
                (figure("production-p50", "p50", &milliseconds(p50), p50, html! {
                    span data-metric="idle-p50" data-value=[idle_p50] { (milliseconds(idle_p50)) }
                    " when idle"
                }))
                (figure("production-lag", "Waiting", &or_unknown(lag, grouped), lag.map(float), html! {
                    "messages, in all handlers"
                }))
                (figure("production-rate", "Handled",
                    &per_second(snapshot.rate(Lane::Primary)), snapshot.rate(Lane::Primary),
                    html! { "messages, in all handlers" }))
            }
            (chart("production-chart", " ms", &snapshot.points, &lines, &levels))
            p.bound data-metric="bound" { (snapshot.bound) }
            p.hint {
                "Latency: from the creation of a message until its handler's work is durable, over "
                "at most the last thousand messages of the last minute. Idle: the last 200 "
                "messages handled while no bulk work was running."
            }
        }
    }
}

fn backfill(snapshot: &Snapshot) -> Markup {
    if snapshot.lanes(Lane::Backfill).next().is_none() {
        return html! {
            section aria-labelledby="backfill" {
                h2 #backfill { "Backfill" }
                p.hint data-lanes="off" {
                    "Priority lanes are off: bulk work and production wait for each other."
                }
            }
        };
    }
    let (rate, backlog) = (snapshot.rate(Lane::Backfill), snapshot.lag(Lane::Backfill));
    let rates = [Line { class: "rate", name: "messages a second", value: |point| point.bulk_rate }];
    let backlogs =
        [Line { class: "backlog", name: "messages waiting", value: |point| point.backlog }];
    html! {
        section aria-labelledby="backfill" {
            h2 #backfill { "Backfill" }
            dl.figures {
                (figure("bulk-rate", "Handled", &per_second(rate), rate, html! {
                    "messages, in all handlers"
                }))
                (figure("backlog", "Waiting", &or_unknown(backlog, grouped), backlog.map(float), html! {
                    "messages, in all handlers"
                }))
                (figure("eta", "Empty in", &eta(snapshot), None, html! { "at the present rate" }))
                (pace(snapshot))
            }
            div.charts {
                (chart("rate-chart", "/s", &snapshot.points, &rates, &[]))
                (chart("backlog-chart", "", &snapshot.points, &backlogs, &[]))
            }
            (by_handler(snapshot))
        }
    }
}

/// How long until nothing waits, if all handlers together go on like this.
fn eta(snapshot: &Snapshot) -> String {
    let trends = || snapshot.lanes(Lane::Backfill).map(|(_, lane)| lane.rate.trend);
    let all = Trend {
        lag: snapshot.lag(Lane::Backfill),
        drained_per_second: trends().map(|trend| trend.drained_per_second).sum(),
    };
    all.column()
}

/// The slowest pace of all servers, and its reason.
fn pace(snapshot: &Snapshot) -> Markup {
    let paces = snapshot.servers.iter().map(|server| &server.report.backfill);
    let slowest = paces.min_by(|a, b| a.speed.total_cmp(&b.speed));
    match slowest {
        None => figure("pace", "Pace", UNKNOWN, None, html! { "no server reports it" }),
        Some(pace) => figure(
            "pace",
            "Pace",
            &percent(pace.speed),
            Some(pace.speed),
            html! {
                span data-metric="pace-reason" data-value=(pace.reason) { (pace.because) }
            },
        ),
    }
}

fn percent(share: f64) -> String {
    format!("{:.0} %", share * 100.0)
}

fn by_handler(snapshot: &Snapshot) -> Markup {
    html! {
        table.stacked {
            caption { "Backfill by handler" }
            (head(&[
                Text("Handler"), Number("Handled"), Number("Waiting"), Number("Oldest"),
                Number("Empty in"),
            ]))
            tbody {
                @for (handler, lane) in snapshot.lanes(Lane::Backfill) { (backfill_row(handler, lane)) }
            }
        }
    }
}

fn backfill_row(handler: &HandlerRow, lane: &LaneRow) -> Markup {
    let LaneRow { status, rate, .. } = lane;
    html! {
        tr data-backfill=(handler.handler) data-group=(handler.group) {
            th scope="row" { (handler.handler) " " span.kind { (handler.kind) } }
            td.number data-label="Handled" { (per_second(rate.handled)) }
            td.number data-label="Waiting" data-value=[status.lag] { (or_unknown(status.lag, grouped)) }
            td.number data-label="Oldest" { (status.waited()) }
            td.number data-label="Empty in" { (rate.trend.column()) }
        }
    }
}

fn servers(snapshot: &Snapshot) -> Markup {
    html! {
        @if !snapshot.servers.is_empty() {
            section aria-labelledby="servers" {
                h2 #servers { "Servers" }
                table.stacked {
                    (head(&[
                        Text("Process"), Number("Up"), Number("p50"), Number("p99"),
                        Number("Pace"), Text("Because"),
                    ]))
                    tbody { @for server in &snapshot.servers { (server_row(server)) } }
                }
            }
        }
    }
}

fn server_row(ServerPage { process, report }: &ServerPage) -> Markup {
    let production = report.production.as_ref();
    html! {
        tr data-server=(process.address) data-pid=(process.pid) {
            th scope="row" {
                (process.address) " " span.kind { "process " (process.pid) }
                @if report.stopping { " " span.mark { "stopping" } }
            }
            td.number data-label="Up" { (running(report.uptime_seconds)) }
            td.number data-label="p50" { (milliseconds(production.and_then(|of| of.p50_ms))) }
            td.number data-label="p99" { (milliseconds(production.and_then(|of| of.p99_ms))) }
            td.number data-label="Pace" { (percent(report.backfill.speed)) }
            td data-label="Because" { (report.backfill.because) }
        }
    }
}

fn float(number: u64) -> f64 {
    number as f64
}
