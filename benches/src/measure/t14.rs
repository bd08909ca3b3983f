//! T14: how soon a server is ready, and what it costs while nothing is to do.

use std::time::{Duration, Instant};

use protean::Priority;
use protean_cli::Result;
use rusqlite::Connection;

use crate::backlog;
use crate::child::Child;
use crate::place::{Place, Settings};
use crate::plan::Plan;
use crate::sheet::{At, Bound, Sheet, Target};

/// How long a server may settle before it is called idle.
const SETTLING: Duration = Duration::from_millis(500);
const GLANCE: Duration = Duration::from_micros(500);

pub(super) async fn run(plan: &Plan) -> Result<Sheet> {
    let mut sheet = Sheet::new("t14", "from the start of the process to 'ready', and at rest");
    let backlog = plan.backlog();
    let soon = Target::ours(Bound::AtMost(100.0));
    let empty = sheet.row("empty database", "ms", soon);
    let waiting = sheet.row(format!("{backlog} commands waiting"), "ms", soon);
    let first = sheet.row(format!("{backlog} waiting: one more message"), "ms", Target::NONE);
    let idle = sheet.row("processor of an idle server", "% of a core", idle_target());
    sheet.note("The limit is a process that opens the same file with rusqlite and reads a row.");
    let place = filled(backlog).await?;
    for _ in 0..plan.rounds() {
        let nothing = Place::new(Settings::default())?;
        start(&nothing, &mut sheet, empty).await?;
        start_limit(&nothing, &mut sheet, empty).await?;
        let server = start(&place, &mut sheet, waiting).await?;
        sheet.ours(first, first_handled(&place, server).await?);
        start_limit(&place, &mut sheet, waiting).await?;
        sheet.ours(idle, idle_share(&nothing, plan.size(10_000, 300)).await?);
    }
    Ok(sheet)
}

fn idle_target() -> Target {
    Target::ours(Bound::AtMost(1.0))
}

async fn filled(backlog: u64) -> Result<Place> {
    let place = Place::new(Settings::default())?;
    let domain = place.domain()?;
    backlog::fill(&domain, backlog, Priority::BULK).await?;
    Ok(place)
}

/// A server that has just become ready.
async fn start(place: &Place, sheet: &mut Sheet, at: At) -> Result<Child> {
    let mut server = place.child(&["server"])?;
    let (ready, _) = server.line(": ready ").await?;
    sheet.ours(at, server.age_at(ready).as_secs_f64() * 1000.0);
    Ok(server)
}

async fn start_limit(place: &Place, sheet: &mut Sheet, at: At) -> Result<()> {
    let mut process = place.child(&["bare-open", &place.database().to_string_lossy()])?;
    let (ready, _) = process.line(": ready ").await?;
    sheet.limit(at, process.age_at(ready).as_secs_f64() * 1000.0);
    Ok(())
}

/// Milliseconds from the start until there is one message more. Ends the server.
async fn first_handled(place: &Place, server: Child) -> Result<f64> {
    let connection = Connection::open(place.database())?;
    let head = || connection.query_row("SELECT max(position) FROM messages", [], |row| row.get(0));
    let before: i64 = head()?;
    while head()? == before {
        tokio::time::sleep(GLANCE).await;
    }
    Ok(server.age_at(Instant::now()).as_secs_f64() * 1000.0)
}

async fn idle_share(place: &Place, millis: u64) -> Result<f64> {
    let server = place.server().await?;
    tokio::time::sleep(SETTLING).await;
    let (before, begun) = (server.processor_time()?, Instant::now());
    tokio::time::sleep(Duration::from_millis(millis)).await;
    let used = server.processor_time()?.saturating_sub(before);
    Ok(used.as_secs_f64() / begun.elapsed().as_secs_f64() * 100.0)
}
