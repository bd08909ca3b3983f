//! A projector that writes a row an event.

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

/// Accounts opened at once, before what is measured.
const AT_ONCE: usize = 256;

pub(super) async fn run(plan: &Plan, stack: &Stack) -> Result<Sheet> {
    let about = "events that lie in the broker's stream until each has its row";
    let mut sheet = Sheet::new("projector", about);
    let count = plan.size(10_000, 500);
    let few = plan.size(3_000, 10);
    let target = Target::ratio(Bound::AtLeast(0.6)).and_peer(Bound::AtLeast(50.0));
    let rate = sheet.row(format!("{count} events (Python: {few})"), "1/s", target);
    sheet.note("The projector alone has work, in this process, from the server's start on. The limit writes");
    sheet.note("the very rows that it left, in the transactions that it made of them.");
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

/// Opens so many accounts without commands, and brings that to where the projector reads.
async fn publish(place: &Place, domain: &Domain, count: u64) -> Result<()> {
    let events = category(domain, HandlerKind::Projector)?;
    relay_until(place, (domain, &events), 0).await?;
    for first in (0..count).step_by(AT_ONCE) {
        let opened = domain.unit_of_work(async |ctx| {
            for number in first..count.min(first + AT_ONCE as u64) {
                ctx.repository::<Account>().add(Account::open(bank::opening(number))?).await?;
            }
            Ok(())
        });
        opened.await?;
    }
    relay_until(place, (domain, &events), count).await?;
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
