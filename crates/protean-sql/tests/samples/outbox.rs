//! What the view `outbox` shows of two relays.

use std::sync::Arc;

use protean_port::message::{Category, Lane, Priority, Timestamp};
use protean_port::port::{
    At, Changes, Dead, DoneMark, GroupRegistration, MessageRef, Park, Start, Store,
};

use super::{account, commit, unit};

/// Commits the work of two relays. One has published two messages, failed with one, given
/// one up, and has another to publish; the second was registered after the third message.
pub(crate) async fn relays(store: &dyn Store) {
    let registration =
        |group| GroupRegistration::new(group, Category::of("bank", "account"), Start::Head);
    commit(store, vec![unit(Lane::Primary, &account("a"))]).await;
    store
        .prepare(&[], &[registration("bank.relay:default"), registration("bank.Reader")])
        .await
        .unwrap();
    commit(store, vec![unit(Lane::Primary, &account("a")), unit(Lane::Primary, &account("a"))])
        .await;
    store.prepare(&[], &[registration("bank.relay:partner")]).await.unwrap();
    commit(store, vec![unit(Lane::Primary, &account("a")), unit(Lane::Backfill, &account("a"))])
        .await;
    let relay: Arc<str> = "bank.relay:default".into();
    let message = |position: u64| MessageRef {
        stream: account("a"),
        stream_position: position - 1,
        position,
        priority: Priority::NORMAL,
    };
    let (reason, time) = ("too large".to_owned(), Timestamp::from_micros(1_795_000_000_000_001));
    let mut settled = Changes::new(Lane::Primary);
    settled.marks.push(DoneMark {
        group: Arc::clone(&relay),
        category: Category::of("bank", "account"),
        priority: Priority::NORMAL,
        at: At::UpTo(4),
    });
    settled.parks.push(Park::Keep {
        group: Arc::clone(&relay),
        message: message(3),
        attempts: 2,
        due: Some(time),
        reason: reason.clone(),
    });
    settled.dead.push(Dead::Add {
        group: relay,
        message: message(4),
        attempts: 3,
        reason,
        time,
        in_turn: false,
    });
    commit(store, vec![settled]).await;
}

/// The rows of the view; the first message is older than either relay.
pub(crate) const EXPECTED: [&str; 7] = [
    "1|-|published|0|-|-|-",
    "2|default|published|0|-|-|-",
    "3|default|failed|2|too large|2026-11-18T11:06:40.000001+00:00|-",
    "4|default|abandoned|3|too large|-|2026-11-18T11:06:40.000001+00:00",
    "5|default|pending|0|-|-|-",
    "4|partner|pending|0|-|-|-",
    "5|partner|pending|0|-|-|-",
];
