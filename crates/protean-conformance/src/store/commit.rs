//! Facts of committing at once: order, wholeness, and who hears of it.

use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::Duration;

use protean_port::message::{Priority, Row, Value};
use protean_port::port::{MessageRef, Outcome, Park, RowQuery, Store, Watched};
use protean_port::{Error, Result};
use tokio::task::JoinSet;

use super::sample::{
    Draft, READER, account, bulk, column, commit_all, commit_one, places, thing, things, unit,
};

const NORMAL: Priority = Priority::NORMAL;

/// Waits for tasks and passes on their first panic or error.
async fn join(mut tasks: JoinSet<Result>) -> Result {
    while let Some(task) = tasks.join_next().await {
        task.map_err(|panic| Error::failed(panic.to_string()))??;
    }
    Ok(())
}

pub async fn concurrent_appends_leave_no_gap(store: Arc<dyn Store>) -> Result {
    let mut tasks = JoinSet::new();
    for _ in 0..8 {
        let store = Arc::clone(&store);
        tasks.spawn(async move {
            for _ in 0..100 {
                places(&commit_one(&*store, unit().append(&account("a"), NORMAL)).await);
            }
            Ok(())
        });
    }
    join(tasks).await?;
    let read = store.stream(&account("a"), 0, 1000).await?;
    assert_eq!(read.len(), 800);
    for (recorded, number) in read.iter().zip(0..) {
        assert_eq!((recorded.stream_position, recorded.position), (number, number + 1));
    }
    assert_eq!(store.broken_streams(1).await?, Vec::<String>::new());
    Ok(())
}

pub async fn optimistic_appends_lose_no_update(store: Arc<dyn Store>) -> Result {
    let mut tasks = JoinSet::new();
    for _ in 0..8 {
        let store = Arc::clone(&store);
        tasks.spawn(async move {
            for _ in 0..10 {
                loop {
                    let end = store.stream(&account("a"), 0, 1000).await?.len() as u64;
                    match commit_one(&*store, unit().append_at(&account("a"), end)).await {
                        Outcome::Committed(places) => {
                            break assert_eq!(places[0].stream_position, end);
                        }
                        Outcome::Stale(_) => {}
                        other => panic!("{other:?}"),
                    }
                }
            }
            Ok(())
        });
    }
    join(tasks).await?;
    assert_eq!(store.stream(&account("a"), 0, 1000).await?.len(), 80);
    Ok(())
}

pub async fn optimistic_rows_lose_no_update(store: Arc<dyn Store>) -> Result {
    let size = |number| thing("t", [(column::SIZE, Value::Integer(number))]);
    places(&commit_one(&*store, unit().put(None, size(0))).await);
    let mut tasks = JoinSet::new();
    for _ in 0..8 {
        let store = Arc::clone(&store);
        tasks.spawn(async move {
            for _ in 0..10 {
                while !add_one(&*store, size).await? {}
            }
            Ok(())
        });
    }
    join(tasks).await?;
    let state = store.row(&things(), "t").await?;
    assert_eq!((state.row, state.version), (Some(size(80)), Some(80)));
    Ok(())
}

async fn add_one(store: &dyn Store, size: impl Fn(i64) -> Row) -> Result<bool> {
    let state = store.row(&things(), "t").await?;
    let Some(Value::Integer(number)) = state.row.as_ref().map(|row| &row[column::SIZE]) else {
        panic!("the row has a size: {state:?}")
    };
    match commit_one(store, unit().put(state.version, size(number + 1))).await {
        Outcome::Committed(_) => Ok(true),
        Outcome::Stale(_) => Ok(false),
        other => panic!("{other:?}"),
    }
}

pub async fn a_commit_is_announced_after_it_is_visible(store: Arc<dyn Store>) -> Result {
    let mut commits = store.commits();
    let reader = tokio::spawn({
        let store = Arc::clone(&store);
        async move {
            let (mut seen, mut bumps) = (0, 0_u64);
            while seen < 50 {
                let before = *commits.borrow_and_update();
                seen = store.stream(&account("a"), 0, 1000).await?.len();
                if seen < 50 {
                    // Without an announcement for what came after the read this never ends.
                    commits.changed().await.map_err(|gone| Error::failed(gone.to_string()))?;
                    assert!(*commits.borrow() > before);
                    bumps += 1;
                }
            }
            Ok::<_, Error>(bumps)
        }
    });
    for number in 0..50 {
        let before = *store.commits().borrow();
        places(&commit_one(&*store, unit().append(&account("a"), NORMAL)).await);
        let announced = tokio::time::timeout(Duration::from_secs(5), async {
            store.commits().wait_for(|commits| *commits > before).await.is_ok()
        });
        assert!(announced.await.is_ok_and(|announced| announced), "commit {number} is silent");
    }
    let bumps = reader.await.map_err(|panic| Error::failed(panic.to_string()))??;
    assert!(bumps <= 50, "there are at most as many announcements as commits, not {bumps}");
    Ok(())
}

pub async fn a_watch_wakes_for_what_concerns_it(store: Arc<dyn Store>) -> Result {
    let of =
        |priorities| Watched::Arrivals { category: account("a").category().clone(), priorities };
    let production = of((NORMAL, Priority::ALL.1));
    let mut watch =
        store.watch(vec![production, of((Priority::ALL.0, Priority::BULK)), Watched::Moves]);
    watch.take_changed();
    // A store on a file hears of its own commits once more, as of those of others.
    let quiet = tokio::time::timeout(Duration::from_millis(300), watch.changed()).await;
    assert!(quiet.is_err(), "nothing was committed");
    for (draft, expected) in [
        (unit().append(&account("a"), Priority::BULK), 1),
        (unit().append(&account("a"), NORMAL), 0),
        (unit().append(&account("a"), Priority::CRITICAL), 0),
    ] {
        places(&commit_one(&*store, draft).await);
        watch.changed().await?;
        assert_eq!(watch.take_changed(), [expected]);
    }
    let parked = store.stream(&account("a"), 0, 1).await?.remove(0);
    let park = Park::Keep {
        group: READER.into(),
        message: MessageRef::from(&parked),
        attempts: 1,
        due: None,
        reason: "later".into(),
    };
    places(
        &commit_one(
            &*store,
            unit()
                .append(&account("a").category().commands().stream(&"a".into()), NORMAL)
                .park(park),
        )
        .await,
    );
    watch.changed().await?;
    assert_eq!(watch.take_changed(), [2], "a command is of another category");
    Ok(())
}

pub async fn a_watch_of_any_category_wakes_for_messages_of_its_priorities(
    store: Arc<dyn Store>,
) -> Result {
    let mut watch =
        store.watch(vec![Watched::AnyArrivals { priorities: (NORMAL, Priority::ALL.1) }]);
    watch.take_changed();
    places(&commit_one(&*store, bulk().append(&account("a"), Priority::BULK)).await);
    let quiet = tokio::time::timeout(Duration::from_millis(300), watch.changed()).await;
    assert!(quiet.is_err() && watch.last_change().is_none(), "only bulk work was committed");
    places(&commit_one(&*store, unit().append(&account("a"), NORMAL)).await);
    watch.changed().await?;
    assert!(watch.last_change().is_some());
    Ok(())
}

pub async fn a_dropped_commit_is_not_taken_back(store: Arc<dyn Store>) -> Result {
    let draft = unit().append(&account("a"), NORMAL);
    let mut changes = Vec::new();
    let draft = draft.with(|unit| changes.push(unit.clone()));
    let mut commit = store.commit(changes.into());
    let _ = commit.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    drop(commit);
    drop(draft);
    for _ in 0..500 {
        if store.stream(&account("a"), 0, 9).await?.len() == 1 {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the message never came")
}

/// Things with the keys 0000, 0001, …, in one list.
fn numbered(range: std::ops::Range<i64>) -> Vec<Draft> {
    let row = |number| thing(&format!("{number:04}"), [(column::SIZE, Value::Integer(number))]);
    range.map(|number| bulk().put(None, row(number))).collect()
}

pub async fn what_is_visible_is_a_prefix_of_the_list(store: Arc<dyn Store>) -> Result {
    let writer = tokio::spawn({
        let store = Arc::clone(&store);
        async move { commit_all(&*store, numbered(0..2000)).await }
    });
    let mut seen = 0;
    while !writer.is_finished() || seen < 2000 {
        let query = RowQuery::default();
        let rows = store.query(&things(), &query).await?;
        assert!(rows.len() >= seen, "{} rows were visible, now {}", seen, rows.len());
        seen = rows.len();
        for (state, number) in rows.iter().zip(0..) {
            let size = state.row.as_ref().map(|row| row[column::SIZE].clone());
            assert_eq!(size, Some(Value::Integer(number)));
        }
    }
    let outcomes = writer.await.map_err(|panic| Error::failed(panic.to_string()))?;
    outcomes.iter().for_each(|outcome| assert!(places(outcome).is_empty()));
    Ok(())
}

pub async fn a_unit_is_visible_whole(store: Arc<dyn Store>) -> Result {
    let (a, b) = (account("a"), account("b"));
    let writer = tokio::spawn({
        let (store, a, b) = (Arc::clone(&store), a.clone(), b.clone());
        async move {
            for _ in 0..100 {
                let draft = unit().append(&a, NORMAL).append(&b, Priority::BULK);
                places(&commit_one(&*store, draft).await);
            }
        }
    });
    loop {
        let finished = writer.is_finished();
        // Both are read in one call, so they must be equally many.
        let standing = store.group_status(READER, a.category()).await?;
        let lags: Vec<_> = standing.lanes.iter().map(|lane| lane.lag).collect();
        assert!(lags.is_empty() || (lags.len() == 2 && lags[0] == lags[1]), "{lags:?}");
        assert_eq!(standing.committed, lags.iter().sum::<u64>());
        if finished {
            assert_eq!(lags, [100, 100]);
            return writer.await.map_err(|panic| Error::failed(panic.to_string()));
        }
    }
}
