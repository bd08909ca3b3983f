//! How long a customer waits while bulk work runs, and after it.
//!
//! ```text
//! one place      Idle ─▶ Backfill ─▶ the backlog is drained ─▶ Afterwards
//! another one    OtherHandler
//! another one    Poison
//! another one    FallDue
//! another one    Paced: until the governor has settled ─▶ Paced
//! ```

use std::time::{Duration, Instant};

use protean::HandlerKind;
use protean_cli::Result;
use workbench::latency::Latencies;

use crate::backlog;
use crate::place::Settings;
use crate::plan::Plan;
use crate::sheet::{Bound, RowId, Sheet, Target, median};
use crate::site::{Crowd, Site};
use crate::stack::{On, Stack};

const MESSAGES_PER_TICK: [usize; 3] = [1, 100, 500];
const PAUSES_MS: [u64; 3] = [0, 1, 10];
/// The target of the paced phase, as a multiple of the p99 while idle.
pub(super) const PACED_TARGET: f64 = 1.2;

/// The bulk work beside the customers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Idle,
    /// Another process sends bulk commands as fast as it can.
    Backfill,
    /// Nothing more is sent, and what was sent is settled.
    Afterwards,
    /// Another process records bulk events, so only the projector has a backlog.
    OtherHandler,
    /// Another process sends bulk commands that the handler refuses.
    Poison,
    /// Scheduled bulk commands fall due, all at one moment.
    FallDue,
    /// As in `Backfill`, with a server that slows backfill while production is late.
    Paced,
}

impl Phase {
    /// The phases of a case. A slow handler would need minutes to drain its backlog.
    fn all(pause: Duration) -> &'static [Self] {
        match pause.is_zero() {
            true => &[
                Self::Idle,
                Self::Backfill,
                Self::Afterwards,
                Self::OtherHandler,
                Self::Poison,
                Self::FallDue,
                Self::Paced,
            ],
            false => &[Self::Idle, Self::Backfill, Self::OtherHandler, Self::Poison, Self::Paced],
        }
    }

    /// Whether it begins without the backlog of the phases before.
    fn is_apart(self) -> bool {
        matches!(self, Self::OtherHandler | Self::Poison | Self::FallDue | Self::Paced)
    }
}

pub(super) async fn run(plan: &Plan, stack: &Stack) -> Result<Sheet> {
    let about = "a deposit from its scheduled arrival until it is seen in the log";
    let mut sheet = Sheet::new("bulk-latency", about);
    let crowd = Crowd { customers: plan.size(1000, 30), per_second: plan.rate() };
    let Crowd { customers, per_second } = crowd;
    sheet.note(format!(
        "{customers} customers per phase and round, {per_second} per second, each with an account;"
    ));
    sheet.note(
        "they, the bulk sender and the server are separate processes. The customers' process",
    );
    sheet.note("reads the log after every commit. Percentiles under 'More' cover all rounds. The");
    sheet.note(
        "limit is the same figure while idle, in the same round. 'Paced' has a target of 1.2",
    );
    sheet.note(
        "times the p99 while idle; its bulk sender is a process of its own, which rests as well.",
    );
    sheet.note("In 'FallDue' scheduled bulk commands come due, all at one moment.");
    let scheduled = plan.size(200_000, 500);
    for pause in plan.handlers(&PAUSES_MS) {
        let settings = Settings {
            pause: Duration::from_millis(pause),
            workers: plan.workers(),
            ..Settings::default()
        };
        let batches = plan.batches(&MESSAGES_PER_TICK).into_iter();
        let mut cases: Vec<_> = batches
            .map(|messages_per_tick| Settings { messages_per_tick, ..settings })
            .map(|settings| Case::new(&mut sheet, settings, scheduled, stack.on()))
            .collect();
        for _ in 0..plan.rounds() {
            for case in &mut cases {
                case.round(&mut sheet, stack, crowd).await?;
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
    /// How many commands fall due at once.
    scheduled: u64,
    phases: Vec<PhaseRows>,
}

struct PhaseRows {
    phase: Phase,
    p50: RowId,
    p99: RowId,
    samples: Latencies,
    /// Bulk messages settled per second meanwhile.
    rates: Vec<f64>,
}

impl Case {
    fn new(sheet: &mut Sheet, settings: Settings, scheduled: u64, on: On) -> Self {
        let Settings { pause, messages_per_tick, .. } = settings;
        let millis = pause.as_millis();
        let rows = |phase: &Phase| {
            let what =
                format!("{phase:?}, handler {millis}ms, messages_per_tick {messages_per_tick}");
            let [p50, p99] = targets(*phase, pause, on);
            PhaseRows {
                phase: *phase,
                p50: sheet.row(format!("{what}: p50"), "ms", p50),
                p99: sheet.row(format!("{what}: p99"), "ms", p99),
                samples: Latencies::default(),
                rates: Vec::new(),
            }
        };
        Self { settings, scheduled, phases: Phase::all(pause).iter().map(rows).collect() }
    }

    async fn round(&mut self, sheet: &mut Sheet, stack: &Stack, crowd: Crowd) -> Result<()> {
        let mut site = Site::open(stack, self.settings, crowd).await?;
        let mut idle: Option<[f64; 2]> = None;
        for rows in &mut self.phases {
            if rows.phase.is_apart() {
                let paced = idle.filter(|_| rows.phase == Phase::Paced);
                let production_target_ms = paced.map(|[_, p99]| PACED_TARGET * p99);
                let settings = Settings { production_target_ms, ..self.settings };
                site = Site::open(stack, settings, crowd).await?;
            }
            let (samples, rate) = site.phase(rows.phase, self.scheduled).await?;
            let figures = [samples.millis(0.5), samples.millis(0.99)];
            rows.add(sheet, figures, *idle.get_or_insert(figures));
            rows.rates.extend(rate);
            rows.samples.extend(&samples);
        }
        Ok(())
    }

    fn close(&self, sheet: &mut Sheet) {
        for rows in &self.phases {
            sheet.latencies(rows.p99, &rows.samples);
            sheet.more(rows.p99, median(&rows.rates).map(|rate| ("bulk/s", rate)));
        }
    }

    /// The p99 of a phase over all rounds.
    fn p99(&self, phase: Phase) -> Option<f64> {
        self.phases.iter().find(|rows| rows.phase == phase).map(|rows| rows.samples.millis(0.99))
    }
}

impl PhaseRows {
    fn add(&self, sheet: &mut Sheet, [p50, p99]: [f64; 2], idle: [f64; 2]) {
        sheet.ours(self.p50, p50);
        sheet.ours(self.p99, p99);
        if self.phase != Phase::Idle {
            sheet.limit(self.p50, idle[0]);
            sheet.limit(self.p99, idle[1]);
        }
    }
}

impl Site {
    /// The latencies, and the bulk messages settled per second meanwhile.
    async fn phase(&mut self, phase: Phase, scheduled: u64) -> Result<(Latencies, Option<f64>)> {
        match phase {
            Phase::Idle => Ok((self.serve().await?, None)),
            Phase::Backfill | Phase::Paced => {
                self.serve_beside(&["flood"], phase, HandlerKind::Commands).await
            }
            Phase::Afterwards => {
                backlog::drained(&self.domain).await?;
                Ok((self.serve().await?, None))
            }
            Phase::OtherHandler => {
                self.serve_beside(&["flood", "--events"], phase, HandlerKind::Projector).await
            }
            Phase::Poison => {
                self.serve_beside(&["flood", "--poisoned"], phase, HandlerKind::Commands).await
            }
            Phase::FallDue => {
                let scheduled = ["flood", "--scheduled", "--count", &scheduled.to_string()];
                self.serve_beside(&scheduled, phase, HandlerKind::Commands).await
            }
        }
    }

    /// The same while another process floods the handlers of a kind.
    async fn serve_beside(
        &mut self,
        flood: &[&str],
        phase: Phase,
        kind: HandlerKind,
    ) -> Result<(Latencies, Option<f64>)> {
        let mut flood = self.place.child(flood)?;
        flood.line("flowing").await?;
        if phase == Phase::Paced {
            // The governor needs production to find its pace.
            self.serve().await?;
        }
        let before = backlog::settled_by(&self.domain, kind).await?;
        let begun = Instant::now();
        let latencies = self.serve().await?;
        let seconds = begun.elapsed().as_secs_f64();
        let after = backlog::settled_by(&self.domain, kind).await?;
        let bulk = after.saturating_sub(before + self.accounts.len() as u64);
        Ok((latencies, Some(bulk as f64 / seconds)))
    }
}

/// Adds rows that compare the worst batch setting to the best.
fn spread(sheet: &mut Sheet, cases: &[Case], pause: u64) {
    if cases.len() < 2 {
        return;
    }
    for phase in Phase::all(Duration::from_millis(pause)) {
        let what = format!("{phase:?}, handler {pause}ms: worst setting by best, all samples");
        let at = sheet.row(what, "ms", Target::ratio(Bound::AtMost(1.5)));
        let p99s = || cases.iter().filter_map(|case| case.p99(*phase));
        sheet.ours(at, p99s().fold(0.0, f64::max));
        sheet.limit(at, p99s().fold(f64::INFINITY, f64::min));
    }
}

/// The targets of p50 and p99. A handler that takes its time counts in every phase, so only
/// without one there is a bound in milliseconds.
fn targets(phase: Phase, pause: Duration, on: On) -> [Target; 2] {
    let (idle, busy) = match on {
        On::File => ([2.0, 4.0], 8.0),
        On::Servers => ([3.0, 8.0], 16.0),
    };
    match phase {
        Phase::Idle if pause.is_zero() => idle.map(|ms| Target::ours(Bound::AtMost(ms))),
        Phase::Idle | Phase::Afterwards => [Target::NONE; 2],
        Phase::Paced => [Target::ratio(Bound::AtMost(PACED_TARGET)); 2],
        Phase::Backfill | Phase::OtherHandler | Phase::Poison | Phase::FallDue => {
            let p99 = Target::ratio(Bound::AtMost(2.0));
            let ours = pause.is_zero().then_some(Bound::AtMost(busy));
            [Target::ratio(Bound::AtMost(1.5)), Target { ours, ..p99 }]
        }
    }
}
