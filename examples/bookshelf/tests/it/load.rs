//! The program that measures: small, from the first order to the last book.

use std::process::Output;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

use crate::shop::Shop;

fn load(shop: &Shop, temporary: &TempDir, words: &[&str]) -> std::process::Command {
    let mut program = shop.program(&[&["load"], words].concat());
    program.env("TMPDIR", temporary.path()).env_remove("DATABASE_URI");
    program
}

fn left_behind(temporary: &TempDir) -> usize {
    std::fs::read_dir(temporary.path()).unwrap().count()
}

#[test]
fn every_order_is_placed_once_while_books_drain_and_nothing_is_left_behind() {
    let (shop, temporary) = (Shop::new(), TempDir::new().unwrap());
    let words = ["--rate", "50", "--orders", "30", "--books", "3000", "--json"];
    let Output { status, stdout, stderr } = load(&shop, &temporary, &words).output().unwrap();
    let (out, err) = (String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap());
    assert!(status.success(), "{out}{err}");
    let report: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((&report["errors"], &report["adds_up"]), (&0.into(), &true.into()), "{report}");
    assert_eq!((&report["idle"]["orders"], &report["books"]), (&30.into(), &3000.into()));
    assert!(report["draining"]["orders"].as_u64() > Some(0), "{report}");
    for (phase, what) in
        ["idle", "draining"].into_iter().flat_map(|phase| [(phase, "answered"), (phase, "placed")])
    {
        let of = |name: &str| report[phase][what][name].as_f64().unwrap();
        let latencies = ["p50_ms", "p99_ms", "p999_ms", "max_ms"].map(of);
        assert!(latencies[0] > 0.0 && latencies.is_sorted(), "{report}");
    }
    assert!(report["books_per_second"].as_f64() > Some(0.0), "{report}");
    assert_eq!(left_behind(&temporary), 0);
}

#[test]
fn a_load_that_is_broken_off_leaves_nothing_behind() {
    let (shop, temporary) = (Shop::new(), TempDir::new().unwrap());
    let mut child = load(&shop, &temporary, &["--orders", "100000"]).spawn().unwrap();
    let began = Instant::now();
    let database = || {
        let mut found = std::fs::read_dir(temporary.path()).unwrap();
        found.next().is_some_and(|folder| folder.unwrap().path().join("load.db-wal").exists())
    };
    while !database() {
        assert!(began.elapsed() < Duration::from_secs(15));
        std::thread::sleep(Duration::from_millis(10));
    }
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert_eq!(left_behind(&temporary), 0);
}

#[test]
fn a_load_refuses_settings_and_an_invalid_rate() {
    let shop = Shop::new();
    let refused = shop.run(&["load", "--config", "own.toml"]);
    assert_eq!(refused.code, 2);
    assert!(refused.err.contains("--config"), "{}", refused.err);
    assert_eq!(shop.run(&["load", "--rate", "0"]).code, 2);
}
