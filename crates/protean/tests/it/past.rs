//! Aggregates as they were.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use protean::Snapshots;
use protean::message::{Category, Id};
use protean::model::Aggregate;
use protean::port::Clock;
use protean::prelude::Timestamp;

use crate::jar::{Jar, change, jars, reader, stir};

/// A clock that stands where it is put.
#[derive(Clone, Default)]
struct Stopped(Arc<AtomicI64>);

impl Clock for Stopped {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.load(Ordering::SeqCst))
    }
}

fn at(micros: i64) -> Timestamp {
    Timestamp::from_micros(micros)
}

#[tokio::test]
async fn each_version_can_be_read() {
    for threshold in [0, 1, 3] {
        let domain = jars(threshold);
        stir(&domain, "a", 7).await;
        let (jars, id) = (reader(&domain).await, Id::from("a"));
        for version in 0..7 {
            let jar = jars.at_version(&id, version).await.unwrap();
            assert_eq!(u64::from(jar.stirred), version + 1);
            assert_eq!(jar.root().version(), Some(version));
        }
        let missing = jars.at_version(&id, 7).await.unwrap_err();
        assert!(missing.is_not_found());
        assert_eq!(missing.to_string(), "no Jar at version 7 has the id 'a'");
        assert!(jars.at_version(&Id::from("b"), 0).await.unwrap_err().is_not_found());
    }
}

#[tokio::test]
async fn the_state_of_a_moment_is_that_after_the_last_event_before_it() {
    let clock = Stopped::default();
    let config = "snapshot_threshold = 2\n[databases.default]\nprovider = \"memory\"";
    let domain = protean::domain("kitchen").config(config).clock(clock.clone());
    let domain = domain.aggregate::<Jar>().build().unwrap();
    // The clock is set back once.
    for moment in [10, 20, 50, 30, 60] {
        clock.0.store(moment, Ordering::SeqCst);
        stir(&domain, "a", 1).await;
    }
    let (jars, id) = (reader(&domain).await, Id::from("a"));
    let stream = Category::of("kitchen", "jar").stream(&id);
    for (moment, stirred) in [(10, 1), (19, 1), (20, 2), (29, 2), (30, 4), (59, 4), (60, 5)] {
        let jar = jars.as_of(&id, at(moment)).await.unwrap();
        assert_eq!(jar.stirred, stirred, "{moment}");
        let version = Snapshots::of(&domain).version_as_of(&stream, at(moment)).await.unwrap();
        assert_eq!(version, jar.root().version(), "{moment}");
    }
    let missing = jars.as_of(&id, at(9)).await.unwrap_err();
    assert!(missing.is_not_found());
    let text = "no Jar as of 1970-01-01T00:00:00.000009+00:00 has the id 'a'";
    assert_eq!(missing.to_string(), text);
}

#[tokio::test]
async fn what_is_past_can_neither_be_changed_nor_kept() {
    let domain = jars(0);
    stir(&domain, "a", 3).await;
    let text =
        "version: Jar 'a' was read as of version 1 and cannot be changed: get the current one";
    let mut past = reader(&domain).await.at_version(&"a".into(), 1).await.unwrap();
    assert_eq!(past.stir(1.into(), 0.5).unwrap_err().to_string(), text);
    let past = std::sync::Mutex::new(Some(past));
    let kept = domain.unit_of_work(async |context| {
        let past = past.lock().unwrap().take().unwrap();
        context.repository::<Jar>().add(past).await
    });
    assert_eq!(kept.await.unwrap_err().to_string(), text);
    // The present one is as it was.
    change(&domain, "a", |jar| jar.stir(1.into(), 0.5).unwrap()).await;
}
