use protean_port::Result;

use super::Sample;
use super::sample::data;

pub async fn groups_that_were_missing_are_told(sample: Sample) -> Result {
    let both = sample.groups("a", &["x", "y"]);
    assert_eq!(sample.prepare("a", &["x"]).await?, both[..1]);
    assert_eq!(sample.prepare("a", &["x", "y"]).await?, both[1..]);
    assert!(sample.prepare("a", &["x", "y"]).await?.is_empty());
    Ok(())
}

pub async fn a_group_begins_with_the_first_entry(sample: Sample) -> Result {
    sample.publish("a", &["1", "2"]).await?;
    sample.prepare("a", &["x"]).await?;
    sample.publish("a", &["3"]).await?;
    assert_eq!(data(&sample.read("x", &["a"]).await?), ["1", "2", "3"]);
    Ok(())
}

pub async fn preparing_again_changes_nothing(sample: Sample) -> Result {
    sample.prepare("a", &["x"]).await?;
    sample.publish("a", &["1", "2"]).await?;
    sample.read("x", &["a"]).await?;
    sample.prepare("a", &["x"]).await?;
    assert!(sample.read("x", &["a"]).await?.is_empty());
    assert_eq!(sample.group_status("a", "x").await?.pending, 2);
    Ok(())
}

pub async fn a_missing_group_is_not_found(sample: Sample) -> Result {
    for stream in ["never", "published"] {
        sample.publish("published", &["1"]).await?;
        let read = sample.read("x", &[stream]).await;
        assert!(read.is_err_and(|error| error.is_not_found()), "read {stream}");
        let taken = sample.broker().take_over(sample.taking("x", &[stream])).await;
        assert!(taken.is_err_and(|error| error.is_not_found()), "take over {stream}");
    }
    Ok(())
}

pub async fn what_waits_for_a_forgotten_group_alone_goes(sample: Sample) -> Result {
    sample.prepare("a", &["x", "y"]).await?;
    sample.publish("a", &["1", "2", "3"]).await?;
    let entries = sample.read("x", &["a"]).await?;
    sample.settle("x", &entries[..2]).await?;
    sample.broker().forget(&sample.groups("a", &["y"])).await?;
    assert_eq!(sample.length("a", "x").await?, 1, "the one that x has not settled");
    sample.settle("x", &entries).await?;
    assert_eq!(sample.length("a", "x").await?, 0);
    Ok(())
}

pub async fn what_another_group_waits_for_stays_when_one_is_forgotten(sample: Sample) -> Result {
    sample.prepare("a", &["x", "y"]).await?;
    sample.publish("a", &["1", "2"]).await?;
    let entries = sample.read("y", &["a"]).await?;
    sample.settle("y", &entries).await?;
    sample.broker().forget(&sample.groups("a", &["y"])).await?;
    assert_eq!(data(&sample.read("x", &["a"]).await?), ["1", "2"]);
    Ok(())
}

pub async fn the_last_group_takes_the_stream_with_it(sample: Sample) -> Result {
    sample.prepare("a", &["x"]).await?;
    sample.publish("a", &["1", "2"]).await?;
    sample.broker().forget(&sample.groups("a", &["x"])).await?;
    sample.broker().forget(&sample.groups("a", &["x"])).await?;
    sample.prepare("a", &["z"]).await?;
    assert!(sample.read("z", &["a"]).await?.is_empty());
    Ok(())
}
