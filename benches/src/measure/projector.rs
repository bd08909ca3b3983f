//! A projector that writes one row per event.

use std::time::{Duration, Instant};

use fidelis::account::Account;
use protean::Domain;
use protean::HandlerKind;
use protean_cli::Result;
use protean_engine::Server;
use tokio::sync::oneshot;

use super::relay::{category, relay_until};
use crate::backlog;
use crate::bank;
use crate::bare::Tape;
use crate::place::{Place, Settings};
use crate::plan::Plan;
use crate::sheet::{Bound, Sheet, Target};
use crate::stack::Stack;

/// Accounts per transaction while the events are prepared.
const PREPARE_BATCH_SIZE: usize = 256;

pub(super) async fn run(plan: &Plan, stack: &Stack) -> Result<Sheet> {
    let about = "events that lie in the broker's stream until each has its row";
    let mut sheet = Sheet::new("projector", about);
    let count = plan.size(10_000, 500);
    let few = plan.size(3_000, 10);
    let target = Target::ratio(Bound::AtLeast(0.6)).and_peer(Bound::AtLeast(50.0));
    let rate = sheet.row(format!("{count} events (Python: {few})"), "1/s", target);
    sheet.note(
        "Only the projector has work; it runs in this process, timed from the server's start.",
    );
    sheet.note("The limit writes exactly the rows that it left, in the same transactions.");
    for _ in 0..plan.rounds() {
        let place = Place::new(stack, Settings::default())?;
        let domain = place.domain()?;
        publish(&place, &domain, count).await?;
        let mut tape = Tape::from_now(&place).await?;
        let took = project(&domain, count).await?;
        sheet.ours(rate, count as f64 / took.as_secs_f64());
        let written = tape.next().await?;
        let target = Place::new(stack, Settings::default())?;
        target.prepare().await?;
        let took = written.write(&target).await?;
        sheet.limit(rate, count as f64 / took.as_secs_f64());
        if let Some(peer) = stack.peer() {
            sheet.peer(rate, peer.project(few).await?);
        }
        let batch = count as f64 / written.transactions() as f64;
        sheet.more(rate, [("events a transaction", batch)]);
    }
    Ok(sheet)
}

/// Opens `count` accounts without commands and publishes the events to the projector's stream.
async fn publish(place: &Place, domain: &Domain, count: u64) -> Result<()> {
    let events = category(domain, HandlerKind::Projector)?;
    relay_until(place, domain, &events, 0).await?;
    for first in (0..count).step_by(PREPARE_BATCH_SIZE) {
        let opened = domain.unit_of_work(async |ctx| {
            for number in first..count.min(first + PREPARE_BATCH_SIZE as u64) {
                ctx.repository::<Account>().add(Account::open(bank::opening(number))?).await?;
            }
            Ok(())
        });
        opened.await?;
    }
    relay_until(place, domain, &events, count).await?;
    Ok(())
}

async fn project(domain: &Domain, count: u64) -> Result<Duration> {
    let (stop, stopped) = oneshot::channel::<()>();
    let begun = Instant::now();
    let serving = tokio::spawn(Server::new(domain.clone()).run(async {
        // Dropping the sender stops it as well.
        let _ = stopped.await;
    }));
    let projected = backlog::settled(domain, HandlerKind::Projector, count).await;
    let took = begun.elapsed();
    drop(stop);
    serving.await??;
    projected.map(|()| took)
}
