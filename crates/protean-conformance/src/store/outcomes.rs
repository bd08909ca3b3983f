//! Facts of a commit: what becomes of each unit of a list.

use std::sync::Arc;

use protean_port::Result;
use protean_port::message::{Priority, Value};
use protean_port::port::{
    At, Counter, GroupStatus, LaneRead, MessageRef, Outcome, Place, RowQuery, Store,
};

use super::sample::{
    Draft, READER, account, accounts, assert_stale, at, bulk, column, commit, commit_one, keep,
    lane_read, parked_read, places, recorded, take, thing, things, unit,
};

const NORMAL: Priority = Priority::NORMAL;

pub async fn tells_where_each_message_landed(store: Arc<dyn Store>) -> Result {
    let (a, b) = (account("a"), account("b"));
    let first = unit().append(&a, NORMAL).append(&b, Priority::HIGH).append(&a, NORMAL);
    let outcomes = commit(&*store, [first, unit(), unit().append(&a, NORMAL)]).await;
    let place = |position, stream_position| Place { position, stream_position };
    let expected = [vec![place(1, 0), place(2, 0), place(3, 1)], vec![], vec![place(4, 2)]];
    assert_eq!(outcomes, expected.map(Outcome::Committed));
    Ok(())
}

pub async fn an_empty_unit_is_committed(store: Arc<dyn Store>) -> Result {
    assert_eq!(commit_one(&*store, unit()).await, Outcome::Committed(Vec::new()));
    assert_eq!(commit(&*store, []).await, []);
    Ok(())
}

pub async fn appends_where_the_stream_is_expected_to_end(store: Arc<dyn Store>) -> Result {
    let stream = account("a");
    for position in 0..3 {
        let outcome = commit_one(&*store, unit().append_at(&stream, position)).await;
        assert_eq!(places(&outcome)[0].stream_position, position);
    }
    Ok(())
}

pub async fn rejects_a_stale_stream_position(store: Arc<dyn Store>) -> Result {
    let stream = account("a");
    assert_stale(&commit_one(&*store, unit().append_at(&stream, 1)).await);
    recorded(&*store, &stream, NORMAL).await;
    recorded(&*store, &stream, NORMAL).await;
    for position in [0, 1, 3, 1000] {
        assert_stale(&commit_one(&*store, unit().append_at(&stream, position)).await);
    }
    assert_eq!(store.stream(&stream, 0, 10).await?.len(), 2);
    Ok(())
}

pub async fn a_unit_sees_its_own_writes(store: Arc<dyn Store>) -> Result {
    let stream = account("a");
    let row = || thing("t", []);
    let own = unit()
        .append_at(&stream, 0)
        .append_at(&stream, 1)
        .put(None, row())
        .put(Some(0), row())
        .remove("t", 1)
        .step(READER, &stream, 0)
        .step(READER, &stream, 1);
    assert_eq!(places(&commit_one(&*store, own).await).len(), 2);
    assert_eq!(store.next(READER, &stream).await?, 2);
    assert_eq!(store.row(&things(), "t").await?.version, Some(2));
    Ok(())
}

pub async fn a_later_unit_sees_an_earlier_one(store: Arc<dyn Store>) -> Result {
    let stream = account("a");
    let first = unit().append_at(&stream, 0).put(None, thing("t", [])).step(READER, &stream, 0);
    let second =
        unit().append_at(&stream, 1).put(Some(0), thing("t", [])).step(READER, &stream, 1).after(0);
    for outcome in commit(&*store, [first, second]).await {
        assert_eq!(places(&outcome).len(), 1);
    }
    Ok(())
}

/// Everything a store says about the sample, to see that nothing changed.
async fn picture(store: &dyn Store) -> Result<impl PartialEq + std::fmt::Debug + use<>> {
    let (mut lanes, mut rows) = (Vec::new(), Vec::new());
    for group in [READER, "quiet"] {
        let standing: GroupStatus = store.group_status(group, &accounts()).await?;
        let parked = store.parked(parked_read(group, at(1_000_000_000), 100)).await?;
        let read = LaneRead { limit: 100, ..lane_read(group) };
        lanes.push((standing, parked, store.lane(read).await?));
    }
    rows.push(store.query(&things(), &RowQuery::default()).await?);
    let mut next = Vec::new();
    for id in ["a", "b"] {
        next.push((
            store.next(READER, &account(id)).await?,
            store.stream(&account(id), 0, 9).await?,
        ));
    }
    Ok((lanes, rows, next, store.row(&things(), "new").await?, store.row(&things(), "old").await?))
}

pub async fn a_failing_part_changes_nothing_at_all(store: Arc<dyn Store>) -> Result {
    let stream = account("a");
    let first = MessageRef::from(&recorded(&*store, &stream, NORMAL).await);
    let second = MessageRef::from(&recorded(&*store, &stream, NORMAL).await);
    let email = |id, email| thing(id, [(column::EMAIL, Value::text(email))]);
    let known = unit().put(None, email("old", "a@b.c")).claim("taken", "m-1");
    let known = known.mark(READER, NORMAL, At::Only(second.position));
    places(&commit_one(&*store, known.park(keep(READER, &first, 1, None))).await);
    let before = picture(&*store).await?;
    // One of every change, each of which would hold on its own.
    let good = || {
        unit()
            .append(&stream, NORMAL)
            .append(&account("b"), Priority::BULK)
            .put(None, email("new", "d@e.f"))
            .remove("old", 0)
            .claim("free", "m-2")
            .step(READER, &stream, 0)
            .mark(READER, NORMAL, At::UpTo(second.position))
            .mark(READER, Priority::BULK, At::Appended(1))
            .park(take(READER, &first))
            .park(keep(READER, &second, 2, Some(at(1))))
            .add_dead("quiet", first.clone())
            .count(READER, Counter::Handled, 5)
            // Twice the same, to see that they are taken back in the right order.
            .count(READER, Counter::Handled, 2)
            .step(READER, &stream, 1)
            .park(keep(READER, &second, 3, Some(at(2))))
    };
    let failing: [(&str, Draft); 7] = [
        ("append", good().append_at(&stream, 0)),
        ("put", good().put(Some(7), thing("new", []))),
        ("unique", good().put(None, email("newer", "d@e.f"))),
        ("remove", good().remove("old", 0)),
        ("claim", good().claim("taken", "m-3")),
        ("step", good().step(READER, &account("b"), 1)),
        ("take", good().park(take(READER, &first))),
    ];
    for (part, draft) in failing {
        let outcome = commit_one(&*store, draft).await;
        assert!(!matches!(outcome, Outcome::Committed(_)), "{part}");
        assert_eq!(picture(&*store).await?, before, "{part}: {outcome:?}");
    }
    assert_eq!(places(&commit_one(&*store, good()).await)[0].position, 3);
    Ok(())
}

pub async fn a_failing_unit_leaves_the_others_alone(store: Arc<dyn Store>) -> Result {
    let stream = account("a");
    for failing in 0..4_usize {
        let before = store.stream(&stream, 0, 100).await?.len() as u64;
        let draft = |index| match index {
            _ if index == failing => unit().append(&stream, NORMAL).append_at(&stream, 1000),
            _ => unit().append(&stream, NORMAL),
        };
        let outcomes = commit(&*store, [0, 1, 2, 3].map(draft)).await;
        let landed = outcomes.iter().enumerate().filter(|(index, _)| *index != failing);
        for ((_, outcome), position) in landed.zip(before..) {
            assert_eq!(places(outcome)[0].stream_position, position);
        }
        assert_stale(&outcomes[failing]);
    }
    assert_eq!(store.stream(&stream, 0, 100).await?.len(), 12);
    Ok(())
}

pub async fn a_dependant_is_left_out_too(store: Arc<dyn Store>) -> Result {
    let stream = account("a");
    let units = [
        unit().append_at(&stream, 9),
        unit().append(&stream, NORMAL),
        unit().append(&stream, NORMAL).after(1).after(0),
        unit().append(&stream, NORMAL).after(2),
        unit().append(&stream, NORMAL).after(1),
    ];
    let outcomes = commit(&*store, units).await;
    assert_stale(&outcomes[0]);
    assert_eq!(outcomes[2..4], [Outcome::Dependent, Outcome::Dependent]);
    assert_eq!(places(&outcomes[1])[0].stream_position, 0);
    assert_eq!(places(&outcomes[4])[0].stream_position, 1);
    Ok(())
}

pub async fn a_dependant_of_a_committed_unit_is_applied(store: Arc<dyn Store>) -> Result {
    let stream = account("a");
    let step = |position| unit().append_at(&stream, position);
    let outcomes = commit(&*store, [step(0), step(1).after(0), step(2).after(0).after(1)]).await;
    for (outcome, position) in outcomes.iter().zip(0..) {
        assert_eq!(places(outcome)[0].stream_position, position);
    }
    Ok(())
}

pub async fn otherwise_is_applied_whatever_the_reason(store: Arc<dyn Store>) -> Result {
    let taken = thing("taken", [(column::EMAIL, Value::text("a@b.c"))]);
    let known = unit().put(None, taken).claim("taken", "m-1");
    places(&commit_one(&*store, known).await);
    let unique = thing("new", [(column::EMAIL, Value::text("a@b.c"))]);
    let instead = |id| unit().append_at(&account(id), 0).count(READER, Counter::Handled, 1);
    let units = [
        unit().append_at(&account("x"), 9).or(instead("stale")),
        unit().put(None, unique).or(instead("rejected")),
        unit().claim("taken", "m-2").or(instead("duplicate")),
        unit().append(&account("x"), NORMAL).after(0).or(instead("dependent")),
        unit().append(&account("y"), NORMAL).or(instead("committed")),
    ];
    let [stale, rejected, duplicate, dependent, committed] = commit(&*store, units).await;
    assert_stale(&stale);
    assert!(matches!(rejected, Outcome::Rejected(_)), "{rejected:?}");
    assert!(matches!(duplicate, Outcome::Duplicate { .. }), "{duplicate:?}");
    assert_eq!(dependent, Outcome::Dependent);
    assert_eq!(places(&committed).len(), 1);
    for (id, length) in [("stale", 1), ("rejected", 1), ("duplicate", 1), ("dependent", 1)]
        .into_iter()
        .chain([("committed", 0), ("x", 0), ("y", 1)])
    {
        assert_eq!(store.stream(&account(id), 0, 9).await?.len(), length, "{id}");
    }
    assert_eq!(store.group_status(READER, &accounts()).await?.count(Counter::Handled), 4);
    Ok(())
}

pub async fn an_otherwise_that_cannot_be_applied_is_skipped(store: Arc<dyn Store>) -> Result {
    let stream = account("a");
    let instead = unit().append(&stream, NORMAL).put(Some(3), thing("none", []));
    let units = [unit().append_at(&stream, 9).or(instead), unit().append_at(&stream, 0)];
    let [left_out, next] = commit(&*store, units).await;
    assert_stale(&left_out);
    assert_eq!(places(&next)[0], Place { position: 1, stream_position: 0 });
    assert_eq!(store.stream(&stream, 0, 9).await?.len(), 1);
    Ok(())
}

pub async fn a_replaced_unit_still_leaves_out_its_dependants(store: Arc<dyn Store>) -> Result {
    let stream = account("a");
    let replaced = unit().append_at(&stream, 9).or(unit().append_at(&stream, 0));
    let units = [replaced, unit().append(&stream, NORMAL).after(0)];
    let [left_out, dependant] = commit(&*store, units).await;
    assert_stale(&left_out);
    assert_eq!(dependant, Outcome::Dependent);
    assert_eq!(store.stream(&stream, 0, 9).await?.len(), 1);
    Ok(())
}

pub async fn both_lanes_of_a_list_are_committed(store: Arc<dyn Store>) -> Result {
    let draft = |number: i32| {
        let (stream, priority) = (account(&number.to_string()), Priority::new(-(number % 2)));
        if number % 2 == 0 { unit() } else { bulk() }.append(&stream, priority)
    };
    let outcomes = commit(&*store, [0, 1, 2, 3, 4, 5, 6, 7].map(draft)).await;
    let mut positions: Vec<_> =
        outcomes.iter().map(|outcome| places(outcome)[0].position).collect();
    for (number, position) in positions.iter().enumerate() {
        let read = store.stream(&account(&number.to_string()), 0, 9).await?;
        assert_eq!(read[0].position, *position);
    }
    positions.sort_unstable();
    assert_eq!(positions, (1..=8).collect::<Vec<_>>());
    Ok(())
}
