//! What `intake` shows and changes in a bank whose intake takes `OpenAccount`.

use std::sync::Arc;

use protean::port::IntakeEntry;
use protean::{Domain, Id, Intake, Priority};
use serde_json::{Value, to_value};

use super::intake::{Chosen, List, Rejects, drop, list, rejects, retry};
use crate::Reply;
use crate::sample::{OpenAccount, bank, operation, operations};

/// A bank to which programs have sent rows of these types.
async fn enqueued(types: &[&str]) -> Domain {
    let domain = bank(&Arc::default()).register(Intake::takes::<OpenAccount>()).build().unwrap();
    let row = |name: &&str| IntakeEntry {
        id: Id::new().into(),
        type_name: (*name).into(),
        data: r#"{"account_id": "a"}"#.into(),
        priority: 0,
        key: None,
        metadata: None,
    };
    Intake::of(&domain).add(types.iter().map(row)).await.unwrap();
    domain
}

fn data<T: serde::Serialize>(reply: Reply<T>) -> (Value, String) {
    let text = reply.text().to_owned();
    (to_value(reply.into_envelope()).unwrap(), text)
}

async fn rejected(domain: &Domain, after: u64) -> (Vec<Value>, String) {
    let reply = rejects(&Rejects { after, limit: 2 }, domain).await.unwrap();
    let (mut envelope, text) = data(reply);
    (envelope["data"].take().as_array().unwrap().clone(), text)
}

#[tokio::test]
async fn waiting_and_rejected_rows_are_listed() {
    let domain = enqueued(&["OpenAccount", "Rob", "Burgle", "Steal"]).await;
    let (envelope, text) = data(list(&List { after: 0, limit: 3 }, &domain).await.unwrap());
    assert_eq!(envelope["data"].as_array().unwrap().len(), 3);
    let next = envelope["data"][2]["place"].as_u64().unwrap();
    assert!(text.contains("OpenAccount"), "{text}");
    assert!(text.ends_with(&format!("Next page: --after {next}")), "{text}");
    let (envelope, _) = data(list(&List { after: next, limit: 3 }, &domain).await.unwrap());
    assert_eq!(envelope["data"][0]["type"], "Steal");
    assert_eq!(envelope["data"].as_array().unwrap().len(), 1);
    assert_eq!(rejected(&domain, 0).await.1, "There are no rejected rows.");
    Intake::of(&domain).take(Priority::ALL, 9).await.unwrap();
    let (_, text) = data(list(&List { after: 0, limit: 3 }, &domain).await.unwrap());
    assert_eq!(text, "No rows are waiting.");
    let (rows, text) = rejected(&domain, 0).await;
    assert_eq!((&rows[0]["type"], &rows[1]["type"]), (&"Rob".into(), &"Burgle".into()));
    let reason = rows[0]["reason"].as_str().unwrap();
    assert!(reason.contains("'Rob' is not a command of this domain"), "{reason}");
    let next = rows[1]["place"].as_u64().unwrap();
    assert!(text.ends_with(&format!("Next page: --after {next}")), "{text}");
    let (rows, _) = rejected(&domain, next).await;
    assert_eq!((rows.len(), &rows[0]["type"]), (1, &"Steal".into()));
}

#[tokio::test]
async fn rejects_are_retried_or_deleted() {
    let domain = enqueued(&["Rob", "Burgle", "Steal"]).await;
    Intake::of(&domain).take(Priority::ALL, 9).await.unwrap();
    let (rows, _) = rejected(&domain, 0).await;
    let first = rows[0]["place"].as_u64().unwrap();
    let one = || Chosen { places: vec![first], all: false };
    let (envelope, text) = data(retry(&one(), &domain).await.unwrap());
    assert_eq!((&envelope["data"]["changed"], &envelope["status"]), (&1.into(), &"pass".into()));
    assert_eq!(text, "1 moved back; a server will try again.");
    let (envelope, _) = data(drop(&one(), &domain).await.unwrap());
    assert_eq!(envelope["data"]["missing"], serde_json::json!([first]));
    assert_eq!(envelope["status"], "fail");
    let all = Chosen { places: Vec::new(), all: true };
    assert_eq!(data(drop(&all, &domain).await.unwrap()).0["data"]["changed"], 2);
    assert_eq!(rejected(&domain, 0).await.0.len(), 0);
    let expected = [operation("intake retry", 1), operation("intake drop", 2)];
    assert_eq!(operations(&domain).await, expected, "and nothing of what changed nothing");
    assert_eq!(Intake::of(&domain).waiting(0, 9).await.unwrap().len(), 1);
}
