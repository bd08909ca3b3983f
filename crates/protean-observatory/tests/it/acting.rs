//! Logging in, replaying, purging, and what is written down.

use protean::prelude::Priority;
use protean_core::domain::operations;
use protean_engine::subscriptions;
use protean_port::port::Find;
use serde_json::{Value, json};

use crate::bank::{Bank, SECRET};

const REPLAY: &str = "/observatory/dead-letters/replay";
const PURGE: &str = "/observatory/dead-letters/purge";

/// What operators have done, the oldest first.
async fn recorded(bank: &Bank) -> Vec<Value> {
    let find = Find { category: Some(operations("bank")), ..Find::first(100) };
    let found = bank.domain.store().await.unwrap().find(find).await.unwrap();
    found.iter().map(|of| serde_json::from_str(&of.message.data).unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reason_is_replayed_after_a_preview_and_recorded() {
    let bank = Bank::given_up(&["Eve", "Mallory", "Oscar"]).await;
    let cookie = bank.log_in().await;
    let page = bank.get("/observatory/dead-letters").await;
    let (_, row) = page.body.split_once("data-reason=").unwrap();
    let href =
        row.split("href=\"").nth(2).unwrap().split_once('"').unwrap().0.replace("&amp;", "&");
    let preview = bank.ask("GET", &href, &[("Cookie", &cookie)], "").await;
    assert_eq!(preview.attribute("class=\"question\"", "data-preview"), "3");
    preview.has("<form class=\"decision\" method=\"post\"");
    assert_eq!(bank.dead().await, 3, "a preview changes nothing");
    bank.fail(false);
    let form = href.split_once('?').unwrap().1;
    let headers = [("Cookie", cookie.as_str()), ("Origin", &bank.origin())];
    let answer = bank.post(REPLAY, &headers, form).await;
    assert_eq!(
        (answer.status, answer.header("location")),
        (303, Some("/observatory/dead-letters?replayed=3"))
    );
    bank.settle().await;
    assert_eq!(bank.dead().await, 0);
    let operations = recorded(&bank).await;
    let [operation] = &operations[..] else { panic!("{operations:?}") };
    let filter = json!({
        "group": "bank.CustomerProjector",
        "category": "bank::account",
        "type": "AccountOpened",
        "reason": "the holder '…' is not welcome",
    });
    assert_eq!(*operation, json!({"action": "replay", "by": "ann", "count": 3, "filter": filter}));
    let page = bank.get("/observatory/operations").await;
    page.has("data-operation=\"replay\" data-by=\"ann\" data-count=\"3\"");
    bank.get("/observatory/dead-letters?replayed=3").await.has("data-replayed=\"3\"");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_letter_and_all_letters_are_replayed() {
    let bank = Bank::given_up(&["Eve", "Mallory", "Oscar"]).await;
    bank.fail(false);
    let cookie = bank.log_in().await;
    let headers = [("Cookie", cookie.as_str()), ("Origin", &bank.origin())];
    let overview = bank.get("/observatory/dead-letters").await;
    let list = bank.get(&overview.attribute("data-reason=", "href").replace("&amp;", "&")).await;
    let letter = list.attribute("data-position=", "href").replace("&amp;", "&");
    bank.post(REPLAY, &headers, letter.split_once('?').unwrap().1).await;
    assert_eq!(bank.dead().await, 2);
    let answer = bank.post(REPLAY, &headers, "").await;
    assert_eq!(answer.header("location"), Some("/observatory/dead-letters?replayed=2"));
    assert_eq!(bank.dead().await, 0);
    let counts: Vec<_> = recorded(&bank).await.iter().map(|of| of["count"].clone()).collect();
    assert_eq!(counts, [json!(1), json!(2)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_counted_is_purged_and_what_is_given_up_later_stays() {
    let bank = Bank::given_up(&["Eve", "Mallory"]).await;
    let cookie = bank.log_in().await;
    let headers = [("Cookie", cookie.as_str()), ("Origin", &bank.origin())];
    let page = bank.get("/observatory/dead-letters").await;
    let link = page.attribute("data-reason=", "href").replace("&amp;", "&");
    let query = link.split_once('?').unwrap().1;
    let address = format!("{PURGE}?{query}");
    let preview = bank.ask("GET", &address, &headers[..1], "").await;
    assert_eq!(preview.attribute("class=\"question\"", "data-preview"), "2");
    let before = preview.attribute("name=\"before\"", "value");
    assert_eq!(bank.dead().await, 2, "a preview changes nothing");

    bank.order(&["Oscar"], Priority::NORMAL).await;
    bank.settle().await;
    assert_eq!(bank.dead().await, 3);
    let answer = bank.post(PURGE, &headers, &format!("{query}&before={before}")).await;
    assert_eq!(answer.header("location"), Some("/observatory/dead-letters?purged=2"));
    assert_eq!(bank.dead().await, 1, "what nobody had counted is purged as well");
    let operations = recorded(&bank).await;
    let [operation] = &operations[..] else { panic!("{operations:?}") };
    assert_eq!(operation["action"], "purge");
    assert_eq!((&operation["by"], &operation["count"]), (&json!("ann"), &json!(2)));
    assert_eq!(operation["filter"]["group"], "bank.CustomerProjector");
    bank.get("/observatory/dead-letters?purged=2").await.has("data-purged=\"2\"");
    let report = protean_engine::verify(&bank.domain).await.unwrap();
    assert!(report.closes && report.at_rest, "{report:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_purged_without_a_handler_or_a_token() {
    let bank = Bank::given_up(&["Eve"]).await;
    let (cookie, own) = (bank.log_in().await, bank.origin());
    let (cookie, own) = (("Cookie", cookie.as_str()), ("Origin", own.as_str()));
    let group = "group=bank.CustomerProjector%40bank%3A%3Aaccount";
    for (headers, form, status) in [
        (vec![own], group, 401),
        (vec![cookie], group, 403),
        (vec![cookie, ("Origin", "http://evil.example")], group, 403),
        (vec![cookie, own], "", 404),
        (vec![cookie, own], "group=bank.Nobody", 404),
        (vec![cookie, own], &*format!("{group}&position=first"), 404),
    ] {
        let answer = bank.post(PURGE, &headers, form).await;
        assert_eq!(answer.status, status, "{headers:?} {form}");
    }
    assert_eq!(bank.get(PURGE).await.status, 404, "a page for everything");
    assert_eq!((bank.dead().await, recorded(&bank).await.len()), (1, 0));
    let answer = bank.post(PURGE, &[cookie, own], group).await;
    assert_eq!((answer.status, bank.dead().await), (303, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_changed_without_a_token_or_from_elsewhere() {
    let bank = Bank::given_up(&["Eve"]).await;
    bank.fail(false);
    let (cookie, own) = (bank.log_in().await, bank.origin());
    let (cookie, own) = (("Cookie", cookie.as_str()), ("Origin", own.as_str()));
    let secret = format!("Bearer {SECRET}");
    for (headers, status) in [
        (vec![], 403),
        (vec![own], 401),
        (vec![cookie], 403),
        (vec![cookie, ("Origin", "http://evil.example")], 403),
        (vec![cookie, ("Origin", "null")], 403),
        (vec![("Cookie", "protean_observatory_bank=guessed"), own], 401),
        (vec![("Authorization", "Bearer guessed")], 403),
        (vec![cookie, own, ("Host", "evil.example")], 421),
        (vec![("Authorization", &secret), ("Origin", "http://evil.example")], 403),
    ] {
        let answer = bank.post(REPLAY, &headers, "").await;
        assert_eq!(answer.status, status, "{headers:?}");
    }
    assert_eq!((bank.dead().await, recorded(&bank).await.len()), (1, 0));
    let answer = bank.post(REPLAY, &[("Authorization", &secret)], "").await;
    assert_eq!((answer.status, bank.dead().await), (303, 0), "a program with the secret may");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_token_begins_no_session_and_a_session_ends() {
    let bank = Bank::open().await;
    let own = bank.origin();
    let wrong = bank.post("/observatory/login", &[("Origin", &own)], "token=wrong").await;
    assert_eq!((wrong.status, wrong.header("set-cookie")), (401, None));
    let secret = format!("token={}", SECRET.replace(' ', "%20"));
    let foreign = [("Origin", "http://evil.example")];
    let foreign = bank.post("/observatory/login", &foreign, &secret).await;
    assert_eq!((foreign.status, foreign.header("set-cookie")), (403, None));
    let away = bank
        .post("/observatory/login", &[("Origin", &own)], &format!("{secret}&next=//evil.example"))
        .await;
    assert_eq!(away.header("location"), Some("/observatory/lanes"));
    let cookie = bank.log_in().await;
    let page = bank.ask("GET", "/observatory/lanes", &[("Cookie", &cookie)], "").await;
    page.has("data-operator=\"ann\"");
    let headers = [("Cookie", cookie.as_str()), ("Origin", &own)];
    let ended = bank.post("/observatory/logout", &headers, "").await;
    assert!(ended.header("set-cookie").unwrap().contains("=; Path=/observatory"), "{ended:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_operators_do_belongs_to_no_handler() {
    let bank = Bank::given_up(&["Eve"]).await;
    let cookie = bank.log_in().await;
    let headers = [("Cookie", cookie.as_str()), ("Origin", &bank.origin())];
    bank.fail(false);
    bank.post(REPLAY, &headers, "").await;
    bank.settle().await;
    let lag = subscriptions(&bank.domain).await.unwrap();
    assert!(lag.iter().flat_map(|of| &of.lanes).all(|lane| lane.lag == Some(0)));
    let report = protean_engine::verify(&bank.domain).await.unwrap();
    assert!(report.closes && report.at_rest, "{report:?}");
    let check = protean_engine::check_events(&bank.domain, |_, _| {}).await.unwrap();
    assert!(check.passes, "{check:?}");
}
