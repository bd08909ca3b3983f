//! A server that is killed in the middle of its work, or asked to stop.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use fidelis::summary::AccountSummary;
use protean::Priority;

use crate::bank::{Bank, WAIT_LIMIT};

fn accounts(bank: &Bank) -> u64 {
    bank.ask(&["stats"])["accounts"].as_u64().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_exists_once_after_a_kill_in_the_middle() {
    let bank = Bank::new();
    assert_eq!(bank.send(0..5000, Priority::BULK).await, 5000);
    let mut server = bank.serve();
    let began = Instant::now();
    while accounts(&bank) < 200 {
        assert!(began.elapsed() < WAIT_LIMIT);
    }
    server.0.kill().unwrap();
    server.0.wait().unwrap();
    assert_eq!(bank.ask(&["verify"])["data"]["closes"], true);
    let _server = bank.serve();
    let stats = bank.await_accounts(5000);
    assert_eq!(stats["total_balance"], 50050.0);
    let summaries = bank.domain().repository::<AccountSummary>().await.unwrap();
    let rows = summaries.query().all().await.unwrap();
    let numbers: HashSet<_> = rows.iter().map(|row| &row.account_number).collect();
    assert_eq!((rows.len(), numbers.len()), (5000, 5000));
    assert_eq!(bank.ask(&["verify"])["data"]["closes"], true);
}

#[cfg(unix)]
#[test]
fn an_idle_server_stops_at_once_when_asked() {
    use rustix::process::{Pid, Signal, kill_process};

    for (signal, name) in [(Signal::TERM, "SIGTERM"), (Signal::INT, "SIGINT")] {
        let bank = Bank::new();
        let mut server = bank.serve();
        bank.await_logged("ready");
        let asked = Instant::now();
        kill_process(Pid::from_child(&server.0), signal).unwrap();
        let status = server.0.wait().unwrap();
        let took = asked.elapsed();
        assert!(took < Duration::from_secs(1), "{name}: {took:?}");
        assert_eq!(status.code(), Some(0), "{name}: {status}");
        bank.await_logged(&format!("signal=\"{name}\""));
    }
}

#[cfg(unix)]
#[test]
fn a_second_signal_does_not_wait_for_the_drain() {
    use rustix::process::{Pid, Signal, kill_process};

    let bank = Bank::new();
    for _ in 0..20 {
        let mut server = bank.serve();
        bank.await_logged("ready");
        // A server that is held finds both signals at once when it is let go.
        for signal in [Signal::STOP, Signal::INT, Signal::TERM, Signal::CONT] {
            kill_process(Pid::from_child(&server.0), signal).unwrap();
        }
        let code = server.0.wait().unwrap().code();
        let log = std::fs::read_to_string(bank.log()).unwrap();
        // With nothing to do it may have ended before it saw the second one.
        if code != Some(0) {
            assert!(log.contains("second signal received, stopped at once"), "{log}");
            let second = if log.contains("stopped at once signal=\"SIGTERM\"") { 143 } else { 130 };
            return assert_eq!(code, Some(second), "{log}");
        }
    }
    panic!("the second signal never ended it");
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_asked_to_stop_in_the_middle_burns_no_try_and_leaves_the_rest() {
    use rustix::process::{Pid, Signal, kill_process};

    let bank = Bank::new();
    assert_eq!(bank.send(0..10_000, Priority::BULK).await, 10_000);
    let mut server = bank.serve();
    let began = Instant::now();
    while accounts(&bank) < 200 {
        assert!(began.elapsed() < WAIT_LIMIT);
    }
    let asked = Instant::now();
    kill_process(Pid::from_child(&server.0), Signal::TERM).unwrap();
    let status = server.0.wait().unwrap();
    // What runs takes milliseconds here, so nothing like the drain of ten seconds.
    assert!(asked.elapsed() < Duration::from_secs(3), "{:?}", asked.elapsed());
    assert_eq!(status.code(), Some(0), "{status}");
    let report = bank.ask(&["verify"]);
    assert_eq!(report["data"]["closes"], true, "{report}");
    for group in report["data"]["groups"].as_array().unwrap() {
        assert_eq!((&group["parked"], &group["dead"]), (&0.into(), &0.into()), "{report}");
    }
    let waiting = report["data"]["groups"].as_array().unwrap();
    let waiting = waiting.iter().filter_map(|group| group["on_the_way"].as_u64()).sum::<u64>();
    assert!(waiting > 0, "it was stopped in the middle: {report}");
    let _server = bank.serve();
    assert_eq!(bank.await_accounts(10_000)["total_balance"], 100_100.0);
    let log = bank.await_logged("ready");
    assert!(
        !log.contains("the process ended while this message was handled"),
        "nobody is suspected after a proper end: {log}"
    );
}
