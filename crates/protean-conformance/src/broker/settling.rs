use protean_port::port::{BrokerRead, EntryId, EntryRef};
use protean_port::{Error, Result};

use super::Sample;
use super::sample::{data, refs};

pub async fn a_settled_entry_goes(sample: Sample) -> Result {
    sample.prepare("a", &["x"]).await?;
    sample.publish("a", &["1", "2", "3"]).await?;
    let entries = sample.read("x", &["a"]).await?;
    sample.settle("x", &entries[1..2]).await?;
    let standing = sample.group_status("a", "x").await?;
    assert_eq!((standing.length, standing.pending), (2, 2));
    Ok(())
}

pub async fn streams_drain_to_empty(sample: Sample) -> Result {
    sample.prepare("a", &["x", "y"]).await?;
    for _ in 0..5 {
        sample.publish("a", &["1", "2", "3"]).await?;
        for group in ["x", "y"] {
            let entries = sample.read(group, &["a"]).await?;
            assert_eq!(entries.len(), 3);
            sample.settle(group, &entries).await?;
        }
        assert_eq!(sample.length("a", "x").await?, 0);
    }
    Ok(())
}

pub async fn an_unread_entry_of_another_group_stays(sample: Sample) -> Result {
    sample.prepare("a", &["x", "y"]).await?;
    sample.publish("a", &["1", "2", "3"]).await?;
    let entries = sample.read("x", &["a"]).await?;
    let one = BrokerRead { limit: 1, ..sample.reading("y", &["a"]) };
    let first = sample.broker().read(one).await?;
    sample.settle("y", &first).await?;
    sample.settle("x", &entries).await?;
    assert_eq!(sample.length("a", "x").await?, 2);
    assert_eq!(data(&sample.read("y", &["a"]).await?), ["2", "3"]);
    Ok(())
}

pub async fn a_pending_entry_of_another_group_stays(sample: Sample) -> Result {
    sample.prepare("a", &["x", "y"]).await?;
    sample.publish("a", &["1", "2"]).await?;
    let (x, y) = (sample.read("x", &["a"]).await?, sample.read("y", &["a"]).await?);
    sample.settle("x", &x).await?;
    sample.settle("y", &y[1..]).await?;
    assert_eq!(sample.length("a", "y").await?, 1);
    let taken = sample.broker().take_over(sample.taking("y", &["a"])).await?;
    assert_eq!(data(&taken), ["1"], "it still has its bytes");
    sample.settle("y", &taken).await?;
    assert_eq!(sample.length("a", "y").await?, 0);
    Ok(())
}

pub async fn a_retrying_entry_outlives_those_around_it(sample: Sample) -> Result {
    sample.prepare("a", &["x", "y"]).await?;
    sample.publish("a", &["retrying"]).await?;
    let retrying = sample.read("x", &["a"]).await?;
    for _ in 0..20 {
        sample.publish("a", &["1", "2", "3"]).await?;
        for group in ["y", "x"] {
            let entries = sample.read(group, &["a"]).await?;
            sample.settle(group, &entries).await?;
        }
        assert_eq!(sample.length("a", "x").await?, 1, "the retrying one, which y has settled");
    }
    assert_eq!(sample.broker().hold("x", "one", &refs(&retrying)).await?, []);
    sample.settle("x", &retrying).await?;
    assert_eq!(sample.length("a", "x").await?, 0);
    Ok(())
}

pub async fn settling_again_changes_nothing(sample: Sample) -> Result {
    sample.prepare("a", &["x", "y"]).await?;
    sample.publish("a", &["1"]).await?;
    let entries = sample.read("x", &["a"]).await?;
    for _ in 0..3 {
        sample.settle("x", &entries).await?;
    }
    assert_eq!(sample.length("a", "x").await?, 1, "y has not read it");
    Ok(())
}

pub async fn settling_what_is_not_there_changes_nothing(sample: Sample) -> Result {
    sample.prepare("a", &["x"]).await?;
    sample.publish("a", &["1"]).await?;
    let there = sample.read("x", &["a"]).await?;
    let id = EntryId::new(there[0].at.id.as_str());
    for stream in ["b", "c"] {
        let missing = EntryRef { stream: sample.stream(stream), id: id.clone() };
        sample.broker().settle("x", std::slice::from_ref(&missing)).await?;
        sample.broker().settle("nobody", &[missing]).await?;
    }
    sample.broker().settle("nobody", &refs(&there)).await?;
    sample.broker().settle("x", &[]).await?;
    assert_eq!(sample.group_status("a", "x").await?.pending, 1);
    Ok(())
}

pub async fn many_entries_of_many_streams_are_settled_together(sample: Sample) -> Result {
    let names = ["a", "b", "c"];
    let mut entries = Vec::new();
    for name in names {
        sample.prepare(name, &["x"]).await?;
        sample.publish(name, &["1"; 1100]).await?;
    }
    loop {
        let read = BrokerRead { limit: 700, ..sample.reading("x", &names) };
        let read = sample.broker().read(read).await?;
        if read.is_empty() {
            break;
        }
        entries.extend(read);
    }
    assert_eq!(entries.len(), 3300);
    entries.sort_by_key(|entry| {
        entry.at.id.as_str().len() + entry.at.id.as_str().matches('7').count()
    });
    sample.settle("x", &entries).await?;
    for name in names {
        let standing = sample.group_status(name, "x").await?;
        assert_eq!((standing.length, standing.pending, standing.lag), (0, 0, Some(0)), "{name}");
    }
    Ok(())
}

pub async fn concurrent_groups_leave_nothing_behind(sample: Sample) -> Result {
    let groups = ["x", "y", "z"];
    sample.prepare("a", &groups).await?;
    for _ in 0..5 {
        sample.publish("a", &["1"; 60]).await?;
    }
    let drain = |group: &'static str, sample: Sample| async move {
        let mut count = 0;
        while count < 300 {
            let read = BrokerRead { limit: 7, ..sample.reading(group, &["a"]) };
            let entries = sample.broker().read(read).await?;
            assert!(!entries.is_empty(), "{group} misses some after {count}");
            count += entries.len();
            sample.settle(group, &entries).await?;
        }
        Ok::<_, Error>(count)
    };
    let drains = groups.map(|group| tokio::spawn(drain(group, sample.clone())));
    for drain in drains {
        assert_eq!(drain.await.expect("no panic")?, 300);
    }
    assert_eq!(sample.length("a", "x").await?, 0);
    Ok(())
}
