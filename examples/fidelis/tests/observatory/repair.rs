//! A dead letter is looked at, replayed and purged by clicking.

use protean_test_servers::{Look, Page};
use serde_json::Value;

use crate::broken::{bank_with_dead_letters, mend};
use crate::place::{Observatory, await_dead, operations};

const HOLDERS: [&str; 3] = ["Ada Lovelace", "Grace Hopper", "Mary Somerville"];

/// Everything that the browser has of the page, seen or not.
fn source(page: &Page) -> String {
    page.evaluate("document.documentElement.outerHTML").as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Chromium: cargo xtask test"]
async fn what_a_message_holds_is_masked_until_somebody_reveals_it() {
    let reason = "the holder 'Ada Lovelace' is not wanted";
    let (bank, _server) = bank_with_dead_letters(&HOLDERS[..1], reason, &[]).await;
    let observatory = Observatory::of(&bank);
    let page = observatory.open("dead-letters", Look::DESK);
    for next in ["tr[data-reason] a", "tr[data-position] a"] {
        assert!(!source(&page).contains("Lovelace"), "{}", source(&page));
        page.click(next);
        let there = if next.contains("reason") { "tr[data-position]" } else { "[data-payload]" };
        page.wait_until(&format!("document.querySelector('{there}')"));
    }
    // Not even where nobody sees it.
    let masked = source(&page);
    assert!(!masked.contains("Lovelace") && !masked.contains("10.01"), "{masked}");
    assert!(page.text("[data-payload=masked]").contains("holder_name"));
    page.click("[data-action=reveal]");
    page.wait_until("document.querySelector('[data-payload=revealed]')");
    let shown = page.text("[data-payload=revealed]");
    assert!(shown.contains("\"holder_name\": \"Ada Lovelace\""), "{shown}");
    assert!(page.text("[data-fact=reason]").contains(reason));
    let id = bank.ask(&["dlq", "list"])["data"]["letters"][0]["id"].to_string();
    let stored = bank.ask(&["dlq", "inspect", &id])["data"]["message"]["data"].clone();
    assert_eq!(serde_json::from_str::<Value>(&shown).unwrap(), stored);
    page.click("[data-action=mask]");
    page.wait_until("document.querySelector('[data-payload=masked]')");
    assert!(!source(&page).contains("Lovelace"));
    assert_eq!(page.complaints(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Chromium: cargo xtask test"]
async fn dead_letters_are_replayed_by_clicking_and_the_log_says_by_whom() {
    let (bank, _server) = bank_with_dead_letters(&HOLDERS, "the disk is broken", &[]).await;
    mend(&bank);
    let observatory = Observatory::of(&bank);
    let page = observatory.open_logged_in("dead-letters", Look::DESK);
    page.click("tr[data-reason] a");
    page.wait_until("document.querySelector('tr[data-position] a')");
    let position = page.evaluate("document.querySelector('tr[data-position]').dataset.position");
    page.click("tr[data-position] a");
    page.wait_until("document.querySelector('[data-action=replay-one]')");
    page.click("[data-action=replay-one]");
    page.wait_until("document.querySelector('[data-preview]')");
    assert_eq!(page.evaluate("document.querySelector('[data-preview]').dataset.preview"), "1");
    // Looking at the preview does nothing.
    await_dead(&bank, 3);
    assert_eq!(operations(&bank), Vec::<Value>::new());
    page.click("form[data-action=replay] button");
    page.wait_until("document.querySelector('[data-replayed]')");
    assert_eq!(page.evaluate("document.querySelector('[data-replayed]').dataset.replayed"), "1");
    await_dead(&bank, 2);

    page.click("[data-action=replay-all]");
    page.wait_until("document.querySelector('[data-preview]')");
    assert_eq!(page.evaluate("document.querySelector('[data-preview]').dataset.preview"), "2");
    page.click("form[data-action=replay] button");
    page.wait_until("document.querySelector('[data-replayed]')");
    await_dead(&bank, 0);
    bank.await_accounts(3);

    let recorded = operations(&bank);
    assert_eq!(recorded.len(), 2, "an event for each action: {recorded:?}");
    assert!(recorded.iter().all(|of| of["by"] == "console"), "{recorded:?}");
    assert_eq!((&recorded[0]["count"], &recorded[1]["count"]), (&1.into(), &2.into()));
    assert_eq!(recorded[0]["filter"]["position"], position, "{recorded:?}");
    page.open(&observatory.url("operations"));
    let shown = page.evaluate(
        "[...document.querySelectorAll('tr[data-operation]')].map(row => [row.dataset.operation,
            row.dataset.by, Number(row.dataset.count)])",
    );
    let expected = recorded
        .iter()
        .rev()
        .map(|of| Value::from_iter([of["action"].clone(), of["by"].clone(), of["count"].clone()]));
    assert_eq!(shown, expected.collect::<Value>());
    assert_eq!(page.complaints(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Chromium: cargo xtask test"]
async fn dead_letters_are_purged_by_clicking_after_a_preview() {
    let (bank, _server) = bank_with_dead_letters(&HOLDERS, "the disk is broken", &[]).await;
    let observatory = Observatory::of(&bank);
    let page = observatory.open_logged_in("dead-letters", Look::DESK);
    // Purging everything at once is not offered.
    assert!(page.evaluate("document.querySelector('[data-action=purge-all]')").is_null());
    page.click("tr[data-reason] a");
    page.wait_until("document.querySelector('tr[data-position] a')");
    page.click("tr[data-position] a");
    page.wait_until("document.querySelector('[data-action=purge-one]')");
    for (link, count, left) in [("purge-one", "1", 2), ("purge-group", "2", 0)] {
        page.click(&format!("[data-action={link}]"));
        page.wait_until("document.querySelector('[data-preview]')");
        assert_eq!(
            page.evaluate("document.querySelector('[data-preview]').dataset.preview"),
            count
        );
        page.click("form[data-action=purge] button");
        page.wait_until("document.querySelector('[data-purged]')");
        assert_eq!(page.evaluate("document.querySelector('[data-purged]').dataset.purged"), count);
        await_dead(&bank, left);
    }
    let recorded = operations(&bank);
    let counts: Vec<_> = recorded.iter().map(|of| (&of["action"], &of["count"])).collect();
    let purge = Value::from("purge");
    assert_eq!(counts, [(&purge, &1.into()), (&purge, &2.into())]);
    assert_eq!(page.complaints(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Chromium: cargo xtask test"]
async fn a_visitor_without_a_login_sees_the_count_but_no_button() {
    let (bank, _server) = bank_with_dead_letters(&HOLDERS, "the disk is broken", &[]).await;
    let observatory = Observatory::of(&bank);
    let page = observatory.open("dead-letters", Look::DESK);
    page.click("[data-action=replay-all]");
    page.wait_until("document.querySelector('[data-preview]')");
    assert_eq!(page.evaluate("document.querySelector('[data-preview]').dataset.preview"), "3");
    assert!(page.evaluate("document.querySelector('form[data-action=replay]')").is_null());
    assert!(page.text("[data-refused]").contains("requires an operator's token"));
    // A wrong token changes nothing of that.
    page.open(&observatory.url("login"));
    page.fill("input[name=token]", "0123456789abcdef0123456789abcdef");
    page.click("form.login button");
    page.wait_until("document.querySelector('[data-fault]')");
    assert!(page.evaluate("document.querySelector('[data-operator]')").is_null());
}
