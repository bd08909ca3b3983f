//! What `schedule` shows and cancels of a bank whose accounts open later.

use std::sync::Arc;
use std::time::Duration;

use protean::{Domain, Id, Priority};
use serde_json::{Value, to_value};

use super::schedule::{List, cancel, list};
use crate::sample::{OpenAccount, bank, operation, operations};

async fn scheduled(domain: &Domain, account: &str, hours: u64, priority: Priority) -> Id {
    let command = OpenAccount { account_id: account.into() };
    let sent = domain.process(command).after(Duration::from_secs(3600 * hours));
    sent.priority(priority).asynchronous().await.unwrap()
}

async fn page(domain: &Domain, after: Option<String>) -> (Vec<Value>, String) {
    let options = List { after, limit: 2 };
    let reply = list(&options, domain).await.unwrap();
    let text = reply.text().to_owned();
    let data = to_value(reply.into_envelope()).unwrap()["data"].take();
    (data.as_array().unwrap().clone(), text)
}

#[tokio::test]
async fn what_is_scheduled_is_listed_page_by_page() {
    let domain = bank(&Arc::default()).build().unwrap();
    assert_eq!(page(&domain, None).await.1, "Nothing is scheduled.");
    let last = scheduled(&domain, "a", 1, Priority::BULK).await;
    let second = scheduled(&domain, "b", 3, Priority::NORMAL).await;
    let first = scheduled(&domain, "c", 2, Priority::NORMAL).await;
    let (rows, text) = page(&domain, None).await;
    let keys = rows.iter().map(|row| row["key"].as_str().unwrap()).collect::<Vec<_>>();
    assert_eq!(keys, [first.as_str(), second.as_str()]);
    assert_eq!(
        (&rows[0]["kind"], &rows[0]["type"]),
        (&"command".into(), &"Fidelis.OpenAccount.v1".into())
    );
    let next = text.split('\'').nth(1).unwrap().to_owned();
    let (rows, text) = page(&domain, Some(next)).await;
    assert_eq!((rows.len(), &rows[0]["key"]), (1, &last.as_str().into()));
    assert!(text.contains("OpenAccount") && !text.contains("Next page"), "{text}");
    let odd = List { after: Some("17".into()), limit: 2 };
    let refused = list(&odd, &domain).await.err().unwrap().to_string();
    assert!(refused.contains("'17' is not a cursor of this list"), "{refused}");
}

#[tokio::test]
async fn a_command_is_cancelled_once() {
    let domain = bank(&Arc::default()).build().unwrap();
    let id = scheduled(&domain, "a", 1, Priority::NORMAL).await;
    for cancelled in [true, false] {
        let reply = cancel(id.as_str(), &domain).await.unwrap();
        let envelope = to_value(reply.into_envelope()).unwrap();
        assert_eq!(envelope["data"]["cancelled"], cancelled);
        assert_eq!(envelope["status"], if cancelled { "pass" } else { "fail" });
    }
    assert_eq!(operations(&domain).await, [operation("schedule cancel", 1)]);
}

#[tokio::test]
async fn the_key_of_a_cancelled_command_is_free() {
    let domain = bank(&Arc::default()).build().unwrap();
    let send = async |account: &str| {
        let command = OpenAccount { account_id: account.into() };
        let sent = domain.process(command).idempotency_key("once");
        sent.after(Duration::from_secs(60)).asynchronous().await.unwrap()
    };
    let first = send("a").await;
    assert_eq!(send("a").await, first, "it is scheduled already");
    drop(cancel(first.as_str(), &domain).await.unwrap());
    assert_ne!(send("a").await, first);
}
