//! The commands on a bank whose projector gives messages up.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use protean::Domain;
use protean_engine::Server;
use serde_json::json;

use super::{Command, choice, list, purge, replay, run};
use crate::App;
use crate::line::Globals;
use crate::sample::{OpenAccount, bank};

const PROJECTOR: &str = "CustomerProjector";

/// A bank whose projector has given up these accounts.
async fn given_up(accounts: &[&str]) -> (App, Domain, Arc<AtomicBool>) {
    let fails = Arc::new(AtomicBool::new(true));
    let app = App::new(bank(&fails), Globals { json: true, config: None });
    let domain = app.domain().unwrap();
    for account in accounts {
        let account_id = (*account).into();
        domain.process(OpenAccount { account_id }).asynchronous().await.unwrap();
    }
    settle(&domain, accounts.len() as u64).await;
    (app, domain, fails)
}

/// Serves until this many letters are dead and nothing is on the way.
async fn settle(domain: &Domain, dead: u64) {
    let at_rest = async {
        loop {
            let (mut lag, mut found) = (0, 0);
            for group in domain.groups() {
                let store = domain.store().await.unwrap();
                let standing = store.standing(&group.name, &group.category).await.unwrap();
                lag += standing.lag() + standing.parked();
                found += standing.dead();
            }
            if lag == 0 && found == dead {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    };
    Server::new(domain.clone()).run(at_rest).await.unwrap();
}

async fn dead(domain: &Domain) -> u64 {
    let group = &choice::groups(domain, Some(PROJECTOR)).unwrap()[0];
    let store = domain.store().await.unwrap();
    store.standing(&group.name, &group.category).await.unwrap().dead()
}

fn all(yes: bool) -> Command {
    let subscription = Some(PROJECTOR.to_owned());
    Command::Purge(purge::Options { id: None, subscription, older_than: None, yes })
}

#[tokio::test]
async fn a_letter_is_found_by_its_id_and_that_of_its_message() {
    let (_, domain, _) = given_up(&["a", "b"]).await;
    let letters = list::letters(&domain, domain.groups(), (0, 9)).await.unwrap();
    let [(_, first), (_, second)] = &letters[..] else { panic!("there are two: {letters:?}") };
    for (id, expected) in [
        (first.recorded.position.to_string(), first),
        (second.recorded.message.id.to_string(), second),
    ] {
        let (group, found) = choice::letter(&domain, &id, None).await.unwrap();
        assert_eq!((&found, group.handler.as_str()), (expected, PROJECTOR));
    }
    let missing = choice::letter(&domain, "999", None).await.unwrap_err();
    assert!(missing.to_string().contains("'999'"), "{missing}");
}

#[tokio::test]
async fn a_subscription_is_meant_by_any_of_its_names() {
    let (_, domain, _) = given_up(&[]).await;
    for name in [
        "CustomerProjector",
        "fidelis.CustomerProjector",
        "CustomerProjector@fidelis::account",
        "fidelis.CustomerProjector@fidelis::account",
    ] {
        assert_eq!(choice::groups(&domain, Some(name)).unwrap().len(), 1, "{name}");
    }
    let unknown = choice::groups(&domain, Some("CustomerProjectr")).unwrap_err();
    assert!(unknown.to_string().contains("did you mean 'CustomerProjector'?"), "{unknown}");
    assert!(choice::groups(&domain, Some("CustomerProjector@fidelis::other")).is_err());
}

#[tokio::test]
async fn what_is_replayed_runs_again() {
    let (app, domain, fails) = given_up(&["a", "b", "c"]).await;
    fails.store(false, Ordering::SeqCst);
    let letters = list::letters(&domain, domain.groups(), (0, 1)).await.unwrap();
    let id = letters[0].1.recorded.position.to_string();
    let one = Command::Replay(replay::Options { id: id.clone(), subscription: None });
    run(&one, &app).await.unwrap();
    assert_eq!(dead(&domain).await, 2);
    assert!(run(&one, &app).await.is_err(), "it is not dead any more");
    let subscription = PROJECTOR.to_owned();
    run(&Command::ReplayAll(replay::All { subscription }), &app).await.unwrap();
    settle(&domain, 0).await;
}

#[tokio::test]
async fn nothing_is_purged_unasked() {
    let (app, domain, _) = given_up(&["a", "b"]).await;
    let refused = run(&all(false), &app).await.unwrap_err();
    assert!(refused.to_string().contains("--yes"), "{refused}");
    assert_eq!(dead(&domain).await, 2);
    run(&all(true), &app).await.unwrap();
    assert_eq!(dead(&domain).await, 0);
}

#[tokio::test]
async fn a_page_tells_where_the_next_begins() {
    let (_, domain, _) = given_up(&["a", "b", "c"]).await;
    let all = list::letters(&domain, domain.groups(), (0, 9)).await.unwrap();
    let position = all[0].1.recorded.position;
    let rest = list::letters(&domain, domain.groups(), (position, 9)).await.unwrap();
    assert_eq!((all.len(), rest.len()), (3, 2));
    let shown = super::letter::Shown::new(&domain, &all[0].0, &all[0].1);
    let shown = serde_json::to_value(shown).unwrap();
    assert_eq!(shown["subscription"], PROJECTOR);
    assert_eq!(shown["reason"], json!("no more customers"));
    assert_eq!(shown["type"], "Fidelis.AccountOpened.v1");
}
