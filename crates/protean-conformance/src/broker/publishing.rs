use std::collections::HashSet;

use protean_port::Result;
use protean_port::port::{Batch, Publication, Published};

use super::Sample;
use super::sample::data;

pub async fn entries_lie_in_the_order_they_were_published(sample: Sample) -> Result {
    sample.prepare("a", &["x"]).await?;
    let numbers: Vec<String> = (0..300).map(|number| number.to_string()).collect();
    for part in numbers.chunks(100) {
        let part: Vec<&str> = part.iter().map(String::as_str).collect();
        sample.publish("a", &part).await?;
    }
    let mut read = Vec::new();
    while read.len() < numbers.len() {
        read.extend(sample.read("x", &["a"]).await?);
    }
    assert_eq!(data(&read), numbers);
    Ok(())
}

pub async fn every_entry_has_an_id_of_its_own(sample: Sample) -> Result {
    sample.prepare("a", &["x"]).await?;
    let receipt = sample.publish("a", &["1", "2", "3"]).await?;
    let ids = receipt.published.into_iter().map(|published| match published {
        Published::Accepted(id) => id,
        other => panic!("{other:?}"),
    });
    let ids: Vec<_> = ids.collect();
    let read: Vec<_> =
        sample.read("x", &["a"]).await?.into_iter().map(|entry| entry.at.id).collect();
    assert_eq!(ids, read);
    assert_eq!(ids.into_iter().collect::<HashSet<_>>().len(), 3);
    Ok(())
}

pub async fn bytes_survive_as_they_are(sample: Sample) -> Result {
    sample.prepare("a", &["x"]).await?;
    let large = vec![b'x'; 8 * 1024 * 1024];
    for bytes in [&b""[..], b"\0\xff\xfe\r\n", "ü\u{202e}".as_bytes(), &large] {
        let entries = [Publication { stream: sample.stream("a"), data: bytes.into() }];
        sample.broker().publish(Batch { entries: entries.into(), mark: None }).await?;
        let read = sample.read("x", &["a"]).await?;
        assert!(read.len() == 1 && read[0].data.as_deref() == Some(bytes), "{}", bytes.len());
        assert!(read[0].others.is_empty());
    }
    Ok(())
}

pub async fn a_mark_is_kept(sample: Sample) -> Result {
    let mark = sample.mark("m", "7");
    assert_eq!(sample.broker().stored_mark(&mark.name).await?.value, None);
    sample.publish_marked(&[("a", "1")], Some(mark.clone())).await?;
    sample.publish("a", &["2"]).await?;
    assert_eq!(sample.broker().stored_mark(&mark.name).await?.value, Some(mark.value));
    Ok(())
}

pub async fn a_receipt_tells_the_mark_before(sample: Sample) -> Result {
    let first = sample.publish_marked(&[("a", "1")], Some(sample.mark("m", "1"))).await?;
    let second = sample.publish_marked(&[("a", "2")], Some(sample.mark("m", "2"))).await?;
    assert_eq!((first.before, second.before.as_deref()), (None, Some("1")));
    Ok(())
}

pub async fn a_mark_that_is_set_is_not_claimed(sample: Sample) -> Result {
    let [first, second] = ["1", "2"].map(|value| sample.mark("m", value));
    for mark in [first.clone(), second, first] {
        assert_eq!(&*sample.broker().claim_mark(mark).await?, "1");
    }
    sample.publish_marked(&[], Some(sample.mark("m", "3"))).await?;
    assert_eq!(&*sample.broker().claim_mark(sample.mark("m", "1")).await?, "3");
    Ok(())
}

pub async fn marks_of_different_names_do_not_meet(sample: Sample) -> Result {
    sample.publish_marked(&[], Some(sample.mark("m", "1"))).await?;
    sample.publish_marked(&[], Some(sample.mark("n", "2"))).await?;
    assert_eq!(sample.broker().stored_mark(&sample.stream("m")).await?.value.as_deref(), Some("1"));
    Ok(())
}

pub async fn an_incarnation_lasts(sample: Sample) -> Result {
    let first = sample.broker().stored_mark("none").await?.incarnation;
    assert_eq!(sample.broker().stored_mark("none").await?.incarnation, first);
    assert!(!first.is_empty());
    Ok(())
}

pub async fn nothing_can_be_published(sample: Sample) -> Result {
    let receipt = sample.publish("a", &[]).await?;
    assert!(receipt.published.is_empty() && receipt.before.is_none());
    Ok(())
}
