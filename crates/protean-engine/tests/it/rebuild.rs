//! A projection is filled anew from the log while a server goes on.

use std::future::pending;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use protean::port::Counter;
use protean::{Context, Handled, Id, Priority, projection, projector};
use protean_engine::{Rebuild, RebuildEnd, RebuildProgress, rebuilds};
use tokio::time::sleep;

use crate::harness::{Harness, On, WAIT_LIMIT};
use crate::shared::{fill, is_exact, rebuild};
use crate::tallies::{Add, Added, Fault};
use crate::telemetry::Lines;

const BEFORE: i64 = 300;
const MEANWHILE: i64 = 120;

/// The same domain as another process has it; in memory there is only one.
fn beside(harness: &Harness, on: On) -> Harness {
    match on {
        On::Memory => harness.same(),
        _ => harness.sibling(),
    }
}

async fn add(harness: &Harness, numbers: std::ops::Range<i64>) {
    for number in numbers {
        let priority = if number % 2 == 0 { Priority::NORMAL } else { Priority::BULK };
        harness.add(&format!("t-{}", number % 20), number, priority).await;
        sleep(Duration::from_millis(2)).await;
    }
}

/// Once this process has noticed the swap, everything is as if there had been none.
async fn is_exact_in_the_end(harness: &Harness, count: i64) {
    let noticed = async {
        while harness.numbers().await.count(Counter::Handled) != count.cast_unsigned() {
            sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(WAIT_LIMIT, noticed).await.expect("it notices the swap");
    is_exact(harness, count).await;
}

/// Serves until all of these are handled and `done` is set.
async fn serve(harness: &Harness, count: i64, done: &AtomicBool) {
    let all = async || harness.numbers().await.count(Counter::Handled) == count.cast_unsigned();
    harness.serve_until(async || done.load(Ordering::Relaxed) && all().await).await;
}

async fn a_projection_is_rebuilt_while_production_goes_on(on: On) {
    let harness = Harness::new(on);
    fill(&harness, BEFORE).await;
    harness.drain().await;
    if !matches!(on, On::Memory) {
        harness.run_sql("UPDATE numbers SET seen = '[]'");
    }
    let done = AtomicBool::new(false);
    let changing = async {
        let other = beside(&harness, on);
        for round in 0..2 {
            let from = BEFORE + round * MEANWHILE;
            tokio::join!(add(&harness, from..from + MEANWHILE), rebuild(&other, "Numbers"));
        }
        done.store(true, Ordering::Relaxed);
    };
    tokio::join!(serve(&harness, BEFORE + 2 * MEANWHILE, &done), changing);
    harness.drain().await;
    is_exact(&harness, BEFORE + 2 * MEANWHILE).await;
    let status = rebuilds(&harness.domain).await.unwrap();
    let numbers = status.iter().find(|of| of.projection == "Numbers").unwrap();
    assert_eq!((numbers.generation, numbers.rebuild), (3, None));
    let sum = status.iter().find(|of| of.projection == "Sum").unwrap();
    assert_eq!(sum.generation, 1);
}

async fn a_rebuild_that_was_stopped_or_died_goes_on(on: On) {
    let harness = Harness::new(on);
    fill(&harness, BEFORE).await;
    harness.drain().await;
    let slow = beside(&harness, on);
    // So long that neither call reaches the end, however busy the machine is.
    for number in BEFORE / 2..BEFORE {
        slow.faults.plan(number, Fault::Sleep(Duration::from_secs(1)));
    }
    let enough = |progress: RebuildProgress, share: u64| progress.settled >= share;
    for (share, dies) in [(20, false), (60, true)] {
        let rebuild = Rebuild::of(&slow.domain, "Numbers").await.unwrap();
        let reached = AtomicBool::new(false);
        let until = async {
            while !reached.load(Ordering::Relaxed) {
                sleep(Duration::from_millis(2)).await;
            }
        };
        let observe = |progress| {
            reached.fetch_or(enough(progress, share), Ordering::Relaxed);
        };
        if dies {
            tokio::select! {
                end = rebuild.run(pending(), observe) => panic!("{end:?}"),
                () = until => {}
            }
        } else {
            let end = rebuild.run(until, observe).await;
            assert_eq!(end.unwrap(), RebuildEnd::Stopped);
        }
        let progress = rebuild.progress().await.unwrap();
        assert!(progress.settled >= share && progress.missing > 0, "{progress:?}");
    }
    slow.faults.mend();
    let called = slow.faults.calls().len();
    rebuild(&slow, "Numbers").await;
    let again = slow.faults.calls().len() - called;
    // All of them, if it had begun anew; what was not committed when it died runs again.
    assert!(again < BEFORE as usize, "{again} ran again");
    is_exact_in_the_end(&harness, BEFORE).await;
}

async fn a_message_that_cannot_be_handled_leaves_the_table_as_it_was(on: On) {
    let harness = Harness::new(on);
    fill(&harness, 40).await;
    harness.drain().await;
    let other = beside(&harness, on);
    other.faults.plan(7, Fault::Reject);
    let failing = Rebuild::of(&other.domain, "Numbers").await.unwrap();
    let failed = failing.run(pending(), |_| ()).await.unwrap_err().to_string();
    assert!(failed.contains("NumbersProjector cannot handle 1 messages"), "{failed}");
    assert!(failed.contains("Added at position") && failed.contains("planned"), "{failed}");
    drop(failing);
    is_exact(&harness, 40).await;
    other.faults.mend();
    rebuild(&other, "Numbers").await;
    is_exact_in_the_end(&harness, 40).await;
}

async fn a_rebuild_is_given_up(on: On) {
    let harness = Harness::new(on);
    fill(&harness, 40).await;
    harness.drain().await;
    let other = beside(&harness, on);
    let begun = Rebuild::of(&other.domain, "Numbers").await.unwrap();
    let stopped = begun.run(std::future::ready(()), |_| ()).await.unwrap();
    assert_eq!(stopped, RebuildEnd::Stopped);
    let rebuilt = async || rebuilds(&harness.domain).await.unwrap()[0].rebuild;
    assert!(rebuilt().await.is_some());
    let second = Rebuild::of(&beside(&harness, on).domain, "Numbers").await.err().unwrap();
    assert!(second.to_string().contains("another process rebuilds Numbers"), "{second}");
    begun.abandon().await.unwrap();
    assert_eq!(rebuilt().await, None);
    is_exact(&harness, 40).await;
}

crate::on_every_stack! {
    a_projection_is_rebuilt_while_production_goes_on
    a_rebuild_that_was_stopped_or_died_goes_on
    a_message_that_cannot_be_handled_leaves_the_table_as_it_was
    a_rebuild_is_given_up
}

/// Sends a command for each event that it projects.
struct Talkative;

#[projector(projection = Heard)]
impl Talkative {
    #[on]
    async fn on_added(&self, event: Added, context: &Context) -> Handled {
        if event.number == 1 {
            context.process(Add { tally: "echo".into(), number: 1000 })?;
        }
        Ok(())
    }
}

#[projection]
pub(crate) struct Heard {
    #[field(identifier)]
    pub(crate) id: Id,
}

#[tokio::test]
async fn a_projector_that_sends_commands_is_refused() {
    let harness = Harness::with(On::Memory, |builder| builder.register(Talkative));
    fill(&harness, 4).await;
    harness.drain().await;
    let committed = harness.numbers().await.committed;
    let refused = Rebuild::of(&harness.domain, "Heard").await.unwrap();
    let refused = refused.run(pending(), |_| ()).await.unwrap_err().to_string();
    assert!(refused.contains("sends or raises Add"), "{refused}");
    assert_eq!(harness.numbers().await.committed, committed, "nothing was sent");
    let unknown = Rebuild::of(&harness.domain, "Nothing").await.err().unwrap();
    assert!(unknown.is_misuse(), "{unknown}");
}

#[tokio::test]
async fn what_rests_on_the_table_is_named() {
    let harness = Harness::new(On::Sqlite);
    fill(&harness, 4).await;
    harness.drain().await;
    harness.run_sql("CREATE VIEW best AS SELECT * FROM numbers");
    let other = harness.sibling();
    let refused = Rebuild::of(&other.domain, "Numbers").await.unwrap();
    let refused = refused.run(pending(), |_| ()).await.unwrap_err().to_string();
    assert!(refused.contains("the view 'best'"), "{refused}");
}

/// A later version of the program, in which a projection has a column that old rows cannot have.
mod later {
    use protean::{Context, Handled, Id, projection, projector};

    use crate::tallies::{Added, Faults};

    #[projection]
    pub(crate) struct Numbers {
        #[field(identifier)]
        pub(crate) tally: Id,
        pub(crate) seen: Vec<i64>,
        #[field(unique)]
        pub(crate) mark: Option<String>,
        pub(crate) first: i64,
    }

    pub(crate) struct NumbersProjector(pub(crate) Faults);

    #[projector(projection = Numbers)]
    impl NumbersProjector {
        #[on]
        async fn on_added(&self, event: Added, context: &Context) -> Handled {
            self.0.meet(event.number).await?;
            let rows = context.repository::<Numbers>();
            let (tally, first) = (event.tally, event.number);
            let found = rows.find(&tally).await?;
            let new = || Numbers { tally, seen: Vec::new(), mark: None, first };
            let mut row = found.unwrap_or_else(new);
            row.seen.push(event.number);
            Ok(rows.add(row).await?)
        }
    }
}

/// A new version rebuilds the projection beside servers of the old one, which then leave it to the
/// new ones.
async fn a_projection_gets_a_column_that_old_rows_cannot_have(on: On) {
    let old = Harness::new(on);
    fill(&old, 40).await;
    old.drain().await;
    let later =
        || old.sibling_instead(|builder, faults| builder.register(later::NumbersProjector(faults)));
    let refused = later().refusal().await;
    assert!(refused.contains("'first'"), "{refused}");
    assert!(refused.contains("`projection rebuild Numbers`"), "{refused}");
    let (lines, _logged) = Lines::capture();
    let standing_by =
        "has rebuilt the projection, and this one cannot write its table: standing by";
    let changing = async {
        rebuild(&later(), "Numbers").await;
        while lines.with(standing_by).is_empty() {
            sleep(Duration::from_millis(5)).await;
        }
        add(&old, 40..60).await;
        let new = later();
        new.serve_until(async || new.numbers().await.count(Counter::Handled) == 60).await;
        assert_eq!(new.faults.calls().len(), 20, "those that came after the swap");
        let rows = new.domain.repository::<later::Numbers>().await.unwrap();
        let row = rows.find(&"t-3".into()).await.unwrap().unwrap();
        assert_eq!((row.first, row.seen), (3, vec![3, 23, 43]));
    };
    let done = AtomicBool::new(false);
    let serving = old.serve_until(async || done.load(Ordering::Relaxed));
    tokio::join!(serving, async {
        changing.await;
        done.store(true, Ordering::Relaxed);
    });
    assert_eq!(lines.with(standing_by).len(), 1, "it is said once");
    assert_eq!(old.faults.calls().len(), 40, "the old version has handled nothing more");
}

#[tokio::test]
async fn on_sqlite_a_projection_gets_a_column() {
    a_projection_gets_a_column_that_old_rows_cannot_have(On::Sqlite).await;
}

#[tokio::test]
#[ignore = "needs PostgreSQL and Redis: cargo xtask test"]
async fn on_production_a_projection_gets_a_column() {
    a_projection_gets_a_column_that_old_rows_cannot_have(On::Production).await;
}
