//! Much that is due at once.

use std::time::Duration;

use protean::Domain;
use protean::message::{Category, Message, Priority};
use protean::port::Find;

use crate::harness::{Harness, On};
use crate::scheduled::{ring, rung, schedule, serve_until, tower};

const BULK: u32 = 2_500;
const URGENT: u32 = 20;

crate::on! { Sqlite in sqlite, Production in production: {
    much_that_is_due_moves_in_small_steps_that_let_production_pass
} }

/// The commands in the log, in its order.
async fn logged(tower: &Domain) -> Vec<Message> {
    let category = Some(Category::named("tower::bell:command"));
    let find = Find { category, ..Find::first(BULK as usize * 2) };
    let found = tower.store().await.unwrap().find(find).await.unwrap();
    found.into_iter().map(|recorded| recorded.message).collect()
}

async fn much_that_is_due_moves_in_small_steps_that_let_production_pass(on: On) {
    let harness = Harness::new(on);
    let tower = tower(harness.settings());
    for number in 0..BULK {
        schedule(&tower, &format!("b-{}", number % 50), number, 1, Priority::BULK).await;
    }
    let delay = Duration::from_millis(1);
    let mut urgent = Vec::new();
    for number in 0..URGENT {
        let sent = tower.process(ring(&tower, "urgent", number, delay)).after(delay);
        let sent = sent.priority(Priority::HIGH).idempotency_key(format!("key-{number}"));
        urgent.push(sent.asynchronous().await.unwrap());
    }
    tokio::time::sleep(Duration::from_millis(20)).await;
    let later = async {
        while logged(&tower).await.len() <= URGENT as usize {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        schedule(&tower, "late", 0, 1, Priority::NORMAL).await
    };
    let served = serve_until(&tower, async || {
        let done = logged(&tower).await.len() as u64 > u64::from(BULK + URGENT);
        done && !rung(&tower, "late").await.is_empty()
    });
    let (late, ()) = tokio::join!(later, served);
    let logged = logged(&tower).await;
    let (first, rest) = logged.split_at(URGENT as usize);
    for (number, (message, id)) in first.iter().zip(&urgent).enumerate() {
        assert_eq!((&*message.id, message.priority), (id.as_str(), Priority::HIGH));
        let key = message.extensions.idempotency_key.as_deref();
        assert_eq!(key, Some(format!("key-{number}").as_str()));
    }
    let is_late = |message: &Message| *message.id == *late.as_str();
    let behind = rest.iter().rev().take_while(|message| !is_late(message)).count();
    assert!(behind >= 100, "of {BULK} only {behind} came after what was due later");
    let bulk = rest.iter().filter(|message| message.priority == Priority::BULK);
    assert_eq!(bulk.count(), BULK as usize, "they keep their priority");
}
