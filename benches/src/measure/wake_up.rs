//! From `process` to the handler, on an idle server.

use protean::{Domain, Id};
use protean_cli::{Error, Result};
use protean_engine::Server;
use tokio::sync::oneshot;

use crate::bare::{self, Hops, MESSAGE_PAUSE};
use crate::place::{Place, Settings};
use crate::plan::Plan;
use crate::sheet::{Bound, RowId, Sheet, Target};
use crate::stack::Stack;
use crate::watch::{Watcher, deposit_of};
use crate::{bank, clock, peer};

pub(super) async fn run(plan: &Plan, stack: &Stack) -> Result<Sheet> {
    let mut sheet =
        Sheet::new("wake-up", "a command is sent to an idle server until its handler begins, p50");
    let count = plan.size(200, 10);
    sheet.note(format!(
        "{count} commands per round (Python: half), one at a time. 'After return': from the return"
    ));
    sheet.note("of `asynchronous()`; negative when the handler began before it.");
    match stack {
        Stack::File => in_a_file(&mut sheet, plan.rounds(), count).await?,
        Stack::Servers(_) => on_servers(&mut sheet, stack, plan.rounds(), count).await?,
    }
    Ok(sheet)
}

async fn on_servers(sheet: &mut Sheet, stack: &Stack, rounds: u64, count: u64) -> Result<()> {
    sheet
        .note("The limit commits a row with NOTIFY; another process receives that, reads the row,");
    sheet.note("sends it with XADD and gets it from a blocking XREADGROUP.");
    let apart = HopRows::of(sheet, "two processes");
    for _ in 0..rounds {
        let place = Place::new(stack, Settings::default())?;
        apart.ours(sheet, &between_processes(&place, count).await?);
        apart.limit(sheet, &bare::through_servers(&place, count).await?);
        if let Some(peer) = stack.peer() {
            apart.peer(sheet, &peer.hops(count.div_ceil(2)).await?);
        }
    }
    Ok(())
}

async fn in_a_file(sheet: &mut Sheet, rounds: u64, count: u64) -> Result<()> {
    sheet.note("The limit writes a row, is woken (inotify or a channel) and reads the row.");
    for synchronous in ["full", "normal"] {
        let name = synchronous.to_uppercase();
        let apart = HopRows::of(sheet, &format!("two processes, {name}"));
        let within = HopRows::of(sheet, &format!("one process, {name}"));
        for _ in 0..rounds {
            let settings = Settings { synchronous, ..Settings::default() };
            let place = Place::new(&Stack::File, settings)?;
            apart.ours(sheet, &between_processes(&place, count).await?);
            apart.limit(sheet, &bare::between_processes(&place, synchronous, count).await?);
            let place = Place::new(&Stack::File, settings)?;
            within.ours(sheet, &within_a_process(&place, count).await?);
            within.limit(sheet, &bare::between_threads(&place, synchronous, count)?);
        }
    }
    Ok(())
}

struct HopRows {
    after_return: RowId,
    from_sending: RowId,
}

impl HopRows {
    fn of(sheet: &mut Sheet, what: &str) -> Self {
        let target = Target::ratio(Bound::AtMost(2.0)).and_peer(Bound::AtMost(0.2));
        Self {
            after_return: sheet.row(format!("{what}: after return"), "µs", target),
            from_sending: sheet.row(format!("{what}: from sending"), "µs", target),
        }
    }

    fn ours(&self, sheet: &mut Sheet, hops: &Hops) {
        sheet.ours(self.after_return, hops.from_return.median());
        sheet.ours(self.from_sending, hops.from_sending.median());
        sheet.more(self.from_sending, [("p99 of the last round", hops.from_sending.p99())]);
    }

    fn limit(&self, sheet: &mut Sheet, hops: &Hops) {
        sheet.limit(self.after_return, hops.from_return.median());
        sheet.limit(self.from_sending, hops.from_sending.median());
    }

    fn peer(&self, sheet: &mut Sheet, hops: &peer::HopSpreads) {
        sheet.peer(self.after_return, hops.after_return.p50);
        sheet.peer(self.from_sending, hops.from_sending.p50);
        sheet.more(self.from_sending, [("Python's p99", hops.from_sending.p99)]);
    }
}

async fn between_processes(place: &Place, count: u64) -> Result<Hops> {
    let domain = place.domain()?;
    let _server = place.server().await?;
    hops(&domain, count).await
}

async fn within_a_process(place: &Place, count: u64) -> Result<Hops> {
    let domain = place.domain()?;
    let (stop, stopped) = oneshot::channel::<()>();
    let server = Server::new(domain.clone());
    let serving = tokio::spawn(server.run(async {
        // Dropping the sender stops it as well.
        let _ = stopped.await;
    }));
    let hops = hops(&domain, count).await;
    drop(stop);
    serving.await??;
    hops
}

async fn hops(domain: &Domain, count: u64) -> Result<Hops> {
    let mut watcher = Watcher::of(domain).await?;
    let accounts = watcher.open_accounts(domain, 1).await?;
    let account = accounts.first().ok_or_else(|| Error::failed("no account was opened"))?;
    let mut hops = Hops::default();
    for number in 0..count {
        tokio::time::sleep(MESSAGE_PAUSE).await;
        one(domain, &mut watcher, account, number, &mut hops).await?;
    }
    Ok(hops)
}

async fn one(
    domain: &Domain,
    watcher: &mut Watcher,
    account: &Id,
    number: u64,
    hops: &mut Hops,
) -> Result<()> {
    let sent = clock::now();
    domain.process(bank::deposit(account, Some(number.to_string()))).asynchronous().await?;
    let returned = clock::now();
    loop {
        let page = watcher.next().await?;
        let mut deposits = page.iter().filter_map(deposit_of);
        if let Some((_, begun)) = deposits.find(|(of, _)| *of == number) {
            hops.add(sent, returned, begun);
            return Ok(());
        }
    }
}
