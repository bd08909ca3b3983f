//! Facts of dead letters.

use std::sync::Arc;

use protean_port::Result;
use protean_port::message::{Category, Priority, Recorded};
use protean_port::port::{Dead, DeadLetter, DeadLetterRead, MessageRef, Store};

use super::sample::{
    Draft, OTHER, READER, account, accounts, assert_stale, at, commit_one, keep, parked_read,
    places, recorded, unit,
};

fn read(group: &str, after: u64, limit: usize) -> DeadLetterRead {
    let before = at(1);
    DeadLetterRead { group: group.to_owned(), category: accounts(), after, before, limit }
}

fn take_dead(group: &str, message: &Recorded) -> Draft {
    let taken = Dead::Take { group: group.into(), message: MessageRef::from(message) };
    unit().with(|changes| changes.dead.push(taken))
}

async fn buried(store: &dyn Store, id: &str) -> Recorded {
    let message = recorded(store, &account(id), Priority::BULK).await;
    let draft = unit().add_dead(READER, MessageRef::from(&message));
    places(&commit_one(store, draft).await);
    message
}

pub async fn a_letter_tells_all_about_its_message(store: Arc<dyn Store>) -> Result {
    let message = buried(&*store, "a").await;
    let (reason, time) = ("it cannot be handled".to_owned(), at(0));
    let letter = DeadLetter { recorded: message, attempts: 3, reason, time };
    assert_eq!(store.dead_letters(read(READER, 0, 9)).await?, [letter]);
    assert_eq!(store.dead_letters(read(OTHER, 0, 9)).await?, []);
    let elsewhere =
        DeadLetterRead { category: Category::named("fact::other"), ..read(READER, 0, 9) };
    assert_eq!(store.dead_letters(elsewhere).await?, []);
    let earlier = DeadLetterRead { before: at(0), ..read(READER, 0, 9) };
    assert_eq!(store.dead_letters(earlier).await?, [], "it was given up at that moment");
    Ok(())
}

pub async fn letters_are_read_page_by_page(store: Arc<dyn Store>) -> Result {
    for id in ["c", "a", "b", "a"] {
        buried(&*store, id).await;
    }
    for (after, limit, positions) in
        [(0, 3, &[1, 2, 3][..]), (3, 3, &[4]), (4, 3, &[]), (0, 0, &[])]
    {
        let letters = store.dead_letters(read(READER, after, limit)).await?;
        let found: Vec<u64> = letters.iter().map(|letter| letter.recorded.position).collect();
        assert_eq!(found, positions, "{limit} after {after}");
    }
    Ok(())
}

pub async fn rejects_taking_what_is_not_dead(store: Arc<dyn Store>) -> Result {
    let alive = recorded(&*store, &account("a"), Priority::BULK).await;
    let message = buried(&*store, "a").await;
    assert_stale(&commit_one(&*store, take_dead(READER, &alive)).await);
    assert_stale(&commit_one(&*store, take_dead(OTHER, &message)).await);
    places(&commit_one(&*store, take_dead(READER, &message)).await);
    assert_stale(&commit_one(&*store, take_dead(READER, &message)).await);
    assert_eq!(store.dead_letters(read(READER, 0, 9)).await?, []);
    assert!(!store.blocked(READER, &account("a"), 9).await?, "it is in nobody's way");
    Ok(())
}

pub async fn what_is_given_up_in_turn_is_what_the_group_expects(store: Arc<dyn Store>) -> Result {
    let messages = [
        recorded(&*store, &account("a"), Priority::BULK).await,
        recorded(&*store, &account("a"), Priority::BULK).await,
    ];
    let add_dead = |message: &Recorded| {
        let (group, message) = (READER.into(), MessageRef::from(message));
        let (reason, time) = ("it breaks a rule".to_owned(), at(0));
        let dead = Dead::Add { group, message, attempts: 1, reason, time, in_turn: true };
        unit().with(|changes| changes.dead.push(dead))
    };
    assert_stale(&commit_one(&*store, add_dead(&messages[1])).await);
    assert_eq!(store.dead_letters(read(READER, 0, 9)).await?, []);
    places(&commit_one(&*store, unit().step(READER, &account("a"), 0)).await);
    assert_stale(&commit_one(&*store, add_dead(&messages[0])).await);
    places(&commit_one(&*store, add_dead(&messages[1])).await);
    Ok(())
}

pub async fn a_letter_can_be_parked_again_in_one_unit(store: Arc<dyn Store>) -> Result {
    let message = buried(&*store, "a").await;
    let parked = keep(READER, &MessageRef::from(&message), 0, Some(at(5)));
    places(&commit_one(&*store, take_dead(READER, &message).park(parked)).await);
    let standing = store.group_status(READER, &accounts()).await?;
    assert_eq!((standing.dead(), standing.parked()), (0, 1));
    let due = store.parked(parked_read(READER, at(5), 9)).await?.due;
    assert_eq!((due[0].recorded.clone(), due[0].attempts), (message, 0));
    assert!(store.blocked(READER, &account("a"), 9).await?, "it is in the way again");
    Ok(())
}
