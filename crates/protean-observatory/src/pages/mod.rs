//! The pages, one file each.
//!
//! ```text
//! GET  lanes handlers          live: the same markup comes again with each snapshot
//! GET  dead-letters …          what the database holds when it is visited
//! POST dead-letters/replay …   what changes something
//! ```

mod account;
mod brokers;
mod columns;
mod dead_letters;
mod handlers;
mod lanes;
mod layout;
mod letter;
mod meant;
mod moment;
mod operations;
mod processes;
mod repair;
mod reveal;
mod session;
mod streams;
mod trace;

use std::sync::OnceLock;

use hyper::StatusCode;
use hyper::body::Bytes;
use maud::{Markup, html};
use protean_core::domain::Operator;
use protean_port::Result;
use tracing::warn;

use crate::access::Refusal;
use crate::query::Query;
use crate::response::{self, Answer};
use crate::snapshot::Snapshot;
use crate::visit::{LOGIN, LOGOUT, Page, STREAM, Visit};

use repair::Repair;
pub(crate) use session::{log_in, login};

/// A page that follows the system.
struct Live {
    path: &'static str,
    /// What it shows of a snapshot.
    markup: fn(&Snapshot) -> Markup,
    /// Where a snapshot keeps this as an event, rendered once for all viewers.
    kept: fn(&Snapshot) -> &OnceLock<Bytes>,
}

const LIVE: [Live; 2] = [
    Live { path: "lanes", markup: lanes::live, kept: |of| &of.lanes_page },
    Live { path: "handlers", markup: handlers::live, kept: |of| &of.handlers_page },
];

impl Live {
    fn at(path: &str) -> Option<&'static Self> {
        const { &LIVE }.iter().find(|live| live.path == path)
    }

    fn event(&self, snapshot: &Snapshot) -> Bytes {
        (self.kept)(snapshot).get_or_init(|| response::event((self.markup)(snapshot))).clone()
    }
}

/// A file that the pages need, served without access checks.
pub(crate) fn asset(path: &str) -> Option<Answer> {
    Some(match path {
        "assets/observatory.css" => {
            response::asset("text/css; charset=utf-8", include_str!("../../assets/observatory.css"))
        }
        "assets/observatory.js" => {
            let script = include_str!("../../assets/observatory.js");
            response::asset("text/javascript; charset=utf-8", script)
        }
        "assets/observatory.svg" => {
            response::asset("image/svg+xml", include_str!("../../assets/observatory.svg"))
        }
        _ => return None,
    })
}

/// Answers a visit that may read.
pub(crate) async fn read(visit: &Visit<'_>) -> Answer {
    if let Some(live) = Live::at(visit.path) {
        return live_page(visit, live).await;
    }
    let page = match visit.path {
        "" => return response::see_other(&visit.address("lanes")),
        STREAM => return stream(visit),
        LOGIN => return login(visit),
        "dead-letters" => dead_letters::overview(visit).await,
        "dead-letters/list" => dead_letters::list(visit).await,
        "dead-letters/letter" => letter::page(visit).await,
        "dead-letters/replay" => repair::preview(visit, Repair::Replay).await,
        "dead-letters/purge" => repair::preview(visit, Repair::Purge).await,
        "trace" => trace::page(visit).await,
        "streams" => streams::page(visit).await,
        "processes" => processes::page(visit).await,
        "brokers" => brokers::page(visit).await,
        "account" => account::page(visit).await,
        "operations" => operations::page(visit).await,
        _ => Ok(None),
    };
    shown(visit, page)
}

/// Carries out what an operator asks for.
pub(crate) async fn change(visit: &Visit<'_>, form: &Query, operator: &Operator) -> Answer {
    let repair = match visit.path {
        "dead-letters/replay" => Repair::Replay,
        "dead-letters/purge" => Repair::Purge,
        LOGOUT => return session::log_out(visit),
        _ => return not_found(visit),
    };
    match repair::carry_out(visit, repair, form, operator).await {
        Ok(Some(place)) => response::see_other(&place),
        Ok(None) => not_found(visit),
        Err(error) => shown(visit, Err(error)),
    }
}

/// Why a request is refused.
pub(crate) fn refused(visit: &Visit<'_>, refusal: Refusal) -> Answer {
    match refusal {
        // The answer to a stranger reveals nothing about the domain.
        Refusal::NoHost | Refusal::ForeignHost => {
            response::text(refusal.status(), format!("{}\n", refusal.text()))
        }
        _ => {
            let content = html! {
                p.notice data-refused { (refusal.text()) }
                @if refusal == Refusal::NoToken && visit.is_login_ours {
                    p { a.button href=(visit.address(LOGIN)) { "Log in" } }
                }
            };
            response::page(refusal.status(), layout::page(visit, "Not allowed", content))
        }
    }
}

fn shown(visit: &Visit<'_>, page: Result<Option<Page>>) -> Answer {
    match page {
        Ok(Some(Page { title, content })) => {
            response::page(StatusCode::OK, layout::page(visit, title, content))
        }
        Ok(None) => not_found(visit),
        Err(error) => {
            warn!(path = visit.path, error = format_args!("{error:#}"), "observatory: page failed");
            let content = html! {
                p.notice data-error {
                    "The database did not answer. See the log of this process for the reason."
                }
            };
            let page = layout::page(visit, "Not available", content);
            response::page(StatusCode::SERVICE_UNAVAILABLE, page)
        }
    }
}

fn not_found(visit: &Visit<'_>) -> Answer {
    let content = html! { p.notice { "This page does not exist, or what it showed is gone." } };
    response::page(StatusCode::NOT_FOUND, layout::page(visit, "Not found", content))
}

async fn live_page(visit: &Visit<'_>, Live { path, markup, .. }: &Live) -> Answer {
    let title = layout::title(path);
    let stream = visit.address_with(STREAM, &[("page", Some(path))]);
    let snapshot = visit.shared.feed.current().await;
    let content = html! {
        div #live data-stream=(stream) {
            @match snapshot {
                Some(snapshot) => (markup(&snapshot)),
                None => p.notice { "Waiting for the database." },
            }
        }
    };
    response::page(StatusCode::OK, layout::page(visit, title, content))
}

fn stream(visit: &Visit<'_>) -> Answer {
    let page = visit.query.get("page").unwrap_or_default();
    let Some(live) = Live::at(page) else {
        return response::text(StatusCode::NOT_FOUND, "There is no such page.\n");
    };
    match visit.shared.feed.view() {
        Some(viewer) => response::events(viewer, |snapshot| live.event(snapshot)),
        None => response::text(StatusCode::SERVICE_UNAVAILABLE, "There are too many viewers.\n"),
    }
}
