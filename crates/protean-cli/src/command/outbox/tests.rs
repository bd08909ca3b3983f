//! The commands on a bank whose relay has abandoned one message and will retry another.

use std::sync::Arc;

use protean::Domain;
use protean::message::{Category, Lane, Priority, Timestamp};
use protean::port::{
    At, Changes, Dead, DoneMark, GroupRegistration, LaneRead, MessageRef, Outcome, Park, Start,
};
use protean_engine::{Outbox, RelayStatus};
use serde_json::{Value, json, to_value};

use super::{Command, Consent, retry, run, status};
use crate::App;
use crate::globals::Globals;
use crate::sample::{OpenAccount, bank, operation, operations};

const RELAY: &str = "fidelis.relay:default";
const CATEGORY: &str = "fidelis::account:command";

/// Of three messages, the first is abandoned, the second failed and the third waits.
async fn refused() -> (App, Domain) {
    let app = App::new(bank(&Arc::default()), Globals { json: true, config: None });
    let domain = app.domain().unwrap();
    let store = domain.store().await.unwrap();
    let category = Category::named(CATEGORY);
    let registration = GroupRegistration::new(RELAY, category.clone(), Start::Head);
    store.prepare(&[], &[registration]).await.unwrap();
    for account in ["1", "2", "3"] {
        domain.process(OpenAccount { account_id: account.into() }).asynchronous().await.unwrap();
    }
    let read = LaneRead {
        group: RELAY.into(),
        category: category.clone(),
        range: (Priority::BULK, Priority::CRITICAL),
        after: Vec::new(),
        limit: 2,
    };
    let messages = store.lane(read).await.unwrap();
    let [first, second] = [0, 1].map(|at: usize| MessageRef::from(&messages[at].recorded));
    let (group, reason, time) =
        (Arc::from(RELAY), "too large".to_owned(), Timestamp::from_micros(5));
    let mut changes = Changes::new(Lane::Primary);
    let at = At::UpTo(second.position);
    let of = (Arc::clone(&group), second.priority);
    changes.marks.push(DoneMark { group: of.0, category, priority: of.1, at });
    changes.dead.push(Dead::Add {
        group: Arc::clone(&group),
        message: first,
        attempts: 3,
        reason: reason.clone(),
        time,
        in_turn: false,
    });
    let due = Some(domain.clock().now());
    changes.parks.push(Park::Keep { group, message: second, attempts: 1, due, reason });
    let outcomes = store.commit(Arc::from([changes])).await;
    assert!(matches!(outcomes[..], [Outcome::Committed(_)]), "{outcomes:?}");
    (app, domain)
}

async fn object(domain: &Domain) -> Value {
    let outbox = Outbox::of(domain).await.unwrap();
    let mut messages = outbox.abandoned(9).await.unwrap();
    messages.extend(outbox.failed(9).await.unwrap());
    let reply = status::reply(domain, &outbox.status().await, &messages);
    to_value(reply.into_envelope()).unwrap()["data"].take()
}

#[tokio::test]
async fn each_relay_and_each_refused_message_has_a_row() {
    let (_, domain) = refused().await;
    let mut shown = object(&domain).await;
    assert!(shown["relays"][0]["oldest_seconds"].take().as_f64().is_some_and(|age| age >= 0.0));
    let relay = json!({"broker": "default", "waiting": 1, "failed": 1, "abandoned": 1,
        "oldest_seconds": null, "status": "ok"});
    assert_eq!(shown["relays"], json!([relay]));
    let [abandoned, failed] = [0, 1].map(|at: usize| shown["messages"][at].clone());
    assert_eq!((&abandoned["id"], &abandoned["status"]), (&json!(1), &json!("abandoned")));
    assert_eq!((&abandoned["reason"], &abandoned["attempts"]), (&json!("too large"), &json!(3)));
    assert_eq!(abandoned["abandoned_at"], json!("1970-01-01T00:00:00.000005+00:00"));
    assert_eq!((&failed["id"], &failed["status"]), (&json!(2), &json!("failed")));
    assert_eq!(failed["reason"], Value::Null);
}

#[tokio::test]
async fn an_abandoned_message_is_published_again() {
    let (app, domain) = refused().await;
    let one = |id: &str| retry::Options {
        id: Some(id.into()),
        all: false,
        consent: Consent { yes: false },
    };
    let unknown = run(&Command::Retry(one("2")), &app).await.unwrap_err();
    assert!(unknown.to_string().contains("'2'"), "not abandoned: {unknown}");
    run(&Command::Retry(one("1")), &app).await.unwrap();
    assert!(run(&Command::Retry(one("1")), &app).await.is_err(), "already waiting");
    assert_eq!(operations(&domain).await, [operation("outbox retry", 1)]);
    let shown = object(&domain).await;
    assert_eq!(
        (&shown["relays"][0]["failed"], &shown["relays"][0]["abandoned"]),
        (&json!(2), &json!(0))
    );
    assert_eq!(shown["messages"][0]["attempts"], json!(0), "a fresh set of attempts");
}

#[tokio::test]
async fn all_abandoned_messages_are_published_again_after_confirmation() {
    let (app, domain) = refused().await;
    let all =
        |yes| Command::Retry(retry::Options { id: None, all: true, consent: Consent { yes } });
    let unasked = run(&all(false), &app).await.unwrap_err();
    assert!(unasked.to_string().contains("--yes"), "{unasked}");
    run(&all(true), &app).await.unwrap();
    assert_eq!(object(&domain).await["relays"][0]["abandoned"], json!(0));
}

#[tokio::test]
async fn unreadable_values_are_unknown() {
    let (_, domain) = refused().await;
    let fault = Some(protean::Error::unavailable("the disk is gone"));
    let relay = RelayStatus { broker: "default".into(), fault, ..RelayStatus::default() };
    let text = status::text(&domain, std::slice::from_ref(&relay), &[]);
    assert_eq!(text.matches("unknown").count(), 5, "{text}");
    let object = to_value(status::reply(&domain, &[relay], &[]).into_envelope()).unwrap();
    assert_eq!(object["status"], "fail");
    assert_eq!(object["data"]["relays"][0]["waiting"], Value::Null);
}
