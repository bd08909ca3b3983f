use std::time::Duration;

use protean_port::Result;
use protean_port::port::{BrokerRead, TakeOver};

use super::Sample;
use super::sample::{LEASE, data, refs};

/// Reads for the consumer `one`, which dies with it.
async fn left_behind(sample: &Sample, entries: &[&str]) -> Result<Vec<protean_port::port::Entry>> {
    sample.prepare("a", &["x"]).await?;
    sample.publish("a", entries).await?;
    sample.read("x", &["a"]).await
}

pub async fn what_nobody_holds_is_taken_over(sample: Sample) -> Result {
    let left = left_behind(&sample, &["1", "2"]).await?;
    let taken = sample.broker().take_over(sample.taking("x", &["a"])).await?;
    assert_eq!(refs(&taken), refs(&left));
    sample.settle("x", &taken).await?;
    assert_eq!(sample.length("a", "x").await?, 0);
    Ok(())
}

pub async fn what_is_held_is_not_taken_over(sample: Sample) -> Result {
    let idle = Duration::from_millis(300);
    let left = left_behind(&sample, &["held", "left"]).await?;
    let mut rest = Vec::new();
    // Until the one that nobody holds is idle, however slow the machine is.
    while rest.is_empty() {
        tokio::time::sleep(idle / 6).await;
        assert_eq!(sample.broker().hold("x", "one", &refs(&left[..1])).await?, []);
        let take = TakeOver { idle, ..sample.taking("x", &["a"]) };
        rest = sample.broker().take_over(take).await?;
    }
    assert_eq!(data(&rest), ["left"]);
    Ok(())
}

pub async fn what_is_given_back_is_taken_over_at_once(sample: Sample) -> Result {
    let left = left_behind(&sample, &["given back", "kept"]).await?;
    let others = refs(&left[1..]);
    sample.broker().release("x", "two", &others).await?;
    sample.broker().release("x", "one", &refs(&left[..1])).await?;
    let take = TakeOver { idle: LEASE, ..sample.taking("x", &["a"]) };
    let taken = sample.broker().take_over(take).await?;
    assert_eq!(data(&taken), ["given back"], "nobody gives back what another has");
    Ok(())
}

pub async fn a_fresh_entry_is_not_taken_over(sample: Sample) -> Result {
    left_behind(&sample, &["1"]).await?;
    let take = TakeOver { idle: LEASE, ..sample.taking("x", &["a"]) };
    assert!(sample.broker().take_over(take).await?.is_empty());
    Ok(())
}

pub async fn what_is_taken_over_has_its_bytes(sample: Sample) -> Result {
    let left = left_behind(&sample, &["\0 \u{202e}", ""]).await?;
    let taken = sample.broker().take_over(sample.taking("x", &["a"])).await?;
    assert_eq!(taken, left);
    Ok(())
}

pub async fn what_was_taken_over_is_lost_to_its_holder(sample: Sample) -> Result {
    let left = refs(&left_behind(&sample, &["1", "2"]).await?);
    let take = TakeOver { limit: 1, ..sample.taking("x", &["a"]) };
    let taken = refs(&sample.broker().take_over(take).await?);
    assert_eq!(sample.broker().hold("x", "one", &left).await?, taken);
    assert_eq!(sample.broker().hold("x", "two", &left).await?, left[1..], "nobody got it back");
    Ok(())
}

pub async fn what_is_settled_is_lost_to_its_holder(sample: Sample) -> Result {
    let left = left_behind(&sample, &["1", "2"]).await?;
    sample.settle("x", &left[..1]).await?;
    assert_eq!(sample.broker().hold("x", "one", &refs(&left)).await?, refs(&left[..1]));
    Ok(())
}

pub async fn a_take_over_keeps_to_its_limit_and_loses_nothing(sample: Sample) -> Result {
    left_behind(&sample, &["1", "2", "3", "4", "5"]).await?;
    sample.prepare("b", &["x"]).await?;
    sample.publish("b", &["6", "7"]).await?;
    sample.read("x", &["b"]).await?;
    let mut all = Vec::new();
    for count in [2, 2, 2, 1] {
        let take = TakeOver { limit: 2, ..sample.taking("x", &["a", "b"]) };
        let taken = sample.broker().take_over(take).await?;
        assert_eq!(taken.len(), count);
        sample.settle("x", &taken).await?;
        all.extend(data(&taken));
    }
    assert_eq!(all, ["1", "2", "3", "4", "5", "6", "7"]);
    Ok(())
}

pub async fn consumers_without_entries_are_forgotten(sample: Sample) -> Result {
    let left = left_behind(&sample, &["1"]).await?;
    sample.settle("x", &left).await?;
    let late = TakeOver { idle: LEASE, ..sample.taking("x", &["a"]) };
    sample.broker().take_over(late).await?;
    assert!(sample.group_status("a", "x").await?.consumers >= 1, "it has just read");
    sample.broker().take_over(sample.taking("x", &["a"])).await?;
    assert!(sample.group_status("a", "x").await?.consumers <= 1, "only the one that takes over");
    Ok(())
}

pub async fn consumers_with_entries_are_kept_until_these_have_moved(sample: Sample) -> Result {
    left_behind(&sample, &["1", "2", "3"]).await?;
    let mut all = Vec::new();
    for _ in 0..3 {
        let take = TakeOver { limit: 1, ..sample.taking("x", &["a"]) };
        let taken = sample.broker().take_over(take).await?;
        sample.settle("x", &taken).await?;
        all.extend(data(&taken));
    }
    assert_eq!(all, ["1", "2", "3"]);
    sample.broker().take_over(sample.taking("x", &["a"])).await?;
    assert!(sample.group_status("a", "x").await?.consumers <= 1);
    Ok(())
}

pub async fn one_of_many_takes_over_an_entry(sample: Sample) -> Result {
    let left = left_behind(&sample, &["1"; 50]).await?;
    let idle = Duration::from_millis(200);
    tokio::time::sleep(idle).await;
    let takes = ["two", "three", "four"].map(|consumer| {
        let (sample, consumer) = (sample.clone(), consumer.into());
        tokio::spawn(async move {
            let take = TakeOver { idle, consumer, ..sample.taking("x", &["a"]) };
            sample.broker().take_over(take).await
        })
    });
    let mut taken = Vec::new();
    for take in takes {
        taken.extend(refs(&take.await.expect("no panic")?));
    }
    taken.sort_by(|a, b| {
        (a.id.as_str().len(), a.id.as_str()).cmp(&(b.id.as_str().len(), b.id.as_str()))
    });
    assert_eq!(taken, refs(&left), "each once");
    Ok(())
}

pub async fn a_take_over_amid_reading_loses_nothing(sample: Sample) -> Result {
    sample.prepare("a", &["x"]).await?;
    for _ in 0..10 {
        sample.publish("a", &["1"; 100]).await?;
    }
    let reading = sample.clone();
    let reading = tokio::spawn(async move {
        loop {
            let read = BrokerRead { limit: 2, ..reading.reading("x", &["a"]) };
            if reading.broker().read(read).await?.is_empty() {
                return Result::<()>::Ok(());
            }
        }
    });
    // The reader settles nothing: all of it has to come here, within the time of a fact.
    while sample.length("a", "x").await? > 0 {
        let taken = sample.broker().take_over(sample.taking("x", &["a"])).await?;
        sample.settle("x", &taken).await?;
    }
    reading.await.expect("no panic")
}
