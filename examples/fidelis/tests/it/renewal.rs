//! A deployment replaces the program's file, and `SIGHUP` makes the servers go on with it.

use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Duration;

use protean::Priority;
use protean_test_servers::{copy_program, write_script};
use rustix::process::{Pid, Signal, kill_process};

use crate::bank::Bank;
use crate::workers::{await_gone, await_ready, await_started, runs, send, started};

const BEGUN: &str = "SIGHUP received";
const DONE: &str = "the workers have gone on";
const NOT_STARTED: &str = "the program in this file does not start";

/// Puts another version in the place of a program, as a deployment does; gives what tells it
/// from others.
fn deploy(program: &Path) -> u64 {
    let newer = program.with_file_name("newer");
    copy_program(env!("CARGO_BIN_EXE_fidelis"), &newer);
    std::fs::rename(&newer, program).unwrap();
    std::fs::metadata(program).unwrap().ino()
}

fn deploy_script(program: &Path, text: &str) {
    let newer = program.with_file_name("newer");
    write_script(&newer, text);
    std::fs::rename(&newer, program).unwrap();
}

/// Which program a process runs.
fn image(pid: Pid) -> u64 {
    std::fs::metadata(format!("/proc/{}/exe", pid.as_raw_nonzero())).unwrap().ino()
}

/// Sends accounts in both lanes while something happens, and gives how many.
async fn under_load(bank: &Bank, happens: impl FnOnce() + Send + 'static) -> u64 {
    let happening = tokio::task::spawn_blocking(happens);
    let mut sent = 0;
    while !happening.is_finished() || sent < 200 {
        sent += bank.send(sent..sent + 10, Priority::NORMAL).await;
        sent += bank.send(sent..sent + 10, Priority::BULK).await;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    happening.await.unwrap();
    sent
}

/// The bank has each account once.
fn assert_exact(bank: &Bank, accounts: u64) {
    let stats = bank.await_accounts(accounts);
    let cents = stats["total_balance"].as_f64().unwrap() * 100.0;
    assert_eq!(cents.round(), (accounts * 1001) as f64, "{stats}");
    assert_eq!(bank.ask(&["verify"])["data"]["closes"], true);
}

/// How few workers were up at any time after the first ones, by the log.
fn fewest(log: &str, workers: usize) -> usize {
    let (mut up, mut fewest) = (0, usize::MAX);
    for line in log.lines() {
        up += usize::from(line.contains("server ready"));
        let is_full = fewest != usize::MAX || up >= workers;
        up -= usize::from(line.contains("worker stopped, its successor is ready"));
        if is_full {
            fewest = fewest.min(up);
        }
    }
    fewest
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn workers_go_on_with_a_new_program_one_by_one_and_nothing_is_lost_or_twice() {
    let bank = std::sync::Arc::new(Bank::new());
    let program = bank.copy_of_program();
    let mut server = bank.serve_by(&program, &["--workers", "3"]);
    await_ready(&bank, 3);
    let before = await_started(&bank, 3);
    let newer = deploy(&program);
    let (there, supervisor) = (bank.clone(), Pid::from_child(&server.0));
    let accounts = under_load(&bank, move || {
        std::thread::sleep(Duration::from_millis(300));
        kill_process(supervisor, Signal::HUP).unwrap();
        there.await_logged(DONE);
    })
    .await;
    let log = bank.await_logged(DONE);
    assert_eq!(fewest(&log, 3), 3, "{log}");
    assert!(!log.contains("ended unexpectedly"), "{log}");
    assert_eq!(log.matches("exit=exit status: 0").count(), 3, "{log}");
    assert!(before.iter().all(|pid| !runs(*pid)));
    let after = started(&log).split_off(3);
    assert_eq!(after.iter().map(|pid| image(*pid)).collect::<Vec<_>>(), [newer; 3]);
    assert_exact(&bank, accounts);

    // From now on the new one replaces a worker that dies, whatever is in the file.
    deploy_script(&program, "exit 9");
    kill_process(after[1], Signal::KILL).unwrap();
    assert_eq!(image(await_started(&bank, 7)[6]), newer);
    await_ready(&bank, 7);
    send(&server, Signal::TERM);
    assert_eq!(server.0.wait().unwrap().code(), Some(0), "{}", bank.await_logged(""));
}

#[test]
fn workers_keep_their_program_when_the_new_one_does_not_start() {
    let bank = Bank::new();
    let program = bank.copy_of_program();
    let mut server = bank.serve_by(&program, &["--workers", "2"]);
    await_ready(&bank, 2);
    let workers = await_started(&bank, 2);
    let failures = [("exit 9", "exit status: 9"), ("", "exit status: 0")];
    for (times, (script, why)) in (1..).zip(failures) {
        deploy_script(&program, script);
        send(&server, Signal::HUP);
        let log = bank.await_logged(why);
        assert_eq!(log.matches(NOT_STARTED).count(), times, "{log}");
        assert!(log.contains("renewed=0 kept=2"), "{log}");
    }
    std::fs::remove_file(&program).unwrap();
    send(&server, Signal::HUP);
    bank.await_logged("No such file");
    assert!(workers.iter().all(|pid| runs(*pid)), "nobody was stopped");
    let newer = deploy(&program);
    send(&server, Signal::HUP);
    let log = bank.await_logged(DONE);
    // Each program that did not start was started once.
    let after = started(&log).split_off(4);
    assert_eq!(after.iter().map(|pid| image(*pid)).collect::<Vec<_>>(), [newer; 2]);
    send(&server, Signal::TERM);
    assert_eq!(server.0.wait().unwrap().code(), Some(0), "{}", bank.await_logged(""));
}

#[test]
fn several_hang_ups_during_a_hand_over_are_one_and_a_stop_ends_it_in_order() {
    let bank = Bank::new();
    let program = bank.copy_of_program();
    let mut server = bank.serve_by(&program, &["--workers", "2"]);
    await_ready(&bank, 2);
    // It never gets ready, and ends with its standard input.
    deploy_script(&program, "cat > /dev/null");
    send(&server, Signal::HUP);
    let processes = await_started(&bank, 3);
    for _ in 0..5 {
        send(&server, Signal::HUP);
        std::thread::sleep(Duration::from_millis(20));
    }
    // The hand-over ends with this process, and there is another one for all five.
    kill_process(processes[2], Signal::KILL).unwrap();
    let processes = await_started(&bank, 4);
    assert_eq!(bank.await_logged(BEGUN).matches(BEGUN).count(), 2);
    assert_eq!(processes.iter().filter(|pid| runs(**pid)).count(), 3);
    send(&server, Signal::TERM);
    assert_eq!(server.0.wait().unwrap().code(), Some(0), "{}", bank.await_logged(""));
    let log = bank.await_logged("exit=exit status: 0");
    assert_eq!(log.matches("worker stopped").count(), 2, "{log}");
    assert_eq!(started(&log).len(), 4, "nothing else was started: {log}");
    await_gone(&processes);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_of_one_process_goes_on_with_the_new_program_in_the_same_process() {
    let bank = std::sync::Arc::new(Bank::new());
    let program = bank.copy_of_program();
    let mut server = bank.serve_by(&program, &[]);
    await_ready(&bank, 1);
    let process = Pid::from_child(&server.0);
    let before = image(process);
    deploy_script(&program, "exit 9");
    send(&server, Signal::HUP);
    let log = bank.await_logged(NOT_STARTED);
    assert!(log.contains("exit status: 9"), "{log}");
    assert_eq!(image(process), before, "it goes on");
    let newer = deploy(&program);
    let there = bank.clone();
    let accounts = under_load(&bank, move || {
        std::thread::sleep(Duration::from_millis(300));
        kill_process(process, Signal::HUP).unwrap();
        await_ready(&there, 2);
    })
    .await;
    assert_eq!(image(process), newer);
    assert_exact(&bank, accounts);
    send(&server, Signal::TERM);
    assert_eq!(server.0.wait().unwrap().code(), Some(0), "{}", bank.await_logged(""));
}

#[test]
fn a_hang_up_before_a_stop_does_not_start_the_server_again() {
    let bank = Bank::new();
    let mut server = bank.serve();
    await_ready(&bank, 1);
    send(&server, Signal::HUP);
    send(&server, Signal::TERM);
    assert_eq!(server.0.wait().unwrap().code(), Some(0), "{}", bank.await_logged(""));
}
