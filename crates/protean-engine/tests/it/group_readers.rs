//! One group, read from the log by one program and from a broker by another.

use std::time::Duration;

use protean::message::Priority;
use protean::port::Counter;

use crate::harness::{Harness, On};

/// The domain without the broker, as it was before the broker was rolled out.
fn without_broker(harness: &Harness) -> Harness {
    harness.sibling_with(|config| {
        let database = config.find("[databases.default]").unwrap();
        config[database..].to_owned()
    })
}

async fn add(harness: &Harness, numbers: std::ops::Range<i64>) {
    for number in numbers {
        let priority = if number % 2 == 0 { Priority::NORMAL } else { Priority::BULK };
        harness.add(&format!("t-{}", number % 8), number, priority).await;
    }
}

async fn handled(harness: &Harness) -> u64 {
    harness.numbers().await.count(Counter::Handled)
}

/// How often the projector ran in each of two programs.
fn runs(one: &Harness, other: &Harness) -> (usize, usize) {
    (one.faults.calls().len(), other.faults.calls().len())
}

async fn the_log_and_a_broker_are_not_read_at_once(on: On) {
    let new = Harness::new(on);
    let old = without_broker(&new);
    let (stopping, rolled_out) = (tokio::sync::Notify::new(), async || handled(&new).await == 80);
    let old_serves = old.serve_until(async || {
        tokio::time::timeout(Duration::ZERO, stopping.notified()).await.is_ok()
    });
    let rollout = async {
        add(&new, 0..20).await;
        while handled(&new).await < 20 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let rolling_out = async {
            // The new program starts while the old one reads.
            tokio::time::sleep(Duration::from_millis(700)).await;
            add(&new, 20..50).await;
            while handled(&new).await < 50 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            assert_eq!(runs(&old, &new), (50, 0), "the old program alone");
            stopping.notify_one();
            add(&new, 50..80).await;
        };
        tokio::join!(new.serve_until(rolled_out), rolling_out);
    };
    tokio::join!(old_serves, rollout);
    let (by_old, by_new) = runs(&old, &new);
    assert_eq!(by_old + by_new, 80, "{by_old} and {by_new}");
    assert!(by_new > 0);
    new.assert_closes().await;
}

async fn a_program_that_reads_the_log_waits_for_those_that_read_a_broker(on: On) {
    let new = Harness::new(on);
    let old = without_broker(&new);
    add(&new, 0..20).await;
    let served = async || handled(&new).await == 40;
    let late = async {
        while handled(&new).await < 20 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        add(&new, 20..40).await;
        old.serve_until(served).await;
    };
    tokio::join!(new.serve_until(served), late);
    assert_eq!(runs(&old, &new), (0, 40));
}

crate::on! { Streams in streams, Production in production: {
    the_log_and_a_broker_are_not_read_at_once
    a_program_that_reads_the_log_waits_for_those_that_read_a_broker
} }
