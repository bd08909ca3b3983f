//! Facts of keys: a sender's name for a command is taken once.

use std::sync::Arc;

use protean_core::Result;
use protean_core::message::Priority;
use protean_core::port::{Outcome, Store};

use super::sample::{account, assert_stale, commit, commit_one, places, unit};

fn duplicate(message_id: &str, output: Option<&str>) -> Outcome {
    Outcome::Duplicate { message_id: message_id.into(), output: output.map(Into::into) }
}

pub async fn a_taken_key_names_the_first_message(store: Arc<dyn Store>) -> Result {
    let send = |id| unit().append(&account("a"), Priority::NORMAL).claim("row-1", id);
    places(&commit_one(&*store, send("m-1")).await);
    assert_eq!(commit_one(&*store, send("m-2")).await, duplicate("m-1", None));
    assert_eq!(commit_one(&*store, send("m-3")).await, duplicate("m-1", None));
    let in_one_list = [unit().claim("row-2", "m-4"), unit().claim("row-2", "m-5")];
    assert_eq!(commit(&*store, in_one_list).await[1], duplicate("m-4", None));
    assert_eq!(store.stream(&account("a"), 0, 9).await?.len(), 1);
    Ok(())
}

pub async fn a_taken_key_gives_the_first_output(store: Arc<dyn Store>) -> Result {
    let answered = |id: &str, output: &str| {
        let output = output.into();
        unit().claim("row\0ä", id).with(|changes| changes.keys[0].output = Some(output))
    };
    places(&commit_one(&*store, answered("m-1", "{\"id\":\"ä\"}")).await);
    let second = commit_one(&*store, answered("m-2", "null")).await;
    assert_eq!(second, duplicate("m-1", Some("{\"id\":\"ä\"}")));
    Ok(())
}

pub async fn keys_of_different_commands_do_not_meet(store: Arc<dyn Store>) -> Result {
    let other = unit().claim("row-1", "m-2");
    let other = other.with(|changes| changes.keys[0].command = "Fact.Close.v1".into());
    places(&commit_one(&*store, unit().claim("row-1", "m-1")).await);
    places(&commit_one(&*store, other).await);
    places(&commit_one(&*store, unit().claim("row-11", "m-3")).await);
    Ok(())
}

pub async fn a_key_claimed_by_a_left_out_unit_is_free(store: Arc<dyn Store>) -> Result {
    let failing = unit().claim("row-1", "m-1").append_at(&account("a"), 7);
    let [left_out, second] = commit(&*store, [failing, unit().claim("row-1", "m-2")]).await;
    assert_stale(&left_out);
    places(&second);
    Ok(())
}

pub async fn one_of_many_concurrent_claims_wins(store: Arc<dyn Store>) -> Result {
    let mut senders = tokio::task::JoinSet::new();
    for sender in 0..8 {
        let store = Arc::clone(&store);
        let send = unit().append(&account("a"), Priority::NORMAL);
        let send = send.claim("row-1", &format!("m-{sender}"));
        senders.spawn(async move { (sender, commit_one(&*store, send).await) });
    }
    let outcomes = senders.join_all().await;
    let won = |outcome: &Outcome| matches!(outcome, Outcome::Committed(_));
    let winners: Vec<_> = outcomes.iter().filter(|(_, outcome)| won(outcome)).collect();
    assert_eq!(winners.len(), 1);
    let first = duplicate(&format!("m-{}", winners[0].0), None);
    assert!(outcomes.iter().all(|(_, outcome)| won(outcome) || *outcome == first));
    assert_eq!(store.stream(&account("a"), 0, 9).await?.len(), 1);
    Ok(())
}
