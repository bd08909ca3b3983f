//! How soon a server is ready, and what it costs while idle.

use std::time::{Duration, Instant};

use protean::Priority;
use protean::port::Find;
use protean_cli::Result;
use workbench::child::Child;

use crate::backlog;
use crate::home::Home;
use crate::place::{Place, Settings};
use crate::plan::Plan;
use crate::rest::Rest;
use crate::sheet::{Bound, RowId, Sheet, Target};
use crate::stack::Stack;

const POLL_INTERVAL: Duration = Duration::from_micros(500);

pub(super) async fn run(plan: &Plan, stack: &Stack) -> Result<Sheet> {
    let mut sheet = Sheet::new("startup", "from the start of the process to 'ready', and at rest");
    let backlog = plan.backlog();
    let target = Target::ours(Bound::AtMost(100.0));
    let empty = sheet.row("empty database", "ms", target.and_peer(Bound::AtMost(0.2)));
    let waiting = sheet.row(format!("{backlog} commands waiting"), "ms", target);
    let first = sheet.row(format!("{backlog} waiting: one more message"), "ms", Target::NONE);
    let time = Duration::from_millis(plan.size(10_000, 300));
    let mut rest = Rest::of(stack, &mut sheet, time);
    sheet.note(
        "The limit is a process that opens the same place without the product and queries it.",
    );
    let place = filled(stack, backlog).await?;
    for _ in 0..plan.rounds() {
        let unused = Place::new(stack, Settings::default())?;
        start(&unused, &mut sheet, empty).await?;
        start_limit(&unused, &mut sheet, empty).await?;
        let server = start(&place, &mut sheet, waiting).await?;
        sheet.ours(first, first_handled(&place, server).await?);
        start_limit(&place, &mut sheet, waiting).await?;
        rest.round(&mut sheet, &unused).await?;
        if let Some(peer) = stack.peer() {
            let idle = peer.idle(time).await?;
            sheet.peer(empty, idle.ready_ms);
            rest.peer(&mut sheet, &idle);
        }
    }
    rest.close(&mut sheet);
    Ok(sheet)
}

async fn filled(stack: &Stack, backlog: u64) -> Result<Place> {
    let place = Place::new(stack, Settings::default())?;
    let domain = place.domain()?;
    backlog::fill(&domain, backlog, Priority::BULK).await?;
    Ok(place)
}

/// Starts a server and waits until it is ready.
async fn start(place: &Place, sheet: &mut Sheet, at: RowId) -> Result<Child> {
    let mut server = place.child(&["server"])?;
    let (ready, _) = server.line(": server ready ").await?;
    sheet.ours(at, server.age_at(ready).as_secs_f64() * 1000.0);
    Ok(server)
}

async fn start_limit(place: &Place, sheet: &mut Sheet, at: RowId) -> Result<()> {
    let mut process = match place.home() {
        None => place.child(&["bare-open", &place.database().to_string_lossy()])?,
        Some(Home { database, redis }) => place.child(&["bare-connect", &database.uri(), redis])?,
    };
    let (ready, _) = process.line(": ready ").await?;
    sheet.limit(at, process.age_at(ready).as_secs_f64() * 1000.0);
    Ok(())
}

/// Milliseconds from the server's start until the log has one more message. Stops the server.
async fn first_handled(place: &Place, server: Child) -> Result<f64> {
    let domain = place.domain()?;
    let store = domain.store().await?;
    let newest = async || {
        let last = store.find(Find::last(1)).await?;
        Ok::<_, protean::Error>(last.first().map(|recorded| recorded.position))
    };
    let before = newest().await?;
    while newest().await? == before {
        tokio::time::sleep(POLL_INTERVAL).await;
    }
    Ok(server.age_at(Instant::now()).as_secs_f64() * 1000.0)
}
