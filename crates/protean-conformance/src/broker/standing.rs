use std::time::Duration;

use protean_port::Result;
use protean_port::port::BrokerRead;

use super::Sample;

pub async fn a_missing_group_has_no_standing(sample: Sample) -> Result {
    sample.prepare("a", &["x"]).await?;
    let mut asked = sample.groups("a", &["y", "x"]);
    asked.extend(sample.groups("b", &["x"]));
    let standing = sample.broker().group_status(&asked).await?;
    let there: Vec<bool> = standing.iter().map(Option::is_some).collect();
    assert_eq!(there, [false, true, false]);
    Ok(())
}

pub async fn a_standing_tells_what_waits(sample: Sample) -> Result {
    sample.prepare("a", &["x"]).await?;
    sample.publish("a", &["1", "2", "3", "4", "5"]).await?;
    let three = BrokerRead { limit: 3, ..sample.reading("x", &["a"]) };
    let entries = sample.broker().read(three).await?;
    // Whichever of them is settled first.
    for (settled, pending) in [(2, 2), (0, 1), (1, 0)] {
        sample.settle("x", &entries[settled..=settled]).await?;
        let standing = sample.group_status("a", "x").await?;
        let text = (standing.length, standing.pending, standing.lag, standing.consumers);
        assert_eq!(text, (pending + 2, pending, Some(2), 1));
    }
    Ok(())
}

pub async fn a_standing_is_told_group_by_group(sample: Sample) -> Result {
    sample.prepare("a", &["x", "y"]).await?;
    sample.publish("a", &["1", "2", "3"]).await?;
    let entries = sample.read("x", &["a"]).await?;
    sample.settle("x", &entries).await?;
    let (x, y) = (sample.group_status("a", "x").await?, sample.group_status("a", "y").await?);
    assert_eq!((x.groups, y.groups), (2, 2));
    assert_eq!((x.pending, x.lag, y.pending, y.lag), (0, Some(0), 0, Some(3)));
    assert!(x.oldest.is_none() && y.oldest.is_some());
    Ok(())
}

pub async fn consumers_are_told_by_name_with_what_they_hold(sample: Sample) -> Result {
    sample.prepare("a", &["x"]).await?;
    let mut asked = sample.groups("a", &["y", "x"]);
    asked.extend(sample.groups("b", &["x"]));
    let nobody = sample.broker().consumers(&asked).await?;
    assert_eq!(nobody.iter().map(Vec::len).collect::<Vec<_>>(), [0, 0, 0]);
    sample.publish("a", &["1", "2", "3"]).await?;
    let two = BrokerRead { limit: 2, ..sample.reading("x", &["a"]) };
    let read = sample.broker().read(BrokerRead { consumer: "first".into(), ..two.clone() }).await?;
    sample.broker().read(BrokerRead { consumer: "second".into(), ..two }).await?;
    sample.settle("x", &read[..1]).await?;
    tokio::time::sleep(Duration::from_millis(50)).await;
    let mut found = sample.broker().consumers(&asked).await?.swap_remove(1);
    found.sort_by(|a, b| a.name.cmp(&b.name));
    let told: Vec<_> = found.iter().map(|of| (&*of.name, of.pending)).collect();
    assert_eq!(told, [("first", 1), ("second", 1)]);
    for of in &found {
        assert!((40..20_000).contains(&of.idle.as_millis()), "{of:?}");
    }
    Ok(())
}

pub async fn the_oldest_ages(sample: Sample) -> Result {
    sample.prepare("a", &["x"]).await?;
    sample.publish("a", &["1", "2"]).await?;
    tokio::time::sleep(Duration::from_millis(50)).await;
    let unread = sample.group_status("a", "x").await?.oldest;
    assert!(unread >= Some(Duration::from_millis(40)), "{unread:?}");
    sample.read("x", &["a"]).await?;
    let pending = sample.group_status("a", "x").await?.oldest;
    assert!(pending >= unread, "{pending:?}");
    Ok(())
}

pub async fn nothing_waits_in_an_empty_stream(sample: Sample) -> Result {
    sample.prepare("a", &["x"]).await?;
    let standing = sample.group_status("a", "x").await?;
    assert_eq!((standing.length, standing.pending, standing.lag), (0, 0, Some(0)));
    assert_eq!((standing.consumers, standing.oldest), (0, None));
    Ok(())
}
