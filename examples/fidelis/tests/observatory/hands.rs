//! With the keyboard alone, and on a phone.

use std::collections::BTreeSet;

use protean_test_servers::{Key, Look, Page};
use serde_json::Value;

use crate::broken::{bank_with_dead_letters, mend};
use crate::place::{Observatory, await_dead};

const NAMES: &str = include_str!("names.js");
const CONTROLS: &str = include_str!("controls.js");
const FOCUS: &str = include_str!("focus.js");
const NARROW: &str = include_str!("narrow.js");
/// A page with more controls than this is not for a keyboard anyway.
const MOST_CONTROLS: usize = 200;
const LONG_REASON: &str =
    "the_disk_of_the_summaries_cannot_be_written_because_it_is_full_and_nobody_has_mended_it_yet";

/// Where the focus is; null when no control has it.
#[track_caller]
fn focus(page: &Page) -> Value {
    let focus = page.evaluate(FOCUS);
    assert!(focus.is_null() || focus["hidden"].is_null(), "{focus}");
    focus
}

/// Presses Tab until it has been at every control, and gives their names.
#[track_caller]
fn walk(page: &Page) -> BTreeSet<String> {
    // From the top, wherever the page has put the focus.
    page.evaluate("document.body.tabIndex = -1; document.body.focus(); document.body.removeAttribute('tabindex')");
    let mut reached = BTreeSet::new();
    for _ in 0..MOST_CONTROLS {
        page.press(Key::Tab);
        let focus = focus(page);
        // Behind the last one the focus leaves the page, or begins again.
        if focus["again"] == true || (focus.is_null() && !reached.is_empty()) {
            return reached;
        }
        reached.extend(focus["name"].as_str().map(str::to_owned));
    }
    panic!("no end after {MOST_CONTROLS} stops: {reached:?}");
}

#[track_caller]
fn every_control_is_reached(page: &Page) {
    page.evaluate(NAMES);
    page.take_the_keyboard();
    let controls = page.evaluate(CONTROLS);
    let controls =
        controls.as_array().unwrap().iter().map(|name| name.as_str().unwrap().to_owned());
    let controls: BTreeSet<String> = controls.collect();
    let reached = walk(page);
    let missed: Vec<_> = controls.difference(&reached).collect();
    assert!(missed.is_empty(), "Tab reaches {reached:?}, but not {missed:?}");
}

/// Presses Tab until the control that the selector finds has the focus.
#[track_caller]
fn tab_to(page: &Page, selector: &str) {
    page.wait_until("document.readyState === 'complete'");
    page.evaluate(NAMES);
    for _ in 0..MOST_CONTROLS {
        let is_there = format!("document.activeElement?.matches('{selector}') ?? false");
        if page.evaluate(&is_there) == true {
            focus(page);
            return;
        }
        page.press(Key::Tab);
    }
    panic!("Tab does not reach {selector}");
}

/// Every page there is, with something to show.
fn addresses(observatory: &Observatory, page: &Page) -> Vec<String> {
    let mut addresses: Vec<_> =
        observatory.pages().iter().map(|path| observatory.url(path)).collect();
    page.open(&observatory.url("dead-letters"));
    for next in ["tr[data-reason] a", "tr[data-position] a", "[data-action=replay-one]"] {
        let link = page.evaluate(&format!("document.querySelector('{next}').href"));
        addresses.push(link.as_str().unwrap().to_owned());
        page.open(link.as_str().unwrap());
    }
    page.open(&observatory.url("streams?aggregate=Account"));
    addresses.push(observatory.url("streams?aggregate=Account"));
    let stream = page.evaluate("document.querySelector('[data-stream-id]').href");
    addresses.push(format!("{}&reveal=payload", stream.as_str().unwrap()));
    page.open(&observatory.url("dead-letters"));
    page.click("tr[data-reason] a");
    page.wait_until("document.querySelector('tr[data-position] a')");
    page.click("tr[data-position] a");
    page.wait_until("document.querySelector('[data-action=trace]')");
    for action in ["trace", "reveal"] {
        let link = page.evaluate(&format!("document.querySelector('[data-action={action}]').href"));
        addresses.push(link.as_str().unwrap().to_owned());
    }
    addresses
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Chromium: cargo xtask test"]
async fn tab_reaches_every_control_and_shows_where_it_is() {
    let (bank, _server) = bank_with_dead_letters(&["Ada Lovelace"; 3], LONG_REASON, &[]).await;
    let observatory = Observatory::of(&bank);
    let page = observatory.open_logged_in("lanes", Look::DESK);
    for address in addresses(&observatory, &page) {
        page.open(&address);
        every_control_is_reached(&page);
    }
    let stranger = observatory.open("login", Look::DESK);
    every_control_is_reached(&stranger);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Chromium: cargo xtask test"]
async fn dead_letters_are_replayed_without_a_mouse() {
    let (bank, _server) = bank_with_dead_letters(&["Ada Lovelace"; 2], "broken", &[]).await;
    mend(&bank);
    let observatory = Observatory::of(&bank);
    let page = observatory.open("dead-letters", Look::DESK);
    page.take_the_keyboard();
    // The first stop leads past the navigation.
    page.press(Key::Tab);
    page.press(Key::Enter);
    page.evaluate(NAMES);
    tab_to(&page, "[data-action=replay-all]");
    page.press(Key::Enter);
    page.wait_until("document.querySelector('[data-preview]')");
    tab_to(&page, "[data-refused] a");
    page.press(Key::Enter);
    page.wait_until("document.querySelector('#token')");
    tab_to(&page, "#token");
    page.type_text(&observatory.token);
    page.press(Key::Enter);
    page.wait_until("document.querySelector('[data-operator]')");
    tab_to(&page, "nav a[href$=dead-letters]");
    page.press(Key::Enter);
    page.wait_until("document.querySelector('[data-action=replay-all]')");
    tab_to(&page, "[data-action=replay-all]");
    page.press(Key::Enter);
    page.wait_until("document.querySelector('form[data-action=replay]')");
    tab_to(&page, "form[data-action=replay] button");
    page.press(Key::Space);
    page.wait_until("document.querySelector('[data-replayed]')");
    await_dead(&bank, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Chromium: cargo xtask test"]
async fn a_snapshot_takes_the_focus_from_nobody() {
    let (bank, _server) = bank_with_dead_letters(&["Ada Lovelace"], "broken", &[]).await;
    let observatory = Observatory::of(&bank);
    let page = observatory.open("handlers", Look::DESK);
    page.take_the_keyboard();
    tab_to(&page, "[data-cell=dead] a");
    page.evaluate("window.focused = document.activeElement");
    let number = "Number(document.querySelector('[data-snapshot]').dataset.snapshot)";
    let last = page.evaluate(number).as_u64().unwrap() + 2;
    page.wait_until(&format!("{number} >= {last}"));
    assert_eq!(page.evaluate("document.activeElement === window.focused"), true);
    page.press(Key::Enter);
    page.wait_until("document.querySelector('tr[data-reason]')");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Chromium: cargo xtask test"]
async fn a_notice_that_comes_and_goes_takes_the_focus_from_nobody() {
    let (bank, server) = bank_with_dead_letters(&["Ada Lovelace"], "broken", &[]).await;
    let observatory = Observatory::of(&bank);
    let page = observatory.open("handlers", Look::DESK);
    page.take_the_keyboard();
    tab_to(&page, "[data-cell=dead] a");
    page.evaluate("window.focused = document.activeElement");
    let is_kept = || page.evaluate("document.activeElement === window.focused");
    page.wait_until("!document.querySelector('[data-missing=server]')");
    drop(server);
    page.wait_until("document.querySelector('[data-missing=server]')");
    assert_eq!(is_kept(), true, "the notice has come");
    let _server = bank.serve_with(&[]);
    page.wait_until("!document.querySelector('[data-missing=server]')");
    assert_eq!(is_kept(), true, "the notice has gone");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Chromium: cargo xtask test"]
async fn a_phone_shows_every_page_in_its_width() {
    let holders =
        ["Ada_King_Countess_of_Lovelace_who_has_a_name_without_a_single_space_in_it_anywhere"; 2];
    let (bank, _server) = bank_with_dead_letters(&holders, LONG_REASON, &[]).await;
    let observatory = Observatory::of(&bank);
    let page = observatory.open_logged_in("lanes", Look::PHONE);
    let mut faults = Vec::new();
    for address in addresses(&observatory, &page) {
        page.open(&address);
        let found = page.evaluate(NARROW);
        let found = found.as_array().unwrap().iter().map(|fault| format!("{address}: {fault}"));
        faults.extend(found);
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
