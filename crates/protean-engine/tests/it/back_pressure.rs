//! An import waits while handlers are behind with the backfill lane, where the settings say so.

use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use protean::message::Priority;
use protean::{Context, Domain, Handled, ImportProgress, Result, event_handler};
use tokio::time::{sleep, timeout};

use crate::harness::{Harness, On};
use crate::tallies::{Add, Added, Tally};

const COUNT: u64 = 5_000;
const HIGH_WATER: u64 = 1_000;
const SOON: Duration = Duration::from_secs(2);
const LIMITED: &str = "[server.priority_lanes]\nenabled = true\nproducer_high_water = 1000\n";

fn limited(on: On, limit: &str) -> Harness {
    let lanes = "[server.priority_lanes]\nenabled = true\n";
    Harness::rewritten(on, |base| base.replace(lanes, limit), |builder| builder)
}

/// Each to a tally of its own, so that none of them waits for another.
fn commands(from: u64) -> impl Iterator<Item = Add> + Send {
    (0..COUNT).map(move |number| Add {
        tally: format!("t-{}", from + number).into(),
        number: i64::try_from(number).unwrap(),
    })
}

/// What an import has reported.
#[derive(Clone, Default)]
struct Reports(Arc<Mutex<Vec<ImportProgress>>>);

impl Reports {
    async fn import(&self, domain: &Domain, priority: Priority) -> Result<ImportProgress> {
        let reports = self.clone();
        let importing = domain.process_all(commands(0)).priority(priority);
        importing.on_progress(move |progress| reports.0.lock().unwrap().push(progress)).await
    }

    fn last(&self) -> ImportProgress {
        *self.0.lock().unwrap().last().unwrap()
    }

    fn waits(&self) -> usize {
        self.0.lock().unwrap().iter().filter(|report| report.waits_behind.is_some()).count()
    }
}

/// Imports without a server, and then with one.
async fn waits_for_its_handlers_and_goes_on(on: On) {
    let (harness, reports) = (limited(on, LIMITED), Reports::default());
    let mut importing = Box::pin(reports.import(&harness.domain, Priority::BULK));
    assert!(timeout(SOON, &mut importing).await.is_err(), "it waits, as there is no server");
    let (accepted, waits) = (reports.last().accepted, reports.waits());
    assert!(accepted > HIGH_WATER && accepted <= HIGH_WATER + 1000, "{accepted}");
    assert_eq!(reports.last().waits_behind, Some(accepted), "nothing else is in the log");
    assert!(waits > 1, "it says so again");
    let imported = Mutex::new(None);
    let importing = async {
        let progress = importing.await.unwrap();
        *imported.lock().unwrap() = Some(progress);
    };
    let done = async || imported.lock().unwrap().is_some();
    tokio::join!(harness.serve_until(done), importing);
    let progress = imported.lock().unwrap().unwrap();
    assert_eq!((progress.accepted, progress.waits_behind), (COUNT, None));
    harness.drain().await;
    harness.assert_closes().await;
}

#[tokio::test(start_paused = true)]
async fn in_memory_an_import_waits_for_its_handlers_and_goes_on() {
    waits_for_its_handlers_and_goes_on(On::Memory).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_sqlite_an_import_waits_for_its_handlers_and_goes_on() {
    waits_for_its_handlers_and_goes_on(On::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL: cargo xtask test"]
async fn on_postgresql_an_import_waits_for_its_handlers_and_goes_on() {
    waits_for_its_handlers_and_goes_on(On::Postgres).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL and Redis: cargo xtask test"]
async fn with_a_broker_an_import_waits_for_its_handlers_and_goes_on() {
    waits_for_its_handlers_and_goes_on(On::Production).await;
}

#[tokio::test(start_paused = true)]
async fn an_import_that_is_dropped_waits_no_more_and_keeps_what_it_has() {
    let (harness, reports) = (limited(On::Memory, LIMITED), Reports::default());
    let waiting = timeout(SOON, reports.import(&harness.domain, Priority::BULK)).await;
    assert!(waiting.is_err());
    let reported = reports.waits();
    sleep(SOON).await;
    assert_eq!(reports.waits(), reported);
    harness.drain().await;
    assert_eq!(harness.numbers().await.committed, reports.last().accepted);
}

#[tokio::test(start_paused = true)]
async fn only_bulk_work_waits_and_only_where_the_settings_say_so() {
    let off = "[server.priority_lanes]\nenabled = true\n";
    let without_lanes = "[server.priority_lanes]\nenabled = false\nproducer_high_water = 1000\n";
    for (settings, priority) in
        [(LIMITED, Priority::NORMAL), (off, Priority::BULK), (without_lanes, Priority::BULK)]
    {
        let (harness, reports) = (limited(On::Memory, settings), Reports::default());
        let imported = timeout(SOON, reports.import(&harness.domain, priority)).await;
        assert_eq!(imported.unwrap().unwrap().accepted, COUNT, "{settings}");
        assert_eq!(reports.waits(), 0, "{settings}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_oldest_message_counts_whatever_its_priority() {
    let (harness, reports) = (limited(On::Memory, LIMITED), Reports::default());
    harness.domain.process_all(commands(COUNT).take(900)).priority(Priority::BULK).await.unwrap();
    harness.add("t", 1, Priority::LOW).await;
    let waiting = timeout(SOON, reports.import(&harness.domain, Priority::BULK)).await;
    assert!(waiting.is_err());
    let behind = Some(901 + reports.last().accepted);
    assert_eq!(reports.last().waits_behind, behind, "from the first on, and not from the last");
}

/// Imports as much as it can when it hears of the first number.
#[derive(Clone, Default)]
struct Importer {
    domain: Arc<OnceLock<Domain>>,
    reports: Reports,
}

#[event_handler(part_of = Tally, start_from = "beginning")]
impl Importer {
    #[handle]
    async fn on_added(&self, event: Added, _: &Context) -> Handled {
        if event.tally.as_str() == "first" {
            self.reports.import(self.domain.get().unwrap(), Priority::BULK).await?;
        }
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn an_import_inside_a_handler_never_waits() {
    let importer = Importer::default();
    let registered = importer.clone();
    let lanes = "[server.priority_lanes]\nenabled = true\n";
    let harness = Harness::rewritten(
        On::Memory,
        |base| base.replace(lanes, LIMITED),
        |builder| builder.register(registered),
    );
    assert!(importer.domain.set(harness.domain.clone()).is_ok());
    harness.add("first", 1, Priority::BULK).await;
    harness.drain().await;
    assert_eq!((importer.reports.last().accepted, importer.reports.waits()), (COUNT, 0));
    harness.assert_closes().await;
}
