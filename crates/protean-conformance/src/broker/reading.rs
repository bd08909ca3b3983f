use std::time::{Duration, Instant};

use futures_util::poll;
use protean_port::Result;
use protean_port::port::BrokerRead;

use super::Sample;
use super::sample::data;

/// Longer than anything here takes, shorter than a test may.
const LONG: Duration = Duration::from_secs(20);

fn waiting(sample: &Sample, streams: &[&str]) -> BrokerRead {
    BrokerRead { wait: Some(LONG), ..sample.reading("x", streams) }
}

pub async fn an_entry_goes_to_one_consumer_of_a_group(sample: Sample) -> Result {
    sample.prepare("a", &["x"]).await?;
    sample.publish("a", &["1", "2", "3", "4"]).await?;
    let mut all = Vec::new();
    for consumer in ["one", "two", "three"] {
        let read =
            BrokerRead { consumer: consumer.into(), limit: 2, ..sample.reading("x", &["a"]) };
        all.extend(data(&sample.broker().read(read).await?));
    }
    assert_eq!(all, ["1", "2", "3", "4"]);
    Ok(())
}

pub async fn every_group_reads_every_entry(sample: Sample) -> Result {
    sample.prepare("a", &["x", "y"]).await?;
    sample.publish("a", &["1", "2"]).await?;
    for group in ["x", "y"] {
        assert_eq!(data(&sample.read(group, &["a"]).await?), ["1", "2"]);
    }
    Ok(())
}

pub async fn preferred_streams_come_first(sample: Sample) -> Result {
    sample.prepare("a", &["x"]).await?;
    sample.prepare("b", &["x"]).await?;
    sample.publish("b", &["b1", "b2"]).await?;
    sample.publish("a", &["a1", "a2"]).await?;
    let read = BrokerRead { limit: 3, ..sample.reading("x", &["a", "b"]) };
    assert_eq!(data(&sample.broker().read(read).await?), ["a1", "a2", "b1"]);
    sample.publish("a", &["a3"]).await?;
    assert_eq!(data(&sample.read("x", &["a", "b"]).await?), ["a3", "b2"]);
    Ok(())
}

pub async fn a_read_keeps_to_its_limit(sample: Sample) -> Result {
    sample.prepare("a", &["x"]).await?;
    sample.prepare("b", &["x"]).await?;
    for wait in [None, Some(LONG)] {
        sample.publish("a", &["1", "2", "3"]).await?;
        sample.publish("b", &["4", "5", "6"]).await?;
        for (limit, count) in [(1, 1), (4, 4), (100, 1)] {
            let read = BrokerRead { limit, wait, ..sample.reading("x", &["a", "b"]) };
            assert_eq!(sample.broker().read(read).await?.len(), count, "limit {limit}");
        }
    }
    Ok(())
}

pub async fn a_read_without_a_wait_ends_at_once(sample: Sample) -> Result {
    sample.prepare("a", &["x"]).await?;
    sample.prepare("b", &["x"]).await?;
    let begun = Instant::now();
    assert!(sample.read("x", &["a"]).await?.is_empty());
    assert!(sample.read("x", &["a", "b"]).await?.is_empty());
    assert!(begun.elapsed() < LONG / 4);
    Ok(())
}

pub async fn a_wait_ends_when_its_time_is_over(sample: Sample) -> Result {
    sample.prepare("a", &["x"]).await?;
    for wait in [Duration::ZERO, Duration::from_micros(1), Duration::from_millis(60)] {
        let begun = Instant::now();
        let read = BrokerRead { wait: Some(wait), ..sample.reading("x", &["a"]) };
        assert!(sample.broker().read(read).await?.is_empty());
        assert!(begun.elapsed() >= wait && begun.elapsed() < LONG / 4, "{wait:?}");
    }
    Ok(())
}

pub async fn an_arrival_in_any_stream_ends_the_wait(sample: Sample) -> Result {
    sample.prepare("a", &["x"]).await?;
    sample.prepare("b", &["x"]).await?;
    for stream in ["b", "a"] {
        let begun = Instant::now();
        let mut read = sample.broker().read(waiting(&sample, &["a", "b"]));
        assert!(poll!(&mut read).is_pending());
        sample.publish(stream, &["1"]).await?;
        assert_eq!(data(&read.await?), ["1"]);
        assert!(begun.elapsed() < LONG / 4);
    }
    Ok(())
}

pub async fn a_dropped_read_loses_nothing(sample: Sample) -> Result {
    sample.prepare("a", &["x"]).await?;
    let mut all = Vec::new();
    for round in 0..50 {
        let mut read = sample.broker().read(waiting(&sample, &["a"]));
        // Dropped at another moment each time: before, while or after the entry is handed out.
        assert!(poll!(&mut read).is_pending());
        sample.publish("a", &[&round.to_string()]).await?;
        for _ in 0..round % 5 {
            tokio::task::yield_now().await;
        }
        drop(read);
        let read = sample.broker().read(waiting(&sample, &["a"])).await?;
        all.extend(data(&read));
    }
    assert_eq!(all, (0..50).map(|round| round.to_string()).collect::<Vec<_>>());
    Ok(())
}

pub async fn a_dropped_read_is_not_in_the_way_of_the_next(sample: Sample) -> Result {
    sample.prepare("a", &["x"]).await?;
    sample.prepare("b", &["x"]).await?;
    let begun = Instant::now();
    for _ in 0..20 {
        let mut read = sample.broker().read(waiting(&sample, &["a", "b"]));
        assert!(poll!(&mut read).is_pending());
        tokio::task::yield_now().await;
        drop(read);
        assert!(sample.read("x", &["a"]).await?.is_empty());
    }
    assert!(begun.elapsed() < LONG / 4);
    Ok(())
}
