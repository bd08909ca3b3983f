//! Loading and changing an aggregate with a long history.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use fidelis::account::Account;
use protean::{Domain, Id};
use protean_cli::Result;
use rusqlite::Connection;
use workbench::latency::Latencies;

use crate::bank;
use crate::bare::Journal;
use crate::place::{NO_SNAPSHOTS, Place, Settings};
use crate::plan::Plan;
use crate::sheet::{Bound, RowId, Sheet, Target};
use crate::stack::Stack;

/// Events of one account.
const STREAM_LENGTHS: [u64; 4] = [10, 1_000, 10_000, 100_000];
const QUICK_STREAM_LENGTHS: [u64; 4] = [10, 50, 100, 200];
const SNAPSHOT_THRESHOLDS: [(u32, &str); 2] = [(NO_SNAPSHOTS, "never"), (10, "every 10")];

pub(super) async fn run(plan: &Plan) -> Result<Sheet> {
    let mut sheet =
        Sheet::new("long-stream", "an account with many events is loaded, and gets one more");
    sheet.note("The limit reads the same rows with rusqlite and serde_json and applies them; its");
    sheet.note("append then writes a command and an event in one transaction, FULL like ours.");
    for (threshold, name) in SNAPSHOT_THRESHOLDS {
        let mut lengths = Vec::new();
        for length in plan.size(STREAM_LENGTHS, QUICK_STREAM_LENGTHS) {
            let mut case = Case::new(&mut sheet, threshold, name, length).await?;
            for _ in 0..plan.rounds() {
                case.round(&mut sheet).await?;
            }
            lengths.push(case);
        }
        if let [shortest, short, .., long] = &lengths[..] {
            match threshold {
                NO_SNAPSHOTS => add_linear_row(&mut sheet, short, long),
                _ => add_constant_row(&mut sheet, shortest, long),
            }
        }
    }
    Ok(sheet)
}

struct Case {
    length: u64,
    /// Repetitions per round.
    times: u32,
    account: Id,
    domain: Domain,
    journal: Journal,
    load: RowId,
    append: RowId,
    loads: Latencies,
    appends: Latencies,
    // Dropped last: the domain and the journal use its files.
    _place: Place,
}

impl Case {
    async fn new(
        sheet: &mut Sheet,
        snapshot_threshold: u32,
        name: &str,
        length: u64,
    ) -> Result<Self> {
        let place =
            Place::new(&Stack::File, Settings { snapshot_threshold, ..Settings::default() })?;
        let domain = place.domain()?;
        let account = domain.process(bank::opening(0)).synchronous().await?;
        grow(&domain, &account, length.saturating_sub(2)).await?;
        domain.process(bank::deposit(&account, None)).synchronous().await?;
        let journal = Journal::open(&copy(&place)?, &account)?;
        let what = |of: &str| format!("{of}, {length} events, snapshots {name}");
        let load = sheet.row(what("load"), "ms", Target::NONE);
        let append = sheet.row(what("append"), "ms", Target::NONE);
        let times = times(length.min(u64::from(snapshot_threshold)));
        let (loads, appends) = (Latencies::default(), Latencies::default());
        Ok(Self {
            length,
            times,
            account,
            domain,
            journal,
            load,
            append,
            loads,
            appends,
            _place: place,
        })
    }

    /// Times each kind in a separate loop, since a long load empties the processor's caches.
    async fn round(&mut self, sheet: &mut Sheet) -> Result<()> {
        let accounts = self.domain.repository::<Account>().await?;
        let mut samples: [Latencies; 4] = Default::default();
        for _ in 0..self.times {
            let begun = Instant::now();
            accounts.get(&self.account).await?;
            samples[0].add(begun.elapsed());
        }
        for _ in 0..self.times {
            let deposit = bank::deposit(&self.account, None);
            let begun = Instant::now();
            self.domain.process(deposit).synchronous().await?;
            samples[1].add(begun.elapsed());
        }
        for _ in 0..times(self.length) {
            let begun = Instant::now();
            self.journal.load()?;
            samples[2].add(begun.elapsed());
            let begun = Instant::now();
            self.journal.append()?;
            samples[3].add(begun.elapsed());
        }
        let [load, append, bare_load, bare_append] = samples.map(|samples| samples.at(0.5));
        sheet.ours(self.load, millis(load));
        sheet.limit(self.load, millis(bare_load));
        sheet.ours(self.append, millis(append));
        sheet.limit(self.append, millis(bare_append));
        self.loads.add(load);
        self.appends.add(append);
        Ok(())
    }

    /// Microseconds to load, per event.
    fn load_per_event(&self) -> f64 {
        self.loads.micros(0.5) / self.length as f64
    }
}

fn add_linear_row(sheet: &mut Sheet, short: &Case, long: &Case) {
    let what = format!("load, one event of {} (limit: of {})", long.length, short.length);
    let at = sheet.row(what, "µs", Target::ratio(Bound::AtMost(1.5)));
    sheet.ours(at, long.load_per_event());
    sheet.limit(at, short.load_per_event());
}

/// Snapshots make the time of an append independent of the length.
fn add_constant_row(sheet: &mut Sheet, shortest: &Case, long: &Case) {
    let what = format!("append to {} events (limit: to {})", long.length, shortest.length);
    let at = sheet.row(what, "ms", Target::ratio(Bound::AtMost(1.5)));
    sheet.ours(at, long.appends.millis(0.5));
    sheet.limit(at, shortest.appends.millis(0.5));
}

async fn grow(domain: &Domain, account: &Id, by: u64) -> Result<()> {
    let grown = domain.unit_of_work(async |ctx| {
        let mut grown = ctx.repository::<Account>().get(account).await?;
        for _ in 0..by {
            grown.deposit(1.into(), None)?;
        }
        ctx.repository::<Account>().add(grown).await
    });
    Ok(grown.await?)
}

/// Copies the database for the bare client to write to.
fn copy(place: &Place) -> Result<PathBuf> {
    let copy = place.file("copy.db");
    let into = copy.to_string_lossy();
    Connection::open(place.database())?.execute("VACUUM INTO ?1", [into])?;
    Ok(copy)
}

/// How often to load a stream of this length.
fn times(events: u64) -> u32 {
    if events > 1_000 { 3 } else { 20 }
}

fn millis(took: Duration) -> f64 {
    took.as_secs_f64() * 1000.0
}
