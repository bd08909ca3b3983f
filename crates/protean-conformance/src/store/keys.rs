//! Facts of keys: a sender's name for a command is taken once.

use std::sync::Arc;

use protean_port::Result;
use protean_port::message::Priority;
use protean_port::port::{KeyClaim, KeyWrite, Outcome, Store};

use super::sample::{account, assert_stale, at, commit, commit_one, key_claim, places, unit};

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
        let output = Some(output.into());
        unit().key(KeyWrite::Claim(KeyClaim { output, ..key_claim("row\0ä", id) }))
    };
    places(&commit_one(&*store, answered("m-1", "{\"id\":\"ä\"}")).await);
    let second = commit_one(&*store, answered("m-2", "null")).await;
    assert_eq!(second, duplicate("m-1", Some("{\"id\":\"ä\"}")));
    Ok(())
}

pub async fn keys_of_different_commands_do_not_meet(store: Arc<dyn Store>) -> Result {
    let other = KeyClaim { command: "Fact.Close.v1".into(), ..key_claim("row-1", "m-2") };
    let other = unit().key(KeyWrite::Claim(other));
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

pub async fn an_expired_key_is_free(store: Arc<dyn Store>) -> Result {
    let at_second = |id: &str, time, expires| {
        let claim = KeyClaim { time: at(time), expires: at(expires), ..key_claim("row-1", id) };
        unit().key(KeyWrite::Claim(claim))
    };
    places(&commit_one(&*store, at_second("m-1", 0, 100)).await);
    assert_eq!(commit_one(&*store, at_second("m-2", 99, 199)).await, duplicate("m-1", None));
    places(&commit_one(&*store, at_second("m-3", 100, 200)).await);
    assert_eq!(commit_one(&*store, at_second("m-4", 199, 299)).await, duplicate("m-3", None));
    Ok(())
}

pub async fn a_settled_key_tells_what_became_of_its_message(store: Arc<dyn Store>) -> Result {
    let settled = |id: &str, output: Option<&str>, expires| {
        let output = output.map(Into::into);
        let claim = KeyClaim { output, expires: at(expires), ..key_claim("row-1", id) };
        unit().key(KeyWrite::Settle(claim))
    };
    places(&commit_one(&*store, unit().claim("row-1", "m-1")).await);
    places(&commit_one(&*store, settled("m-1", Some("{\"id\":7}"), 100)).await);
    let again = || unit().claim("row-1", "m-2");
    assert_eq!(commit_one(&*store, again()).await, duplicate("m-1", Some("{\"id\":7}")));
    places(&commit_one(&*store, settled("m-2", Some("\"another\""), 0)).await);
    let unmoved = commit_one(&*store, again()).await;
    assert_eq!(unmoved, duplicate("m-1", Some("{\"id\":7}")), "m-2 does not hold the key");
    places(&commit_one(&*store, settled("m-1", None, 0)).await);
    places(&commit_one(&*store, again()).await);
    Ok(())
}

pub async fn keys_that_have_expired_are_swept(store: Arc<dyn Store>) -> Result {
    for (number, expires) in [10, 20, 30, 40].into_iter().enumerate() {
        let claim = key_claim(&format!("row-{number}"), &format!("m-{number}"));
        let claim = KeyClaim { expires: at(expires), ..claim };
        places(&commit_one(&*store, unit().key(KeyWrite::Claim(claim))).await);
    }
    assert_eq!(store.sweep(at(9), 9).await?, 0);
    assert_eq!(store.sweep(at(30), 2).await?, 2);
    assert_eq!(store.sweep(at(30), 2).await?, 1);
    assert_eq!(store.sweep(at(30), 2).await?, 0);
    places(&commit_one(&*store, unit().claim("row-0", "m-5")).await);
    let kept = commit_one(&*store, unit().claim("row-3", "m-6")).await;
    assert_eq!(kept, duplicate("m-3", None));
    Ok(())
}
