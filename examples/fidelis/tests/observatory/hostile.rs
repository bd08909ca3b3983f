//! Names and reasons that try to be more than text.

use protean_test_servers::{Look, Page};
use serde_json::{Value, json};

use crate::bank::Bank;
use crate::broken::bank_with_dead_letters;
use crate::place::{Observatory, send, sorted};

/// Turns what stands after it around, in a text that is not kept apart.
const TURNED: &str = "Eve \u{202e}txt.exe";
const HOLDERS: [&str; 4] = [
    "<img src=x onerror=\"document.title='run'\">",
    "\"><script>document.title='run'</script>",
    "</pre></td><h1 id=broken-out>&lt;Eve&gt;</h1>",
    TURNED,
];
const REASON: &str = "</td><img src=x onerror=\"document.title='run'\"> \u{202e}txt.exe";

/// The page holds nothing of what the texts ask for.
#[track_caller]
fn is_only_text(page: &Page) {
    let broken_out = "document.querySelectorAll(
        'img, script:not([src]), #broken-out, [onerror], iframe, object, style, base').length";
    assert_eq!(page.evaluate(broken_out), 0, "{}", page.evaluate("document.body.outerHTML"));
    assert_ne!(page.evaluate("document.title"), "run");
    // The browser itself reports a page that does not exist.
    let is_wrong = |complaint: &String| !complaint.contains("status of 404");
    assert_eq!(page.complaints().into_iter().filter(is_wrong).collect::<Vec<_>>(), [""; 0]);
}

fn letters(bank: &Bank) -> Vec<Value> {
    bank.ask(&["dlq", "list"])["data"]["letters"].as_array().unwrap().clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Chromium: cargo xtask test"]
async fn what_others_have_written_is_shown_as_text_on_every_page() {
    let (bank, _server) = bank_with_dead_letters(&HOLDERS, REASON, &[]).await;
    let observatory = Observatory::of(&bank);
    let page = observatory.open("lanes", Look::DESK);
    page.wait_until("document.querySelector('#connection').dataset.connection === 'live'");
    for path in observatory.pages() {
        page.open(&observatory.url(&path));
        is_only_text(&page);
    }
    page.open(&observatory.url("dead-letters"));
    page.click("tr[data-reason] a");
    page.wait_until("document.querySelector('tr[data-position] a')");
    is_only_text(&page);
    let links =
        page.evaluate("[...document.querySelectorAll('tr[data-position] a')].map(a => a.href)");
    let links = links.as_array().unwrap();
    assert_eq!(links.len(), HOLDERS.len());
    let mut shown = Vec::new();
    for link in links {
        page.open(&format!("{}&reveal=payload", link.as_str().unwrap()));
        is_only_text(&page);
        let reason = page.text("[data-fact=reason]");
        assert!(reason.contains(REASON), "{reason}");
        let data: Value = serde_json::from_str(&page.text("[data-payload=revealed]")).unwrap();
        shown.push(data["holder_name"].clone());
    }
    assert_eq!(sorted(&json!(shown)), sorted(&json!(HOLDERS)));

    for letter in letters(&bank) {
        let id = letter["stream"].as_str().unwrap().split_once('-').unwrap().1;
        let path = format!("streams?aggregate=Account&id={id}&reveal=payload");
        page.open(&observatory.url(&path));
        page.wait_until("document.querySelector('[data-payload=revealed]')");
        is_only_text(&page);
        page.open(
            &observatory.url(&format!("trace?id={}", letter["message_id"].as_str().unwrap())),
        );
        page.wait_until("document.querySelector('li[data-message-id]')");
        is_only_text(&page);
    }
}

#[test]
#[ignore = "needs Chromium: cargo xtask test"]
fn what_stands_in_an_address_is_shown_as_text() {
    let bank = Bank::ready();
    let observatory = Observatory::of(&bank);
    let hostile = "%22%3E%3Cscript%3Edocument.title%3D%27run%27%3C%2Fscript%3E%3Cimg%20src%3Dx%20onerror%3D%22document.title%3D%27run%27%22%3E";
    let paths = [
        "trace?id=@",
        "dead-letters?replayed=@",
        "streams?aggregate=@&id=@",
        "streams?aggregate=Account&id=@",
        "login?next=@",
        "dead-letters/replay?reason=@&type=@",
    ];
    let page = observatory.open("lanes", Look::DESK);
    for path in paths {
        page.open(&observatory.url(&path.replace('@', hostile)));
        is_only_text(&page);
    }
    assert!(page.text("main").contains("\"><script>document.title='run'</script>"));
}

#[test]
fn every_answer_is_as_strict_as_the_pages() {
    let bank = Bank::ready();
    let observatory = Observatory::of(&bank);
    let at = observatory.at;
    let others = ["login", "no-such-page", "assets/observatory.js", "assets/observatory.css"];
    for path in observatory.pages().into_iter().chain(others.map(str::to_owned)) {
        let reply = send(at, &format!("GET /observatory/{path} HTTP/1.1\r\nHost: {at}"), "");
        let head = reply.text.split("\r\n\r\n").next().unwrap().to_lowercase();
        let policy = head.lines().find_map(|line| line.strip_prefix("content-security-policy: "));
        let policy = policy.unwrap_or_else(|| panic!("{path} has no policy: {head}"));
        for part in [
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "frame-ancestors 'none'",
            "base-uri 'none'",
            "form-action 'self'",
        ] {
            assert!(policy.contains(part), "{path}: no {part} in {policy}");
        }
        assert!(!policy.contains("unsafe") && !policy.contains('*'), "{path}: {policy}");
        assert!(head.contains("x-content-type-options: nosniff"), "{path}: {head}");
        assert!(head.contains("x-frame-options: deny"), "{path}: {head}");
    }
}
