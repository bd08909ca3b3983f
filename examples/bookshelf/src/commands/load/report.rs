//! The report printed at the end.

use std::fmt;
use std::time::Duration;

use protean_cli::{Table, grouped};
use serde::Serialize;
use workbench::latency::Percentiles;
use workbench::visitors::{PhaseTakings, Takings};

/// What was measured.
#[derive(Serialize)]
pub(super) struct Report {
    orders_per_second: f64,
    idle: Figures,
    draining: Figures,
    /// Orders that were not taken in, or not placed.
    pub(super) errors: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) first_error: Option<String>,
    books: u64,
    intake_seconds: f64,
    drain_seconds: f64,
    books_per_second: f64,
    /// Whether there are as many orders and books as were asked for.
    pub(super) adds_up: bool,
}

/// The figures of a phase.
#[derive(Serialize)]
struct Figures {
    orders: u64,
    /// From the moment an order was to be sent until it was answered.
    answered: Option<Percentiles>,
    /// From the same moment until its event was in the log.
    placed: Option<Percentiles>,
}

/// The books that came in.
pub(super) struct Drain {
    pub(super) books: u64,
    /// From the first one until the last one was kept as a command.
    pub(super) intake: Duration,
    /// From the first one until nothing of them was left to handle.
    pub(super) whole: Duration,
}

/// What the report is drawn from.
pub(super) struct Findings {
    pub(super) per_second: f64,
    pub(super) takings: Takings,
    pub(super) drain: Drain,
    pub(super) adds_up: bool,
}

impl Report {
    pub(super) fn draw(findings: Findings) -> Self {
        let Findings { per_second, takings, drain, adds_up } = findings;
        let Takings { calm: idle, busy: draining, unanswered, failure } = takings;
        let lost = (unanswered > 0).then(|| "an order was accepted and never placed".to_owned());
        let whole = drain.whole.as_secs_f64();
        #[expect(clippy::cast_precision_loss, reason = "2^52 books will not be made")]
        let books_per_second = if drain.books == 0 { 0.0 } else { drain.books as f64 / whole };
        Self {
            orders_per_second: per_second,
            errors: idle.errors + draining.errors,
            idle: Figures::of(idle),
            draining: Figures::of(draining),
            first_error: failure.or(lost),
            books: drain.books,
            intake_seconds: rounded(drain.intake.as_secs_f64()),
            drain_seconds: rounded(whole),
            books_per_second: books_per_second.round(),
            adds_up,
        }
    }

    /// True when nothing is wrong.
    pub(super) fn passes(&self) -> bool {
        self.errors == 0 && self.adds_up
    }

    fn latencies(&self) -> Table {
        let mut table = Table::new().text("Orders").number("").text("").number("p50");
        table = table.number("p99").number("p99.9").number("max");
        for (phase, figures) in [("idle", &self.idle), ("while books drain", &self.draining)] {
            let stages = [("answered", figures.answered), ("placed", figures.placed)];
            for (index, (what, percentiles)) in stages.into_iter().enumerate() {
                let orders = grouped(figures.orders);
                let mut row = vec![phase.to_owned(), orders, what.to_owned()];
                if index > 0 {
                    row[..2].fill(String::new());
                }
                row.extend(shown(percentiles));
                table.row(row);
            }
        }
        table
    }
}

impl Figures {
    fn of(PhaseTakings { visits, accepted, done, .. }: PhaseTakings) -> Self {
        Self { orders: visits, answered: accepted.percentiles(), placed: done.percentiles() }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n", self.latencies())?;
        writeln!(
            f,
            "  From the moment a customer was to order, {} a second, whatever",
            self.orders_per_second
        )?;
        writeln!(
            f,
            "  became of the ones before: until the answer, and until OrderPlaced was in the log.\n"
        )?;
        let (books, rate) = (grouped(self.books), grouped(self.books_per_second as u64));
        writeln!(f, "{books} books drained in {} s, {rate} a second;", self.drain_seconds)?;
        writeln!(f, "queued with priority BULK in the first {} s.", self.intake_seconds)?;
        write!(f, "{} errors.", self.errors)
    }
}

fn shown(percentiles: Option<Percentiles>) -> [String; 4] {
    let Some(latency) = percentiles else { return ["-"; 4].map(str::to_owned) };
    [latency.p50_ms, latency.p99_ms, latency.p999_ms, latency.max_ms]
        .map(|value| format!("{value:.2} ms"))
}

fn rounded(seconds: f64) -> f64 {
    (seconds * 1000.0).round() / 1000.0
}
