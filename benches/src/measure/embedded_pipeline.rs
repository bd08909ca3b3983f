//! The whole pipeline on one SQLite file, in two processes.

use std::time::Instant;

use protean::HandlerKind;
use protean::Priority;
use protean_cli::Result;

use crate::backlog;
use crate::bare;
use crate::place::{Place, Settings};
use crate::plan::Plan;
use crate::sheet::{Bound, RowId, Sheet, Target};
use crate::stack::Stack;

pub(super) async fn run(plan: &Plan) -> Result<Sheet> {
    let about = "from the first command sent to the last event projected, two processes";
    let mut sheet = Sheet::new("embedded-pipeline", about);
    sheet.note("The limit is two bare processes that write exactly the rows that ours left, 1000");
    sheet.note("messages per transaction, and decide, parse and count nothing.");
    let (small, large) = plan.size((20_000, 200_000), (200, 400));
    for (count, synchronous) in [(small, "full"), (small, "normal"), (large, "full")] {
        Case::new(&mut sheet, count, synchronous).run(&mut sheet, plan.rounds()).await?;
    }
    Ok(sheet)
}

struct Case {
    count: u64,
    synchronous: &'static str,
    rate: RowId,
    bytes: RowId,
}

/// Commands per second, and bytes of the database per command.
struct Figures {
    rate: f64,
    bytes: f64,
}

impl Case {
    fn new(sheet: &mut Sheet, count: u64, synchronous: &'static str) -> Self {
        let name = synchronous.to_uppercase();
        let target = Target::ratio(Bound::AtLeast(0.5));
        let rate = sheet.row(format!("{count} commands, {name}"), "1/s", target);
        let bytes =
            sheet.row(format!("{count} commands, {name}: disk"), "bytes each", Target::NONE);
        Self { count, synchronous, rate, bytes }
    }

    async fn run(self, sheet: &mut Sheet, rounds: u64) -> Result<()> {
        for _ in 0..rounds {
            let place = self.place()?;
            let ours = self.ours(&place).await?;
            let limit = self.limit(&place).await?;
            sheet.ours(self.rate, ours.rate);
            sheet.limit(self.rate, limit.rate);
            sheet.ours(self.bytes, ours.bytes);
            sheet.limit(self.bytes, limit.bytes);
        }
        Ok(())
    }

    fn place(&self) -> Result<Place> {
        Place::new(&Stack::File, Settings { synchronous: self.synchronous, ..Settings::default() })
    }

    async fn ours(&self, place: &Place) -> Result<Figures> {
        let domain = place.domain()?;
        let server = place.server().await?;
        let begun = Instant::now();
        backlog::fill(&domain, self.count, Priority::NORMAL).await?;
        backlog::settled(&domain, HandlerKind::Projector, self.count).await?;
        let ended = Instant::now();
        drop(domain);
        server.stop()?;
        self.figures(place, begun, ended)
    }

    /// Writes the rows that ours left in `written`.
    async fn limit(&self, written: &Place) -> Result<Figures> {
        let place = self.place()?;
        place.prepare().await?;
        let (source, database) = (written.database(), place.database());
        let (from, to) = (source.to_string_lossy(), database.to_string_lossy());
        let mut consumer = place.child(&["bare-consume", &from, &to, self.synchronous])?;
        consumer.line("ready").await?;
        let begun = bare::produce(&source, &database, self.synchronous)?;
        let (ended, _) = consumer.line("done").await?;
        drop(consumer);
        self.figures(&place, begun, ended)
    }

    fn figures(&self, place: &Place, begun: Instant, ended: Instant) -> Result<Figures> {
        let count = self.count as f64;
        let seconds = ended.saturating_duration_since(begun).as_secs_f64();
        Ok(Figures { rate: count / seconds, bytes: place.bytes()? as f64 / count })
    }
}
