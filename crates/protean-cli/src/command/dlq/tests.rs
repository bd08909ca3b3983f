//! The commands on a bank whose projector gives messages up.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use protean::message::Category;
use protean::port::Find;
use protean::{Domain, Operation};
use protean_engine::Server;
use serde_json::json;

use super::{Command, list, purge, replay, run, target};
use crate::App;
use crate::command::confirm::Consent;
use crate::globals::Globals;
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

/// Runs a server until this many messages are dead and none is in flight.
async fn settle(domain: &Domain, dead: u64) {
    let at_rest = async {
        loop {
            let (mut lag, mut found) = (0, 0);
            for group in domain.groups() {
                let store = domain.store().await.unwrap();
                let status = store.group_status(&group.name, &group.category).await.unwrap();
                lag += status.lag() + status.parked();
                found += status.dead();
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
    let group = &target::groups(domain, Some(PROJECTOR)).unwrap()[0];
    let store = domain.store().await.unwrap();
    store.group_status(&group.name, &group.category).await.unwrap().dead()
}

/// What operators have done, the oldest first.
async fn recorded(domain: &Domain) -> Vec<String> {
    let find = Find { category: Some(Category::named("fidelis::operations")), ..Find::first(9) };
    let found = domain.store().await.unwrap().find(find).await.unwrap();
    let read = |data: &str| serde_json::from_str::<Operation>(data).unwrap();
    let operations = found.iter().map(|of| read(&of.message.data));
    operations.map(|of| format!("{} {} by {}", of.action, of.count, of.by)).collect()
}

fn all(yes: bool) -> Command {
    let subscription = Some(PROJECTOR.to_owned());
    Command::Purge(purge::Options {
        id: None,
        subscription,
        older_than: None,
        consent: Consent { yes },
    })
}

#[tokio::test]
async fn a_dead_letter_is_found_by_its_id_and_by_its_message_id() {
    let (_, domain, _) = given_up(&["a", "b"]).await;
    let dead_letters = list::dead_letters(&domain, domain.groups(), 0, 9).await.unwrap();
    let [first, second] = &dead_letters[..] else { panic!("there are two: {dead_letters:?}") };
    let (first, second) = (&first.dead_letter, &second.dead_letter);
    for (id, expected) in [
        (first.recorded.position.to_string(), first),
        (second.recorded.message.id.to_string(), second),
    ] {
        let found = target::dead_letter(&domain, &id, None).await.unwrap();
        assert_eq!((&found.dead_letter, found.group.handler.as_str()), (expected, PROJECTOR));
    }
    let missing = target::dead_letter(&domain, "999", None).await.unwrap_err();
    assert!(missing.to_string().contains("'999'"), "{missing}");
}

#[tokio::test]
async fn a_subscription_is_found_by_any_of_its_names() {
    let (_, domain, _) = given_up(&[]).await;
    for name in [
        "CustomerProjector",
        "fidelis.CustomerProjector",
        "CustomerProjector@fidelis::account",
        "fidelis.CustomerProjector@fidelis::account",
    ] {
        assert_eq!(target::groups(&domain, Some(name)).unwrap().len(), 1, "{name}");
    }
    let unknown = target::groups(&domain, Some("CustomerProjectr")).unwrap_err();
    assert!(unknown.to_string().contains("did you mean 'CustomerProjector'?"), "{unknown}");
    assert!(target::groups(&domain, Some("CustomerProjector@fidelis::other")).is_err());
}

#[tokio::test]
async fn a_replayed_message_runs_again() {
    let (app, domain, fails) = given_up(&["a", "b", "c"]).await;
    fails.store(false, Ordering::SeqCst);
    let dead_letters = list::dead_letters(&domain, domain.groups(), 0, 1).await.unwrap();
    let id = dead_letters[0].dead_letter.recorded.position.to_string();
    let one = Command::Replay(replay::Options { id: id.clone(), subscription: None });
    run(&one, &app).await.unwrap();
    assert_eq!(dead(&domain).await, 2);
    assert!(run(&one, &app).await.is_err(), "no longer dead");
    let subscription = PROJECTOR.to_owned();
    run(&Command::ReplayAll(replay::All { subscription }), &app).await.unwrap();
    settle(&domain, 0).await;
    assert_eq!(recorded(&domain).await, ["replay 1 by command line", "replay 2 by command line"]);
}

#[tokio::test]
async fn nothing_is_purged_without_confirmation() {
    let (app, domain, _) = given_up(&["a", "b"]).await;
    let refused = run(&all(false), &app).await.unwrap_err();
    assert!(refused.to_string().contains("--yes"), "{refused}");
    assert_eq!(dead(&domain).await, 2);
    run(&all(true), &app).await.unwrap();
    assert_eq!(dead(&domain).await, 0);
    assert_eq!(recorded(&domain).await, ["purge 2 by command line"]);
}

#[tokio::test]
async fn a_page_starts_after_the_given_id() {
    let (_, domain, _) = given_up(&["a", "b", "c"]).await;
    let all = list::dead_letters(&domain, domain.groups(), 0, 9).await.unwrap();
    let position = all[0].dead_letter.recorded.position;
    let rest = list::dead_letters(&domain, domain.groups(), position, 9).await.unwrap();
    assert_eq!((all.len(), rest.len()), (3, 2));
    let shown = super::dead_letter::Shown::new(&domain, &all[0].group, &all[0].dead_letter);
    let shown = serde_json::to_value(shown).unwrap();
    assert_eq!(shown["subscription"], PROJECTOR);
    assert_eq!(shown["reason"], json!("no more customers"));
    assert_eq!(shown["type"], "Fidelis.AccountOpened.v1");
}
