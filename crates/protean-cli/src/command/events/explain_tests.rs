//! What `events explain` says of a message on each step of its way.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use protean::message::{Lane, Recorded};
use protean::port::Find;
use protean::{Domain, Ending, Priority, Standing, Timestamp, Turn};
use protean_engine::Server;
use serde_json::{Value, json, to_value};

use super::explain::{explain, reply, why};
use crate::idle::wait_until_idle;
use crate::sample::{OpenAccount, bank};

const NOW: Timestamp = Timestamp::from_micros(1_795_000_000_000_000);

/// Sends commands that open these accounts, and gives the last message of the log.
async fn send(domain: &Domain, accounts: &[&str], priority: Priority) -> Recorded {
    for account in accounts {
        let command = OpenAccount { account_id: (*account).into() };
        domain.process(command).priority(priority).await.unwrap();
    }
    last(domain).await
}

async fn last(domain: &Domain) -> Recorded {
    domain.store().await.unwrap().find(Find::last(1)).await.unwrap().remove(0)
}

async fn serve(domain: &Domain) {
    let watched = domain.clone();
    let done = async move { wait_until_idle(&watched).await.unwrap() };
    let served = Server::new(domain.clone()).run(done);
    tokio::time::timeout(Duration::from_secs(10), served).await.unwrap().unwrap();
}

async fn data(domain: &Domain, id: &str) -> Value {
    let found = explain(domain, id).await.unwrap();
    to_value(reply(domain, &found).into_envelope()).unwrap()["data"].clone()
}

async fn handler(domain: &Domain, id: &str) -> Value {
    data(domain, id).await["handlers"][0].clone()
}

fn turn(lane: Lane, ahead: u64, is_counted: bool, more_urgent: u64) -> Standing {
    Standing::Waiting(Turn { lane, ahead, is_counted, more_urgent })
}

#[tokio::test]
async fn each_standing_has_its_sentence() {
    let domain = bank(&Arc::default()).build().unwrap();
    let recorded = send(&domain, &["7"], Priority::NORMAL).await;
    let reason = || "the mill stands still".to_owned();
    let (past, coming) = (NOW + Duration::from_secs(1), NOW + Duration::from_secs(72));
    let now = NOW + Duration::from_secs(61);
    let behind = Some(Box::new(recorded.clone()));
    for (standing, expected) in [
        (Standing::Settled(vec![Ending::Handled]), "its handler has completed"),
        (
            Standing::Settled(vec![Ending::Handled, Ending::BeforeStart, Ending::Purged]),
            "its handler has completed, unless it was committed before the handler began or it \
             was given up and not kept",
        ),
        (Standing::Settled(Vec::new()), "it is settled"),
        (Standing::Ignored, "it has no part for messages of this type"),
        (
            turn(Lane::Primary, 0, true, 0),
            "first in the primary lane: a server takes it next or has it",
        ),
        (turn(Lane::Primary, 1, true, 0), "behind 1 message of the primary lane"),
        (
            turn(Lane::Backfill, 1_204, true, 3),
            "behind 1,204 messages of the backfill lane, and 3 wait in the primary lane",
        ),
        (
            turn(Lane::Backfill, 10_000, false, 0),
            "behind at least 10,000 messages of the backfill lane",
        ),
        (
            Standing::Parked { attempts: 2, due: coming, reason: reason() },
            "until 2026-11-18T11:07:52.000000+00:00, in 11s after 2 attempts: the mill stands still",
        ),
        (
            Standing::Parked { attempts: 0, due: past, reason: reason() },
            "due since 2026-11-18T11:06:41.000000+00:00: the mill stands still",
        ),
        (
            Standing::Dead { attempts: 1, time: past, reason: reason() },
            "given up 1m ago after 1 attempt: the mill stands still; see 'dlq inspect 1'",
        ),
        (
            Standing::Expired(past),
            "its deadline passed at 2026-11-18T11:06:41.000000+00:00; it is passed over when its turn comes",
        ),
        (
            Standing::Held { behind },
            &format!(
                "behind OpenAccount at 0 of its stream, see 'events explain {}'",
                recorded.message.id
            ),
        ),
    ] {
        assert_eq!(why(&standing, &recorded, now), expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_followed_from_its_lane_to_its_handler() {
    let domain = bank(&Arc::default()).build().unwrap();
    let bulk = send(&domain, &["1", "2", "3"], Priority::BULK).await;
    send(&domain, &["4"], Priority::NORMAL).await;
    let found = handler(&domain, &bulk.message.id).await;
    let place = json!([found["state"], found["lane"], found["ahead"], found["more_urgent"]]);
    assert_eq!(place, json!(["waiting", "backfill", 2, 1]));
    serve(&domain).await;
    let data = data(&domain, &bulk.message.id).await;
    assert_eq!(data["message"]["id"], *bulk.message.id);
    let expected = json!([{
        "handler": "AccountCommandHandler", "group": "fidelis.AccountCommands",
        "state": "handled", "why": "its handler has completed", "unless": [], "lane": null,
        "ahead": null, "ahead_is_counted": null, "more_urgent": null, "attempts": null,
        "due": null, "given_up_at": null, "reason": null, "held_behind": null, "broker": null,
    }]);
    assert_eq!(data["handlers"], expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_letter_says_why_it_was_given_up() {
    let domain = bank(&Arc::new(AtomicBool::new(true))).build().unwrap();
    send(&domain, &["1"], Priority::NORMAL).await;
    serve(&domain).await;
    let opened = last(&domain).await;
    let found = handler(&domain, &opened.message.id).await;
    assert_eq!((&found["state"], &found["attempts"]), (&json!("dead"), &json!(1)));
    assert!(found["reason"].as_str().unwrap().contains("no more customers"), "{found}");
    assert!(found["why"].as_str().unwrap().ends_with("see 'dlq inspect 2'"), "{found}");
}

#[tokio::test]
async fn an_unknown_message_is_a_failure_with_advice() {
    let domain = bank(&Arc::default()).build().unwrap();
    let unknown = explain(&domain, "nobody").await.unwrap_err().to_string();
    assert!(unknown.contains("no message has the id 'nobody'"), "{unknown}");
    assert!(unknown.contains("events search"), "{unknown}");
}
