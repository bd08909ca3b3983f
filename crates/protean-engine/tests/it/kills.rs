//! A process that is killed or stopped with handlers in flight, and the next one.

use std::path::Path;
use std::time::{Duration, Instant};

use protean::domain::Domain;
use protean::message::Priority;
use protean_engine::Server;

use crate::child::{builder, file, serve_to_rest, spawn};
use crate::tallies::{Add, Fault, Faults, Forwarder};

const STALLING: &str = "kills::a_server_whose_handlers_never_return";
/// As many as run at once, and as many more as are read ahead.
const NUMBERS: i64 = 64;
const RUNNING: usize = 32;
/// It has failed once before.
const WEAK: i64 = 1;
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
        assert!(began.elapsed() < Duration::from_secs(20), "not in time");
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

async fn copies(domain: &Domain, which: impl Fn(i64) -> bool) -> usize {
    let store = domain.store().await.unwrap();
    let mut copies = 0;
    for number in (1..=NUMBERS).filter(|number| which(*number)) {
        let copy = format!("copy-of-t-{number}");
        let stream = protean::message::Category::of("bench", "Tally").stream(&copy.into());
        let events = store.stream(&stream, 0, 9).await.unwrap().len();
        assert!(events <= 1, "the effect of {number} is there {events} times");
        copies += events;
    }
    copies
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_killed_process_had_in_flight_and_read_ahead_runs_in_the_next_within_a_second() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("bench.db");
    let domain = domain(&file, &Faults::default());
    let mut process = spawn(STALLING, &file, &[]);
    until(|| file.with_extension("busy").exists()).await;
    process.kill();

    let faults = Faults::default();
    faults.plan(-WEAK, Fault::Fail(u32::MAX));
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
    assert_eq!(copies(&domain, |number| number != WEAK).await, 63);
    assert!((2..=NUMBERS).all(|number| calls(&faults, number) == 1));
    // Two retries are allowed: it had failed once, and being killed was none of its tries.
    assert_eq!(calls(&faults, WEAK), 2);
    let report = protean_engine::verify(&domain).await.unwrap();
    assert!(report.closes, "{report:?}");
    assert_eq!(report.groups.iter().map(|group| group.dead).sum::<u64>(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_waits_no_longer_than_the_drain_and_leaves_all_tries_to_the_next_process() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("bench.db");
    let domain = domain(&file, &Faults::default());
    send(&domain, 1..=NUMBERS).await;
    let faults = Faults::default();
    for number in 2..=NUMBERS {
        faults.plan(-number, Fault::Sleep(FOR_EVER));
    }
    faults.plan(-WEAK, Fault::Fail(u32::MAX));
    let stopping = self::domain(&file, &faults);
    let asked = std::cell::Cell::new(Instant::now());
    let busy = async {
        until(|| calls(&faults, WEAK) == 1 && faults.calls().len() > RUNNING).await;
        asked.set(Instant::now());
    };
    Server::new(stopping).run(busy).await.unwrap();
    let took = asked.get().elapsed();
    assert!(took < Duration::from_secs(2), "the drain is a second long: {took:?}");

    let faults = Faults::default();
    faults.plan(-WEAK, Fault::Fail(u32::MAX));
    serve_to_rest(&self::domain(&file, &faults)).await.unwrap();
    assert_eq!(copies(&domain, |number| number != WEAK).await, 63);
    assert!((2..=NUMBERS).all(|number| calls(&faults, number) == 1));
    assert_eq!(calls(&faults, WEAK), 2, "of three tries it had used one");
}
