//! A process that is killed or stopped with handlers in flight, and the next one.

use std::path::Path;
use std::time::{Duration, Instant};

use protean::Domain;
use protean::message::{Category, Priority};
use protean_engine::Server;

use crate::child::{builder, file, serve_to_rest, spawn};
use crate::harness::WAIT_LIMIT;
use crate::tallies::{Add, Fault, Faults, Forwarder};

const STALLING: &str = "kills::a_server_whose_handlers_never_return";
/// As many as run at once, and as many more as are read ahead.
const NUMBERS: i64 = 64;
const RUNNING: usize = 32;
/// It has failed once before.
const WEAK: i64 = 1;
/// It will fail from now on.
const FALLEN: i64 = 2;
const FOR_EVER: Duration = Duration::from_secs(3600);

fn domain(file: &Path, faults: &Faults) -> Domain {
    builder(file, &Faults::default()).register(Forwarder(faults.clone())).build().unwrap()
}

/// The forwarder asks under the negative number.
fn calls(faults: &Faults, number: i64) -> usize {
    faults.calls().iter().filter(|call| **call == -number).count()
}

async fn until(done: impl Fn() -> bool) {
    let began = Instant::now();
    while !done() {
        assert!(began.elapsed() < WAIT_LIMIT, "not in time");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

async fn send(domain: &Domain, numbers: std::ops::RangeInclusive<i64>) {
    for number in numbers {
        let command = Add { tally: format!("t-{number}").into(), number };
        domain.process(command).priority(Priority::NORMAL).asynchronous().await.unwrap();
    }
}

/// The process that is to be killed: all its handlers are busy for ever, one of
/// them with its second try.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_whose_handlers_never_return() {
    let Some(file) = file() else { return };
    let faults = Faults::default();
    faults.plan(-WEAK, Fault::Fail(1));
    (2..=NUMBERS).for_each(|number| faults.plan(-number, Fault::Sleep(FOR_EVER)));
    let domain = domain(&file, &faults);
    let busy = async {
        send(&domain, WEAK..=WEAK).await;
        until(|| calls(&faults, WEAK) == 1).await;
        faults.plan(-WEAK, Fault::Sleep(FOR_EVER));
        until(|| calls(&faults, WEAK) == 2).await;
        send(&domain, 2..=NUMBERS).await;
        until(|| faults.calls().len() > RUNNING).await;
        std::fs::write(file.with_extension("busy"), "").unwrap();
    };
    let server = Server::new(domain.clone()).run(std::future::pending());
    let (served, ()) = tokio::join!(server, busy);
    served.unwrap();
}

/// What the next process finds: two that fail whatever it does.
fn failing() -> Faults {
    let faults = Faults::default();
    faults.plan(-WEAK, Fault::Fail(u32::MAX));
    faults.plan(-FALLEN, Fault::Fail(u32::MAX));
    faults
}

/// Two retries are allowed, and the end of the process was none of the tries.
async fn assert_no_try_was_burnt(domain: &Domain, faults: &Faults) {
    assert_eq!((calls(faults, WEAK), calls(faults, FALLEN)), (2, 3));
    let store = domain.store().await.unwrap();
    for number in 3..=NUMBERS {
        assert_eq!(calls(faults, number), 1, "{number} runs again, and once");
        let copy = format!("copy-of-t-{number}");
        let stream = Category::of(domain.name(), "Tally").stream(&copy.into());
        assert_eq!(store.stream(&stream, 0, 9).await.unwrap().len(), 1, "the effect of {number}");
    }
    let report = protean_engine::verify(domain).await.unwrap();
    assert!(report.closes, "{report:?}");
    assert_eq!(report.groups.iter().map(|group| group.dead).sum::<u64>(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_killed_process_had_in_flight_and_read_ahead_runs_in_the_next_within_a_second() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("harness.db");
    let domain = domain(&file, &Faults::default());
    let mut process = spawn(STALLING, &file, &[]);
    until(|| file.with_extension("busy").exists()).await;
    process.kill();

    let faults = failing();
    let next = self::domain(&file, &faults);
    next.store().await.unwrap();
    let began = Instant::now();
    let others = async {
        until(|| (1..=NUMBERS).all(|number| calls(&faults, number) > 0)).await;
        began.elapsed()
    };
    let serving = async { serve_to_rest(&next).await.unwrap() };
    let (took, ()) = tokio::join!(others, serving);
    assert!(took < Duration::from_secs(1), "{took:?}");
    assert_no_try_was_burnt(&domain, &faults).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_waits_no_longer_than_the_drain_and_leaves_all_tries_to_the_next_process() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("harness.db");
    let domain = domain(&file, &Faults::default());
    send(&domain, 1..=NUMBERS).await;
    let faults = Faults::default();
    (2..=NUMBERS).for_each(|number| faults.plan(-number, Fault::Sleep(FOR_EVER)));
    faults.plan(-WEAK, Fault::Fail(u32::MAX));
    let stopping = self::domain(&file, &faults);
    let asked = std::cell::Cell::new(Instant::now());
    let busy = async {
        until(|| calls(&faults, WEAK) == 1 && faults.calls().len() > RUNNING).await;
        asked.set(Instant::now());
    };
    Server::new(stopping).run(busy).await.unwrap();
    let took = asked.get().elapsed();
    assert!(took < Duration::from_secs(20), "the drain is a second long: {took:?}");

    let faults = failing();
    serve_to_rest(&self::domain(&file, &faults)).await.unwrap();
    assert_no_try_was_burnt(&domain, &faults).await;
}
