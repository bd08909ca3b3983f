//! The whole pipeline, with few commands and with many.

use std::time::Instant;

use protean::HandlerKind;
use protean::Priority;
use protean_cli::Result;

use crate::backlog;
use crate::place::{Place, Settings};
use crate::plan::Plan;
use crate::sheet::{Bound, RowId, Sheet, Target};
use crate::stack::Stack;

pub(super) async fn run(plan: &Plan, stack: &Stack) -> Result<Sheet> {
    let about = "bulk commands, from the first one sent to the last event projected";
    let mut sheet = Sheet::new("pipeline", about);
    let (few, many) = (plan.size(20_000, 500), plan.backlog());
    let python = plan.size(1_000, 10);
    let small = Case::new(&mut sheet, few, Target::NONE.and_peer(Bound::AtLeast(100.0)));
    let large = Case::new(&mut sheet, many, Target::NONE);
    let target = Target::ratio(Bound::AtLeast(0.9));
    let flat = sheet.row(format!("{many} commands (limit: {few})"), "1/s", target);
    sheet.note("command, aggregate, event, relay, broker, projector; the sender and the server");
    sheet.note("are separate processes. Disk is the growth of the database.");
    if stack.peer().is_some() {
        sheet.note(format!("Python's rate is for {python} commands per round."));
    }
    for _ in 0..plan.long_rounds() {
        let limit = small.round(&mut sheet, stack).await?;
        let ours = large.round(&mut sheet, stack).await?;
        sheet.limit(flat, limit);
        sheet.ours(flat, ours);
        if let Some(peer) = stack.peer() {
            sheet.peer(small.rate, peer.pipeline(python).await?);
        }
    }
    Ok(sheet)
}

struct Case {
    count: u64,
    rate: RowId,
    bytes: RowId,
}

impl Case {
    fn new(sheet: &mut Sheet, count: u64, target: Target) -> Self {
        let rate = sheet.row(format!("{count} commands"), "1/s", target);
        let bytes = sheet.row(format!("{count} commands: disk"), "bytes each", Target::NONE);
        Self { count, rate, bytes }
    }

    /// Runs one round; returns commands per second.
    async fn round(&self, sheet: &mut Sheet, stack: &Stack) -> Result<f64> {
        let place = Place::new(stack, Settings::default())?;
        place.prepare().await?;
        let empty = place.bytes()?;
        let domain = place.domain()?;
        let server = place.server().await?;
        let begun = Instant::now();
        backlog::fill(&domain, self.count, Priority::BULK).await?;
        let filled = begun.elapsed().as_secs_f64();
        backlog::settled(&domain, HandlerKind::Projector, self.count).await?;
        let rate = self.count as f64 / begun.elapsed().as_secs_f64();
        drop(domain);
        server.stop().await?;
        sheet.ours(self.rate, rate);
        sheet.more(self.rate, [("sent after s", filled)]);
        let bytes = place.bytes()?.saturating_sub(empty);
        sheet.ours(self.bytes, bytes as f64 / self.count as f64);
        Ok(rate)
    }
}
