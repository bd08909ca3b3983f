//! Where messages stand, on a store in memory that is brought there by hand.

use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::{Just, Strategy, any, proptest};
use proptest::{collection, prop_assert_eq, prop_oneof};
use protean_port::memory::MemoryStore;
use protean_port::message::{
    Category, Extensions, Id, Kind, Lane, LaneRule, Message, Priority, Recorded, Timestamp,
};
use protean_port::port::{
    Append, At, Changes, Count, Counter, Dead, DoneMark, Expect, Find, GroupRegistration, Log as _,
    MessageRef, Outcome, Park, ProgressMove, Start, Store,
};

use super::standing::{Ending, Standing, Subscriber, Turn};

const GROUP: &str = "bank.Mailer";
const NOW: Timestamp = Timestamp::from_micros(1_000_000);
const LANES: LaneRule = LaneRule { threshold: Some(Priority::NORMAL) };

/// A log of one category, and a group that reads it.
struct Mailbox {
    store: MemoryStore,
    category: Category,
    is_ordered: bool,
}

impl Mailbox {
    async fn new(is_ordered: bool) -> Self {
        let (store, category) = (MemoryStore::new(), Category::named("bank::account"));
        let start = Start::Beginning;
        let registration = GroupRegistration::new(GROUP, category.clone(), start);
        store.prepare(&[], &[registration]).await.unwrap();
        Self { store, category, is_ordered }
    }

    fn subscriber(&self) -> Subscriber<'_> {
        Subscriber {
            group: GROUP,
            category: &self.category,
            is_ordered: self.is_ordered,
            is_from_beginning: true,
            ignores: false,
            lanes: LANES,
        }
    }

    async fn commit(&self, change: impl FnOnce(&mut Changes)) {
        let mut changes = Changes::new(Lane::Primary);
        change(&mut changes);
        let outcomes = self.store.commit(Arc::from([changes])).await;
        assert!(matches!(outcomes[..], [Outcome::Committed(_)]), "{outcomes:?}");
    }

    async fn append(&self, account: &str, priority: i32) -> Recorded {
        self.append_until(account, priority, None).await
    }

    async fn append_until(
        &self,
        account: &str,
        priority: i32,
        deadline: Option<Timestamp>,
    ) -> Recorded {
        let count = self.store.find(Find::first(usize::MAX)).await.unwrap().len();
        let message = Message {
            id: format!("m{count}").into(),
            stream: self.category.stream(&Id::from(account)),
            kind: Kind::Event,
            type_name: "Bank.Opened.v1".into(),
            version: 1,
            priority: Priority::new(priority),
            correlation_id: "c".into(),
            causation_id: None,
            time: Timestamp::default(),
            data: "{}".into(),
            extensions: Extensions { deadline, ..Extensions::default() },
        };
        self.commit(|unit| unit.appends.push(Append { message, expect: Expect::End })).await;
        self.store.find(Find::last(1)).await.unwrap().remove(0)
    }

    async fn done(&self, recorded: &Recorded, counter: Counter) {
        let mark = DoneMark::of(&GROUP.into(), &recorded.message, At::Only(recorded.position));
        let count =
            Count { group: GROUP.into(), category: self.category.clone(), counter, count: 1 };
        self.commit(|unit| {
            unit.marks.push(mark);
            unit.counts.push(count);
        })
        .await;
    }

    async fn park(&self, recorded: &Recorded, due: Option<Timestamp>) {
        let (group, message) = (GROUP.into(), MessageRef::from(recorded));
        let mark = DoneMark::of(&GROUP.into(), &recorded.message, At::Only(recorded.position));
        let reason = "no mail today".to_owned();
        self.commit(|unit| {
            unit.marks.push(mark);
            unit.parks.push(Park::Keep { group, message, attempts: 2, due, reason });
        })
        .await;
    }

    async fn bury(&self, recorded: &Recorded) {
        let (group, message, time) = (GROUP.into(), MessageRef::from(recorded), NOW);
        let mark = DoneMark::of(&GROUP.into(), &recorded.message, At::Only(recorded.position));
        let (attempts, reason, in_turn) = (4, "no such address".to_owned(), false);
        self.commit(|unit| {
            unit.marks.push(mark);
            unit.dead.push(Dead::Add { group, message, attempts, reason, time, in_turn });
        })
        .await;
    }

    async fn standing(&self, recorded: &Recorded) -> Standing {
        self.subscriber().standing(&self.store, recorded, NOW).await.unwrap()
    }
}

fn behind(first: &Recorded) -> Standing {
    Standing::Held { behind: Some(Box::new(first.clone())) }
}

#[tokio::test]
async fn a_settled_message_is_handled_unless_the_counters_allow_more() {
    let log = Mailbox::new(true).await;
    let first = log.append("a", 0).await;
    log.done(&first, Counter::Handled).await;
    assert_eq!(log.standing(&first).await, Standing::Settled(vec![Ending::Handled]));
    let late = log.append_until("a", 0, Some(NOW)).await;
    log.done(&late, Counter::Expired).await;
    let either = vec![Ending::Handled, Ending::Expired];
    assert_eq!(log.standing(&late).await, Standing::Settled(either));
    assert_eq!(log.standing(&first).await, Standing::Settled(vec![Ending::Handled]));
    let purged = log.append("a", 0).await;
    log.done(&purged, Counter::Purged).await;
    let either = Standing::Settled(vec![Ending::Handled, Ending::Purged]);
    assert_eq!(log.standing(&purged).await, either);
    let later = Subscriber { is_from_beginning: false, ..log.subscriber() };
    let found = later.standing(&log.store, &first, NOW).await.unwrap();
    let either = vec![Ending::Handled, Ending::BeforeStart, Ending::Purged];
    assert_eq!(found, Standing::Settled(either));
    let passes = Subscriber { ignores: true, ..log.subscriber() };
    assert_eq!(passes.standing(&log.store, &first, NOW).await.unwrap(), Standing::Ignored);
}

#[tokio::test]
async fn a_group_that_began_later_never_takes_a_message() {
    let log = Mailbox::new(false).await;
    let early = log.append("a", 0).await;
    let late = GroupRegistration::new("bank.Late", log.category.clone(), Start::Head);
    log.store.prepare(&[], &[late]).await.unwrap();
    let late = Subscriber { group: "bank.Late", is_from_beginning: false, ..log.subscriber() };
    let found = late.standing(&log.store, &early, NOW).await.unwrap();
    assert_eq!(found, Standing::Settled(vec![Ending::BeforeStart]));
}

#[tokio::test]
async fn a_message_past_its_deadline_is_expired() {
    let log = Mailbox::new(false).await;
    let deadline = Timestamp::from_micros(999_999);
    let late = log.append_until("a", 0, Some(deadline)).await;
    assert_eq!(log.standing(&late).await, Standing::Expired(deadline));
    let in_time = log.append_until("a", 0, Some(NOW)).await;
    assert!(matches!(log.standing(&in_time).await, Standing::Waiting(_)));
}

#[tokio::test]
async fn a_parked_message_says_until_when_and_why() {
    let log = Mailbox::new(true).await;
    let parked = log.append("a", 0).await;
    let due = NOW + Duration::from_secs(7);
    log.park(&parked, Some(due)).await;
    let reason = "no mail today".to_owned();
    assert_eq!(log.standing(&parked).await, Standing::Parked { attempts: 2, due, reason });
}

#[tokio::test]
async fn a_dead_message_says_when_and_why() {
    let log = Mailbox::new(true).await;
    let handled = log.append("a", 0).await;
    let (dead, next) = (log.append("a", 0).await, log.append("b", 0).await);
    log.done(&handled, Counter::Handled).await;
    log.bury(&dead).await;
    assert_eq!(log.standing(&handled).await, Standing::Settled(vec![Ending::Handled]));
    let reason = "no such address".to_owned();
    assert_eq!(log.standing(&dead).await, Standing::Dead { attempts: 4, time: NOW, reason });
    assert!(matches!(log.standing(&next).await, Standing::Waiting(_)), "of another account");
}

#[tokio::test]
async fn followers_are_held_behind_the_first_that_blocks_them() {
    let log = Mailbox::new(true).await;
    let mut messages = Vec::new();
    for _ in 0..9 {
        messages.push(log.append("a", 0).await);
    }
    for (position, done) in messages[..3].iter().enumerate() {
        let (group, stream) = (GROUP.into(), done.message.stream.clone());
        let step = ProgressMove { group, stream, position: position as u64 };
        log.commit(|unit| unit.progress.push(step)).await;
        log.done(done, Counter::Handled).await;
    }
    log.bury(&messages[3]).await;
    log.park(&messages[4], None).await;
    log.park(&messages[6], None).await;
    for follower in &messages[4..] {
        assert_eq!(log.standing(follower).await, behind(&messages[3]));
    }
    let unordered = Subscriber { is_ordered: false, ..log.subscriber() };
    let found = unordered.standing(&log.store, &messages[8], NOW).await.unwrap();
    assert!(matches!(found, Standing::Waiting(_)), "nothing holds it: {found:?}");
}

#[tokio::test]
async fn counting_ends_before_it_costs_too_much() {
    let log = Mailbox::new(false).await;
    let message = log.append("a", 0).await.message;
    let append = |_| Append { message: message.clone(), expect: Expect::End };
    log.commit(|unit| unit.appends.extend((1..10_000).map(append))).await;
    let at_the_limit = log.append("a", 0).await;
    let beyond = log.append("a", 0).await;
    let turn = Turn { lane: Lane::Primary, ahead: 10_000, is_counted: false, more_urgent: 0 };
    assert_eq!(log.standing(&beyond).await, Standing::Waiting(turn));
    assert_eq!(log.standing(&at_the_limit).await, Standing::Waiting(turn));
}

fn priority() -> impl Strategy<Value = i32> {
    prop_oneof![Just(-100), Just(-50), Just(0), Just(50)]
}

proptest! {
    /// What comes before a message is what a scheduler would take before it: whatever is
    /// not settled and of a higher priority, or of the same and earlier.
    #[test]
    fn what_comes_before_is_counted_by_lane(
        messages in collection::vec((priority(), any::<bool>()), 1..40),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let log = Mailbox::new(false).await;
            let mut open = Vec::new();
            for (number, (priority, is_done)) in messages.iter().enumerate() {
                let recorded = log.append(&number.to_string(), *priority).await;
                if *is_done {
                    log.done(&recorded, Counter::Handled).await;
                } else {
                    open.push(recorded);
                }
            }
            let key = |of: &Recorded| (std::cmp::Reverse(of.message.priority), of.position);
            open.sort_by_key(key);
            for (place, recorded) in open.iter().enumerate() {
                let lane = LANES.lane(recorded.message.priority);
                let in_lane = |of: &&Recorded| LANES.lane(of.message.priority) == lane;
                let ahead = open[..place].iter().filter(in_lane).count() as u64;
                let more_urgent = place as u64 - ahead;
                let turn = Turn { lane, ahead, is_counted: true, more_urgent };
                prop_assert_eq!(log.standing(recorded).await, Standing::Waiting(turn));
            }
            Ok(())
        })?;
    }

    /// Whichever messages of a stream are parked or dead, the first of them is named.
    #[test]
    fn the_first_that_blocks_is_found(blocking in collection::vec(any::<bool>(), 1..24)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let log = Mailbox::new(true).await;
            let mut first: Option<Recorded> = None;
            for blocks in blocking {
                let recorded = log.append("a", 0).await;
                let standing = log.standing(&recorded).await;
                match &first {
                    Some(first) => prop_assert_eq!(standing, behind(first)),
                    None => prop_assert_eq!(matches!(standing, Standing::Waiting(_)), true),
                }
                if blocks {
                    log.bury(&recorded).await;
                    first = first.or(Some(recorded));
                }
            }
            Ok(())
        })?;
    }
}
