//! How long a customer waits while bulk work runs.

use std::time::{Duration, Instant};

use protean::HandlerKind;
use protean_cli::Result;

use crate::arrivals::Schedule;
use crate::backlog;
use crate::bare;
use crate::latency::Latencies;
use crate::place::{Place, Settings};
use crate::plan::Plan;
use crate::sheet::{Bound, RowId, Sheet, Target, median};
use crate::stack::Stack;
use crate::watch::Watcher;

const CUSTOMERS_PER_SECOND: f64 = 1000.0;
const MESSAGES_PER_TICK: [usize; 3] = [1, 100, 500];
const PAUSES_MS: [u64; 2] = [0, 10];

/// The bulk work beside the customers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Idle,
    /// Another process sends bulk commands as fast as it can.
    Backfill,
    /// The same, with commands that the handler refuses.
    Poison,
}

const PHASES: [Phase; 3] = [Phase::Idle, Phase::Backfill, Phase::Poison];

impl Phase {
    /// The arguments of the process that sends the bulk commands.
    fn flood(self) -> Option<&'static [&'static str]> {
        match self {
            Self::Idle => None,
            Self::Backfill => Some(&["flood"]),
            Self::Poison => Some(&["flood", "--poisoned"]),
        }
    }
}

pub(super) async fn run(plan: &Plan) -> Result<Sheet> {
    let about = "a deposit from its scheduled arrival until it is in the log, p99";
    let mut sheet = Sheet::new("bulk-latency", about);
    let customers = plan.size(1000, 30);
    sheet.note(format!(
        "{customers} customers per phase and round, {CUSTOMERS_PER_SECOND} per second, each with"
    ));
    sheet.note("an account; they, the bulk sender and the server are separate processes.");
    sheet.note("Percentiles under 'More' cover all rounds. The limit is idle p99 + p99 of a bare");
    sheet.note("commit of 2 ms of bulk inserts + one handler, in the same round.");
    for pause in PAUSES_MS {
        let mut cases: Vec<_> = MESSAGES_PER_TICK
            .map(|tick| Case::new(&mut sheet, Duration::from_millis(pause), tick))
            .into();
        for _ in 0..plan.rounds() {
            for case in &mut cases {
                case.round(&mut sheet, customers).await?;
            }
        }
        cases.iter().for_each(|case| case.close(&mut sheet));
        spread(&mut sheet, &cases, pause);
    }
    Ok(sheet)
}

/// One combination of settings, in all phases.
struct Case {
    settings: Settings,
    rows: [RowId; 3],
    samples: [Latencies; 3],
    /// Bulk commands settled per second meanwhile.
    rates: [Vec<f64>; 3],
}

impl Case {
    fn new(sheet: &mut Sheet, pause: Duration, messages_per_tick: usize) -> Self {
        let settings = Settings { pause, messages_per_tick, ..Settings::default() };
        let rows = PHASES.map(|phase| {
            let what =
                format!("{phase:?}, handler {pause:?}, messages_per_tick {messages_per_tick}");
            sheet.row(what, "ms", target(phase, pause))
        });
        Self { settings, rows, samples: Default::default(), rates: Default::default() }
    }

    async fn round(&mut self, sheet: &mut Sheet, customers: u64) -> Result<()> {
        let place = Place::new(&Stack::File, self.settings)?;
        let commit = bare::bounded_commit(&place.file("bulk.db"))?.p99();
        let mut idle = 0.0;
        for (index, phase) in PHASES.into_iter().enumerate() {
            let (samples, rate) = self.phase(phase, customers).await?;
            let p99 = samples.p99();
            sheet.ours(self.rows[index], p99);
            if phase == Phase::Idle {
                idle = p99;
            } else {
                let handler = self.settings.pause.as_secs_f64() * 1000.0;
                sheet.limit(self.rows[index], idle + commit + handler);
                self.rates[index].push(rate);
            }
            self.samples[index].extend(&samples);
        }
        Ok(())
    }

    /// The latencies, and the bulk commands settled per second meanwhile.
    async fn phase(&self, phase: Phase, count: u64) -> Result<(Latencies, f64)> {
        let place = Place::new(&Stack::File, self.settings)?;
        let domain = place.domain()?;
        let _server = place.server().await?;
        let mut watcher = Watcher::of(&domain).await?;
        // One account per customer, so that no customer waits for another's conflict.
        let accounts = watcher.open_accounts(&domain, count).await?;
        backlog::settled(&domain, HandlerKind::Projector, count).await?;
        let schedule = Schedule { accounts, count, per_second: CUSTOMERS_PER_SECOND };
        let Some(args) = phase.flood() else {
            return Ok((schedule.run(&domain, &mut watcher).await?, 0.0));
        };
        let mut flood = place.child(args)?;
        flood.line("flowing").await?;
        let before = backlog::settled_by(&domain, HandlerKind::Commands).await?;
        let begun = Instant::now();
        let latencies = schedule.run(&domain, &mut watcher).await?;
        let seconds = begun.elapsed().as_secs_f64();
        let after = backlog::settled_by(&domain, HandlerKind::Commands).await?;
        Ok((latencies, after.saturating_sub(before + count) as f64 / seconds))
    }

    fn close(&self, sheet: &mut Sheet) {
        for index in 0..PHASES.len() {
            sheet.more(self.rows[index], self.samples[index].summary());
            let rate = median(&self.rates[index]).map(|rate| ("bulk/s", rate));
            sheet.more(self.rows[index], rate);
        }
    }
}

/// Adds rows that compare the worst batch setting to the best.
fn spread(sheet: &mut Sheet, cases: &[Case], pause: u64) {
    for (index, phase) in PHASES.into_iter().enumerate() {
        let what = format!("{phase:?}, handler {pause}ms: worst setting by best, all samples");
        let at = sheet.row(what, "ms", Target::ratio(Bound::AtMost(1.5)));
        let p99s = || cases.iter().map(|case| case.samples[index].p99());
        sheet.ours(at, p99s().fold(0.0, f64::max));
        sheet.limit(at, p99s().fold(f64::INFINITY, f64::min));
    }
}

fn target(phase: Phase, pause: Duration) -> Target {
    match phase {
        Phase::Idle => Target::NONE,
        _ if pause.is_zero() => {
            Target { ratio: Some(Bound::AtMost(1.0)), ..Target::ours(Bound::AtMost(10.0)) }
        }
        _ => Target::ratio(Bound::AtMost(1.0)),
    }
}
