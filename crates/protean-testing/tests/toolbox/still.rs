//! The clock and the identities.

use std::time::Duration;

use protean::message::Ids;
use protean::port::Clock;
use protean::{Id, Timestamp};
use protean_testing::TestClock;

#[test]
fn a_clock_stands_still_until_it_is_moved() {
    let (clock, noon) = (TestClock::default(), Timestamp::from_micros(5));
    let other = clock.clone();
    assert_eq!(clock.now(), other.now());
    clock.set(noon);
    other.advance(Duration::from_micros(2));
    assert_eq!(clock.now(), Timestamp::from_micros(7));
}

#[test]
fn identities_are_numbered_within_a_scope_only() {
    let ids = Ids::default();
    let made = ids.within(|| [Id::new(), Id::new()]);
    assert_eq!(made, [Id::numbered(1), Id::numbered(2)]);
    assert_eq!(made[0].as_str(), "00000000-0000-7000-8000-000000000001");
    assert_ne!(Id::new(), Id::numbered(3));
    assert_eq!(ids.within(Id::new), Id::numbered(3));
}

#[tokio::test]
async fn a_context_makes_numbered_identities_within_a_scope() {
    let domain = protean::domain("empty").in_memory().build().unwrap();
    let ids = Ids::default();
    // The correlation id is one of them as well.
    let made = ids.scope(domain.unit_of_work(async |ctx| Ok([ctx.new_id()?, ctx.new_id()?])));
    let made = made.await.unwrap();
    assert_eq!(made, [Id::numbered(2), Id::numbered(3)]);
}
