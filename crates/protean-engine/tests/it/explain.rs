//! Why a message waits, when a relay stands between the log and its handler.

use std::sync::Arc;

use protean::message::{Category, Lane, Priority, Recorded};
use protean::port::{At, Changes, DoneMark, Find, Outcome};
use protean::{Domain, Standing};
use protean_engine::{Unpublished, explain};

use crate::harness::{Harness, On};

async fn last(domain: &Domain) -> Recorded {
    domain.store().await.unwrap().find(Find::last(1)).await.unwrap().remove(0)
}

/// What the relay of the broker leaves once it has published a message.
async fn publish(domain: &Domain, recorded: &Recorded) {
    let relay = "harness.relay:default".into();
    let mark = DoneMark::of(&relay, &recorded.message, At::UpTo(recorded.position));
    let unit = Changes { marks: vec![mark], ..Changes::new(Lane::Primary) };
    let outcomes = domain.store().await.unwrap().commit(Arc::from([unit])).await;
    assert!(matches!(outcomes[..], [Outcome::Committed(_)]), "{outcomes:?}");
}

#[tokio::test]
#[ignore = "needs Redis: cargo xtask test"]
async fn a_message_waits_for_the_relay_until_it_is_published() {
    let harness = Harness::new(On::Streams);
    harness.add("t", 1, Priority::NORMAL).await;
    let message = last(&harness.domain).await;
    assert_eq!(*message.message.stream.category(), Category::named("harness::tally:command"));
    let found = explain(&harness.domain, &message.message.id).await.unwrap();
    let [of] = &found.handlers[..] else { panic!("one handler: {found:?}") };
    let Some(Unpublished { broker, standing, .. }) = &of.unpublished else { panic!("{of:?}") };
    assert!(broker == "default" && matches!(standing, Standing::Waiting(_)), "{of:?}");
    publish(&harness.domain, &message).await;
    let found = explain(&harness.domain, &message.message.id).await.unwrap();
    let of = &found.handlers[0];
    assert!(of.unpublished.is_none() && matches!(of.standing, Standing::Waiting(_)), "{of:?}");
}

#[tokio::test]
async fn a_handler_of_the_log_waits_for_no_relay() {
    let harness = Harness::new(On::Memory);
    harness.add("t", 1, Priority::NORMAL).await;
    let message = last(&harness.domain).await;
    let found = explain(&harness.domain, &message.message.id).await.unwrap();
    assert!(found.handlers[0].unpublished.is_none(), "{found:?}");
    let unknown = explain(&harness.domain, "nobody").await.unwrap_err();
    assert!(unknown.is_not_found(), "{unknown}");
}
