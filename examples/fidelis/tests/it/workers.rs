//! Several server processes, and the supervisor that restarts them.

#[cfg(target_os = "linux")]
#[cfg(target_os = "linux")]
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::time::{Duration, Instant};

use protean::Priority;
use protean_test_servers::write_script;
use rustix::process::{Pid, Signal, kill_process, kill_process_group, test_kill_process};

use crate::bank::{Bank, Server, WAIT_LIMIT, transcript};

/// The processes that the log says were started.
pub(crate) fn started(log: &str) -> Vec<Pid> {
    let lines = log.lines().filter(|line| line.contains("worker started pid="));
    let pids = lines.filter_map(|line| line.split_once("pid=")?.1.split(' ').next()?.parse().ok());
    pids.filter_map(Pid::from_raw).collect()
}

/// Waits until so many workers have been started, and gives all of them.
pub(crate) fn await_started(bank: &Bank, count: usize) -> Vec<Pid> {
    let began = Instant::now();
    loop {
        let log = std::fs::read_to_string(bank.log()).unwrap();
        let pids = started(&log);
        if pids.len() >= count {
            return pids;
        }
        assert!(began.elapsed() < WAIT_LIMIT, "{log}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Waits until so many servers say that they are ready.
pub(crate) fn await_ready(bank: &Bank, count: usize) {
    let began = Instant::now();
    while std::fs::read_to_string(bank.log()).unwrap().matches(" ready ").count() < count {
        assert!(began.elapsed() < WAIT_LIMIT, "{}", std::fs::read_to_string(bank.log()).unwrap());
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// One that has ended and that nobody has asked for yet does not run either.
pub(crate) fn runs(pid: Pid) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero()));
    let ended = stat.is_ok_and(|stat| stat.contains(") Z "));
    test_kill_process(pid).is_ok() && !ended
}

/// Waits until none of them runs any more, and says how long that took.
pub(crate) fn await_gone(pids: &[Pid]) -> Duration {
    let began = Instant::now();
    while pids.iter().any(|pid| runs(*pid)) {
        assert!(began.elapsed() < WAIT_LIMIT, "still there: {pids:?}");
        std::thread::sleep(Duration::from_millis(5));
    }
    began.elapsed()
}

pub(crate) fn send(server: &Server, signal: Signal) {
    kill_process(Pid::from_child(&server.0), signal).unwrap();
}

fn accounts(bank: &Bank) -> u64 {
    bank.ask(&["stats"])["accounts"].as_u64().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_that_is_killed_is_replaced_and_the_others_take_over() {
    let bank = Bank::new();
    assert_eq!(bank.send(0..5000, Priority::BULK).await, 5000);
    let mut server = bank.serve_with(&["--workers", "3"]);
    // Each in turn, so that the one is among them that handles the commands.
    for (killed, pid) in await_started(&bank, 3).into_iter().enumerate() {
        let (before, began) = (accounts(&bank), Instant::now());
        while accounts(&bank) < (before + 50).min(5000) {
            assert!(began.elapsed() < WAIT_LIMIT, "{}", bank.await_logged(""));
        }
        kill_process(pid, Signal::KILL).unwrap();
        let log = bank.await_logged("worker ended unexpectedly, restarting");
        assert!(log.contains("exit=signal: 9 (SIGKILL)"), "{log}");
        assert!(await_started(&bank, 4 + killed).len() <= 6);
    }
    assert_eq!(bank.await_accounts(5000)["total_balance"], 50050.0);
    assert_eq!(bank.ask(&["verify"])["data"]["closes"], true);
    let workers = await_started(&bank, 6);
    send(&server, Signal::TERM);
    assert_eq!(server.0.wait().unwrap().code(), Some(0), "{}", bank.await_logged(""));
    assert!(workers.iter().all(|pid| !runs(*pid)));
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_is_replaced_by_its_own_version_when_the_file_holds_another() {
    let bank = Bank::new();
    let program = bank.copy_of_program();
    let mut server = bank.serve_by(&program, &["--workers", "2"]);
    await_ready(&bank, 2);
    let newer = program.with_file_name("newer");
    write_script(&newer, "exit 9");
    std::fs::rename(&newer, &program).unwrap();
    for pid in await_started(&bank, 2) {
        kill_process(pid, Signal::KILL).unwrap();
    }
    let workers = await_started(&bank, 4).split_off(2);
    await_ready(&bank, 4);
    assert_eq!(bank.send(0..20, Priority::NORMAL).await, 20);
    bank.await_accounts(20);
    let original = std::fs::metadata(format!("/proc/{}/exe", server.0.id())).unwrap().ino();
    for worker in &workers {
        let process = format!("/proc/{}", worker.as_raw_nonzero());
        let image = std::fs::metadata(format!("{process}/exe")).unwrap();
        assert_eq!(image.ino(), original, "another program");
        let name = std::fs::read_to_string(format!("{process}/comm")).unwrap();
        assert_eq!(name, "fidelis\n", "as tools show it");
    }
    send(&server, Signal::TERM);
    assert_eq!(server.0.wait().unwrap().code(), Some(0), "{}", bank.await_logged(""));
}

#[test]
fn one_signal_stops_all_workers_properly() {
    for (signal, name) in [(Signal::TERM, "SIGTERM"), (Signal::INT, "SIGINT")] {
        let bank = Bank::new();
        let mut server = bank.serve_with(&["--workers", "3"]);
        await_ready(&bank, 3);
        let asked = Instant::now();
        send(&server, signal);
        let status = server.0.wait().unwrap();
        let (took, log) = (asked.elapsed(), bank.await_logged(&format!("signal=\"{name}\"")));
        assert_eq!(status.code(), Some(0), "{log}");
        assert!(took < Duration::from_secs(3), "{took:?}");
        assert_eq!(log.matches("exit=exit status: 0").count(), 3, "{log}");
        assert!(started(&log).iter().all(|pid| !runs(*pid)));
    }
}

#[test]
fn ctrl_c_is_for_the_first_process_alone() {
    let bank = Bank::new();
    let log = std::fs::File::create(bank.log()).unwrap();
    let mut program = bank.program();
    program.args(["server", "--workers", "2"]).stderr(log).process_group(0);
    let mut server = Server(program.spawn().unwrap());
    await_ready(&bank, 2);
    // As a terminal does, which signals all processes in front.
    kill_process_group(Pid::from_child(&server.0), Signal::INT).unwrap();
    assert_eq!(server.0.wait().unwrap().code(), Some(0));
    let log = bank.await_logged("signal=\"SIGINT\"");
    assert_eq!(log.matches("signal=\"SIGINT\"").count(), 1, "{log}");
    assert!(!log.contains("ended unexpectedly"), "{log}");
}

#[test]
fn a_second_signal_ends_a_worker_that_does_not_stop() {
    let bank = Bank::new();
    let mut server = bank.serve_with(&["--workers", "2"]);
    await_ready(&bank, 2);
    let workers = await_started(&bank, 2);
    kill_process(workers[0], Signal::STOP).unwrap();
    send(&server, Signal::TERM);
    bank.await_logged("exit=exit status: 0");
    assert!(server.0.try_wait().unwrap().is_none(), "one is still there");
    let again = Instant::now();
    send(&server, Signal::TERM);
    assert_eq!(server.0.wait().unwrap().code(), Some(143), "{}", bank.await_logged(""));
    assert!(again.elapsed() < Duration::from_secs(5), "{:?}", again.elapsed());
    assert!(workers.iter().all(|pid| !runs(*pid)));
}

#[test]
fn a_worker_that_does_not_stop_is_ended_after_the_drain() {
    let bank = Bank::new();
    let settings = bank.settings(
        "[databases.default]\nprovider = \"sqlite\"\ndatabase_uri = \"${DATABASE_URI}\"\n\
         [server]\ndrain_timeout = 0.5\n",
    );
    let options = ["--workers", "2", "--config", settings.to_str().unwrap()];
    let mut server = bank.serve_with(&options);
    await_ready(&bank, 2);
    let workers = await_started(&bank, 2);
    kill_process(workers[0], Signal::STOP).unwrap();
    let asked = Instant::now();
    send(&server, Signal::TERM);
    let (code, took) = (server.0.wait().unwrap().code(), asked.elapsed());
    let log = bank.await_logged("1 of 2 workers did not stop cleanly");
    assert_eq!(code, Some(1), "{log}");
    assert!(took < Duration::from_secs(6), "{took:?}");
    assert!(workers.iter().all(|pid| !runs(*pid)));
}

#[test]
fn a_supervisor_that_is_killed_leaves_no_process() {
    let bank = Bank::new();
    let mut server = bank.serve_with(&["--workers", "3"]);
    await_ready(&bank, 3);
    let workers = await_started(&bank, 3);
    assert!(workers.iter().all(|pid| runs(*pid)));
    server.0.kill().unwrap();
    server.0.wait().unwrap();
    let took = await_gone(&workers);
    assert!(took < Duration::from_secs(3), "{took:?}");
    assert_eq!(bank.await_logged("").matches(" stopped\n").count(), 3, "they ended properly");
}

#[test]
fn what_cannot_be_shared_by_workers_is_refused() {
    let bank = Bank::new();
    let memory = bank.settings("[databases.default]\nprovider = \"memory\"\n");
    let memory = memory.to_str().unwrap();
    for (words, expected) in [
        (&["--workers", "0"][..], "0 is not in 1..=64"),
        (&["--workers", "65"], "65 is not in 1..=64"),
        (&["--workers", "many"], "invalid digit"),
        (&["--workers", "2", "--test-mode"], "remove --workers or --test-mode"),
        (&["--workers", "2", "--config", memory], "memory database"),
    ] {
        let output = bank.program().arg("server").args(words).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{words:?}");
        assert!(transcript(&output).contains(expected), "{words:?}: {}", transcript(&output));
    }
}
