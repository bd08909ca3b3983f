//! Who may read, and what each page shows.

use protean::Priority;
use protean_engine::subscriptions;

use crate::bank::Bank;

/// What an attacker writes to run a script in another person's browser.
const HOSTILE: &str = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_page_is_served_at_the_loopback_with_a_strict_policy() {
    let bank = Bank::open().await;
    for page in bank.pages().await {
        let answer = bank.get(&page).await;
        assert_eq!(answer.status, 200, "{page}: {answer:?}");
        let policy = answer.header("content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'none'; script-src 'self'"), "{policy}");
        assert!(!policy.contains("unsafe") && !policy.contains('*'), "{policy}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        for inline in ["<style", " style=", " onclick=", "javascript:", "=\"http", "=\"//"] {
            answer.lacks(inline);
        }
        assert_eq!(answer.body.matches("<script").count(), 1, "{page}");
        answer.has("<script src=\"/observatory/assets/observatory.js\" defer");
    }
    for (file, kind) in [("css", "text/css"), ("js", "text/javascript"), ("svg", "image/svg+xml")] {
        let answer = bank.get(&format!("/observatory/assets/observatory.{file}")).await;
        assert_eq!(answer.status, 200);
        assert!(answer.header("content-type").unwrap().starts_with(kind));
    }
    assert_eq!(bank.get("/").await.header("location"), Some("/observatory/"));
    assert_eq!(bank.get("/observatory").await.header("location"), Some("/observatory/lanes"));
    assert_eq!(bank.get("/observatory/nowhere").await.status, 404);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_that_leads_here_by_rebinding_reads_nothing() {
    let bank = Bank::given_up(&["Eve"]).await;
    let cookie = bank.log_in().await;
    for path in bank.pages().await {
        let headers = [("Host", "evil.example"), ("Cookie", &cookie)];
        let answer = bank.ask("GET", &path, &headers, "").await;
        assert_eq!(answer.status, 421, "{path}");
        answer.lacks("bank");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn under_a_name_of_the_settings_reading_needs_a_token() {
    let bank = Bank::with("[server.observatory]\nhosts = ['bank.example']\n").await;
    let host = ("Host", "bank.example");
    let answer = bank.ask("GET", "/observatory/lanes", &[host], "").await;
    assert_eq!(
        (answer.status, answer.header("location")),
        (303, Some("/observatory/login?next=lanes"))
    );
    let answer = bank.ask("GET", "/observatory/stream?page=lanes", &[host], "").await;
    assert_eq!(answer.status, 401);
    assert_eq!(bank.ask("GET", "/observatory/login", &[host], "").await.status, 200);
    let secret = format!("Bearer {}", crate::bank::SECRET);
    let headers = [host, ("Authorization", secret.as_str())];
    assert_eq!(bank.ask("GET", "/observatory/lanes", &headers, "").await.status, 200);
    let headers = [host, ("Authorization", "Bearer wrong")];
    assert_eq!(bank.ask("GET", "/observatory/lanes", &headers, "").await.status, 303);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_handlers_page_has_the_numbers_of_the_database() {
    let bank = Bank::given_up(&["Eve", "Mallory"]).await;
    bank.order(&["A", "B", "C"], Priority::BULK).await;
    let page = bank.get("/observatory/handlers").await;
    for of in subscriptions(&bank.domain).await.unwrap() {
        for lane in of.lanes {
            let row = format!("data-handler=\"{}\" data-lane=\"{}\"", of.handler, lane.lane);
            for (cell, number) in [("lag", lane.lag), ("parked", lane.parked), ("dead", lane.dead)]
            {
                let (_, rest) = page.body.split_once(&row).unwrap();
                let (_, rest) =
                    rest.split_once(&format!("data-cell=\"{cell}\" data-value=\"")).unwrap();
                assert!(rest.starts_with(&format!("{}\"", number.unwrap())), "{row} {cell}");
            }
        }
    }
    page.has("data-missing=\"server\"");
    let lanes = bank.get("/observatory/lanes").await;
    assert_eq!(lanes.attribute("data-metric=\"backlog\"", "data-value"), "3");
    lanes.has("Longest wait of production: one running handler, one bulk step");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dead_letters_are_counted_by_reason_with_their_payload_masked() {
    let bank = Bank::given_up(&["Mallory", "Mallory"]).await;
    let page = bank.get("/observatory/dead-letters").await;
    page.has("data-total=\"2\"");
    page.has("data-reason=\"the holder '…' is not welcome\"");
    page.lacks("Mallory");
    let list = bank.get(&page.attribute("data-reason=", "href").replace("&amp;", "&")).await;
    assert_eq!(list.body.matches("data-position=").count(), 2, "{list:?}");
    list.lacks("Mallory");
    let letter = list.attribute("data-position=", "href").replace("&amp;", "&");
    let masked = bank.get(&letter).await;
    masked.has("data-payload=\"masked\"");
    masked.has("holder");
    masked.lacks("Mallory");
    let revealed = bank.get(&format!("{letter}&reveal=payload")).await;
    revealed.has("data-payload=\"revealed\"");
    revealed.has("&quot;Mallory&quot;");
    revealed.has("the holder 'Mallory' is not welcome");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_names_are_shown_as_text() {
    let bank = Bank::given_up(&[HOSTILE]).await;
    let overview = bank.get("/observatory/dead-letters").await;
    let list = bank.get(&overview.attribute("data-reason=", "href").replace("&amp;", "&")).await;
    let letter = list.attribute("data-position=", "href").replace("&amp;", "&");
    let revealed = bank.get(&format!("{letter}&reveal=payload")).await;
    revealed.has("&lt;script&gt;alert(1)&lt;/script&gt;");
    let id = percent(HOSTILE);
    let trace = bank.get(&format!("/observatory/trace?id={id}")).await;
    trace.has("&lt;script&gt;alert(1)&lt;/script&gt;");
    for page in [overview, list, revealed, trace] {
        page.lacks("<script>alert");
        page.lacks("<img");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trace_shows_each_message_below_its_cause() {
    let bank = Bank::given_up(&["Eve"]).await;
    let letters = bank.get("/observatory/dead-letters").await;
    let list = bank.get(&letters.attribute("data-reason=", "href").replace("&amp;", "&")).await;
    let letter = bank.get(&list.attribute("data-position=", "href").replace("&amp;", "&")).await;
    let (before, _) = letter.body.split_once("data-action=\"trace\"").unwrap();
    let href = before.rsplit_once("href=\"").unwrap().1.split_once('"').unwrap().0;
    let trace = bank.get(href).await;
    let depths: Vec<_> = trace.body.split("data-depth=\"").skip(1).map(|rest| &rest[..1]).collect();
    assert_eq!(depths, ["0", "1"], "{trace:?}");
    trace.has("data-handler=\"AccountCommandHandler\" data-state=\"done\"");
    trace.has("data-handler=\"CustomerProjector\" data-state=\"held\"");
    let unknown = bank.get("/observatory/trace?id=nothing").await;
    unknown.has("No message has the id");
}

fn percent(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_shows_the_state_after_each_event() {
    let bank = Bank::given_up(&["Mallory"]).await;
    let instances = bank.get("/observatory/streams?aggregate=Account").await;
    let id = instances.attribute("<li", "data-stream-id").to_owned();
    let address = format!("/observatory/streams?aggregate=Account&id={id}");
    let masked = bank.get(&address).await;
    masked.has("data-state-version=\"0\"");
    masked.has("data-field=\"holder\"");
    masked.lacks("Mallory");
    let revealed = bank.get(&format!("{address}&version=0&reveal=payload")).await;
    revealed.has("<dd data-field=\"holder\">&quot;Mallory&quot;</dd>");
    let unknown = bank.get("/observatory/streams?aggregate=Account&id=nobody").await;
    unknown.has("no event of this instance");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_shows_the_state_at_a_moment() {
    let before = protean::prelude::Timestamp::from_micros(0).to_string();
    let bank = Bank::given_up(&["Mallory"]).await;
    let instances = bank.get("/observatory/streams?aggregate=Account").await;
    let id = instances.attribute("<li", "data-stream-id").to_owned();
    let address = format!("/observatory/streams?aggregate=Account&id={id}");
    let at = |moment: &str| format!("{address}&reveal=payload&moment={}", percent(moment));
    let created = bank.get(&address).await.attribute("<time", "datetime").to_owned();
    for moment in [&created, "9999-01-01"] {
        let shown = bank.get(&at(moment)).await;
        shown.has("data-state-version=\"0\"");
        shown.has("<dd data-field=\"holder\">&quot;Mallory&quot;</dd>");
    }
    bank.get(&at(&before)).await.has("did not exist at this moment");
    let typo = bank.get(&at("<b>yesterday")).await;
    typo.has("This is not a moment");
    typo.lacks("<b>yesterday");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_account_has_the_terms_of_verify() {
    let bank = Bank::given_up(&["Eve", "Mallory"]).await;
    let report = protean_engine::verify(&bank.domain).await.unwrap();
    for page in ["/observatory/account", "/observatory/account?log=1"] {
        let page = bank.get(page).await;
        for of in &report.groups {
            let row = format!("data-account=\"{}\" data-category=\"{}\"", of.group, of.category);
            for (term, count) in [("Committed", of.committed), ("Dead", of.dead)] {
                let (_, rest) = page.body.split_once(&row).unwrap();
                let cell = format!("data-term=\"{term}\" data-value=\"{count}\"");
                let (row, _) = rest.split_once("</tr>").unwrap();
                assert!(row.contains(&cell), "{cell} is missing in {row}");
            }
        }
    }
    bank.get("/observatory/account").await.has("data-closes=\"true\"");
    bank.get("/observatory/account?log=1").await.has("data-verified=\"true\"");
}
