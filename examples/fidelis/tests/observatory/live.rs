//! The pages that follow the system: during a migration, after a restart, in a hidden tab.

use std::path::Path;
use std::process::{Command, Stdio};

use protean::Priority;
use protean_test_servers::{Browser, Look, Page};
use serde_json::Value;

use crate::bank::{Bank, transcript};
use crate::pictures;
use crate::place::{Observatory, await_dead, settings_of_its_own, url};

/// Writes down what the page of the lanes shows of each snapshot.
const RECORD: &str = "(() => {
    window.seen = [];
    const note = () => {
        const snapshot = document.querySelector('[data-snapshot]');
        const number = Number(snapshot?.dataset.snapshot);
        if (!snapshot || window.seen.at(-1)?.number === number) return;
        const figure = metric => {
            const value = document.querySelector(`[data-metric=${metric}]`)?.dataset.value;
            return value === undefined || value === '' ? null : isNaN(value) ? value : Number(value);
        };
        const metrics = ['production-p50', 'production-p99', 'idle-p99', 'bulk-rate', 'backlog',
            'pace', 'pace-reason'];
        window.seen.push({ number, at: performance.now(), taken: Date.parse(snapshot.dataset.taken),
            ...Object.fromEntries(metrics.map(metric => [metric, figure(metric)])) });
    };
    new MutationObserver(note).observe(document.getElementById('live'),
        { subtree: true, childList: true, attributes: true, characterData: true });
    note();
})()";

fn number(page: &Page) -> u64 {
    page.evaluate("Number(document.querySelector('[data-snapshot]').dataset.snapshot)")
        .as_u64()
        .unwrap()
}

/// Waits for this many further snapshots.
#[track_caller]
fn await_snapshots(page: &Page, count: u64) {
    let last = number(page) + count;
    page.wait_until(&format!(
        "Number(document.querySelector('[data-snapshot]').dataset.snapshot) >= {last}"
    ));
}

fn is(state: &str) -> String {
    format!("document.querySelector('#connection').dataset.connection === '{state}'")
}

fn migration(bank: &Bank, settings: &Path) -> Command {
    // A picture shows more than a few seconds.
    let accounts = if pictures::are_wanted() { "250000" } else { "8000" };
    let mut program = bank.program();
    program.args(["migrate", "--accounts", accounts, "--deposits-per-second", "40", "--json"]);
    program.arg("--config").arg(settings).stdout(Stdio::piped()).stderr(Stdio::piped());
    program
}

#[test]
#[ignore = "needs Chromium: cargo xtask test"]
fn the_lanes_tell_the_story_of_a_migration() {
    let bank = Bank::ready();
    let (settings, _) = settings_of_its_own(&bank, "");
    let observatory = Observatory::with(&bank, &settings);
    let page = observatory.open("lanes", Look::DESK);
    page.evaluate(RECORD);
    let migration = migration(&bank, &settings).spawn().unwrap();
    page.wait_until("window.seen.filter(moment => moment.backlog > 0).length >= 2");
    if pictures::are_wanted() {
        page.wait_until("window.seen.filter(moment => moment.backlog > 0).length >= 30");
    }
    pictures::take(&page, "lanes");
    let migrated = migration.wait_with_output().unwrap();
    assert!(migrated.status.success(), "{}", transcript(&migrated));
    await_snapshots(&page, 2);
    let seen = page.evaluate("window.seen");
    let seen = seen.as_array().unwrap();
    let values = |metric: &str| {
        seen.iter().filter_map(|moment| moment[metric].as_f64()).collect::<Vec<f64>>()
    };
    let most = |metric: &str| values(metric).into_iter().fold(0.0, f64::max);
    // One a second: neither more nor, on a busy machine, far fewer.
    let (numbers, times) = (values("number"), values("taken"));
    assert!(numbers.windows(2).all(|pair| pair[1] > pair[0]), "{numbers:?}");
    assert!(seen.len() >= 5, "{seen:?}");
    let between = (times[times.len() - 1] - times[0]) / (numbers[numbers.len() - 1] - numbers[0]);
    assert!(between > 950.0, "a snapshot every {between} ms: {times:?}");
    // Customers were served, the import came in and went, and the server said how it was paced.
    let migrated: Value = serde_json::from_slice(&migrated.stdout).unwrap();
    let imported = migrated["migrated"].as_f64().unwrap();
    let highest = most("backlog");
    assert!(highest > 0.0 && highest <= 2.0 * imported, "{highest} of {imported}");
    assert!(most("bulk-rate") > 0.0, "{seen:?}");
    let (p50, p99) = (most("production-p50"), most("production-p99"));
    assert!(p50 > 0.0 && p50 <= p99, "p50 {p50}, p99 {p99}");
    assert!(most("idle-p99") > 0.0, "{seen:?}");
    let is_paced = |moment: &Value| moment["pace"].is_number() && moment["pace-reason"].is_string();
    assert!(seen.iter().any(is_paced), "{seen:?}");
    // It is over, and the server with it.
    assert_eq!(seen.last().unwrap()["backlog"], 0.0);
    assert!(page.text("#live").contains("No server"));
    assert_eq!(page.complaints(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Chromium: cargo xtask test"]
async fn a_page_goes_on_by_itself_after_the_server_was_killed_and_started_again() {
    let bank = Bank::ready();
    let (settings, at) = settings_of_its_own(&bank, "");
    let options = ["--config", settings.to_str().unwrap()];
    let server = bank.serve_with(&options);
    bank.await_logged("health pages url=");
    let page = Browser::shared().page(Look::DESK);
    page.open(&url(at, "handlers"));
    page.wait_until(&is("live"));
    page.evaluate("window.isTheSame = true");
    let complaints = page.complaints();
    assert_eq!(complaints, [""; 0]);
    drop(server);
    page.wait_until(&is("lost"));
    assert_eq!(page.text("#connection"), "no connection");

    bank.send(0..50, Priority::NORMAL).await;
    let server = bank.serve_with(&options);
    page.wait_until(&is("live"));
    await_dead(&bank, 0);
    // It shows what the new server does, in place.
    let pid = server.0.id();
    page.wait_until(&format!("document.body.innerText.includes('process {pid}')"));
    assert_eq!(page.evaluate("window.isTheSame"), true);
    let unexpected = page.complaints().into_iter().filter(|complaint| {
        // Of a server that is not there a browser says so by itself.
        !(complaint.starts_with("log: \"network\"") && complaint.contains("net::ERR_"))
    });
    assert_eq!(unexpected.collect::<Vec<_>>(), [""; 0]);
}

#[test]
#[ignore = "needs Chromium: cargo xtask test"]
fn a_hidden_tab_rests_and_goes_on_when_it_is_seen() {
    let bank = Bank::ready();
    let observatory = Observatory::of(&bank);
    let hidden = observatory.open("lanes", Look::DESK);
    hidden.wait_until(&is("live"));
    // More tabs than a browser has connections to one server.
    let mut tabs: Vec<Page> = Vec::new();
    for _ in 0..8 {
        let front = hidden.tab_in_front(Look::DESK);
        front.open(&observatory.url("handlers"));
        front.wait_until(&is("live"));
        tabs.push(front);
    }
    hidden.wait_until(&is("paused"));
    let before = number(&hidden);
    let front = tabs.last().unwrap();
    await_snapshots(front, 2);
    assert_eq!(number(&hidden), before, "a hidden tab was told of a snapshot");
    hidden.bring_to_front();
    hidden.wait_until(&is("live"));
    await_snapshots(&hidden, 1);
    assert!(number(&hidden) > before + 1);
    assert_eq!(hidden.complaints(), [""; 0]);
}
