use protean_conformance::broker::Sample;
use protean_port::Result;
use protean_port::port::BrokerRead;
use protean_test_servers::RedisServer;

use crate::{healed, sample, texts};

async fn publish(sample: &Sample, data: &str, mark: &str) -> Option<String> {
    let receipt = sample.publish_marked(&[("a", data)], Some(sample.mark("relay", mark))).await;
    receipt.unwrap().before.map(|before| before.to_string())
}

async fn stored_mark(sample: &Sample) -> (Option<String>, String) {
    let kept =
        healed(async || sample.broker().stored_mark(&sample.stream("relay")).await).await.unwrap();
    (kept.value.map(|value| value.to_string()), kept.incarnation.to_string())
}

#[tokio::test]
#[ignore = "needs Redis: cargo xtask test"]
async fn a_killed_server_with_an_append_only_file_loses_nothing() {
    let server = RedisServer::start("appendonly yes\nappendfsync always\n");
    let sample = sample(&server).await;
    sample.prepare("a", &["x"]).await.unwrap();
    publish(&sample, "1", "1").await;
    publish(&sample, "2", "2").await;
    let one = BrokerRead { limit: 1, ..sample.reading("x", &["a"]) };
    let pending = sample.broker().read(one).await.unwrap();
    let before = stored_mark(&sample).await;
    server.kill();
    assert!(sample.read("x", &["a"]).await.is_err_and(|error| error.is_unavailable()));
    server.resume();
    let after = stored_mark(&sample).await;
    assert_eq!(before.0, after.0);
    assert_ne!(before.1, after.1, "another incarnation");
    let rest = healed(async || sample.read("x", &["a"]).await).await.unwrap();
    assert_eq!(texts(&rest), ["2"]);
    let taken = sample.broker().take_over(sample.taking("x", &["a"])).await.unwrap();
    assert_eq!(taken[0], pending[0]);
    sample.settle("x", &taken).await.unwrap();
    sample.settle("x", &rest).await.unwrap();
    assert_eq!(sample.length("a", "x").await.unwrap(), 0);
}

#[tokio::test]
#[ignore = "needs Redis: cargo xtask test"]
async fn a_server_that_lost_everything_is_noticed_and_used_again() {
    let server = RedisServer::start("");
    let sample = sample(&server).await;
    sample.prepare("a", &["x"]).await.unwrap();
    publish(&sample, "1", "1").await;
    server.kill();
    server.resume();
    assert_eq!(stored_mark(&sample).await.0, None, "the mark is gone");
    assert_missing(&sample).await;
    publish(&sample, "1", "1").await;
    assert_eq!(texts(&sample.read("x", &["a"]).await.unwrap()), ["1"]);
}

#[tokio::test]
#[ignore = "needs Redis: cargo xtask test"]
async fn a_flushed_server_is_noticed_by_the_next_receipt() {
    let server = RedisServer::start("");
    let sample = sample(&server).await;
    sample.prepare("a", &["x"]).await.unwrap();
    publish(&sample, "1", "1").await;
    assert_eq!(publish(&sample, "2", "2").await.as_deref(), Some("1"));
    server.command(&["FLUSHALL"]);
    server.command(&["SCRIPT", "FLUSH"]);
    assert_eq!(publish(&sample, "3", "3").await, None, "expected 2");
    assert_missing(&sample).await;
    let entries = sample.read("x", &["a"]).await.unwrap();
    assert_eq!(texts(&entries), ["3"]);
    sample.settle("x", &entries).await.unwrap();
    assert_eq!(sample.length("a", "x").await.unwrap(), 0);
}

#[tokio::test]
#[ignore = "needs Redis: cargo xtask test"]
async fn a_waiting_reader_notices_a_deleted_stream() {
    let server = RedisServer::start("");
    let sample = sample(&server).await;
    sample.prepare("a", &["x"]).await.unwrap();
    let waiting = BrokerRead {
        wait: Some(std::time::Duration::from_secs(20)),
        ..sample.reading("x", &["a"])
    };
    let mut read = sample.broker().read(waiting);
    assert!(futures_util::poll!(&mut read).is_pending());
    let standing = healed(async || sample.group_status("a", "x").await).await.unwrap();
    assert_eq!(standing.pending, 0);
    server.command(&["DEL", &sample.stream("a")]);
    assert!(read.await.is_err_and(|error| error.is_not_found()));
    assert_missing(&sample).await;
    sample.publish("a", &["1"]).await.unwrap();
    assert_eq!(texts(&sample.read("x", &["a"]).await.unwrap()), ["1"]);
}

#[tokio::test]
#[ignore = "needs Redis: cargo xtask test"]
async fn a_deleted_group_reads_what_its_stream_still_holds() {
    let server = RedisServer::start("");
    let sample = sample(&server).await;
    sample.prepare("a", &["x", "y"]).await.unwrap();
    sample.publish("a", &["1", "2"]).await.unwrap();
    let entries = sample.read("x", &["a"]).await.unwrap();
    server.command(&["XGROUP", "DESTROY", &sample.stream("a"), "x"]);
    let missing = sample.broker().hold("x", "one", &[entries[0].at.clone()]).await;
    assert!(missing.is_err_and(|error| error.is_not_found()));
    assert_missing(&sample).await;
    sample.settle("x", &entries).await.unwrap();
    assert_eq!(sample.length("a", "x").await.unwrap(), 2, "unread again, so they stay");
    assert_eq!(texts(&sample.read("x", &["a"]).await.unwrap()), ["1", "2"]);
}

/// Reading reports the missing group, and preparing creates and returns it.
async fn assert_missing(sample: &Sample) {
    let read: Result<_> = healed(async || sample.read("x", &["a"]).await).await;
    assert!(read.is_err_and(|error| error.is_not_found()));
    assert_eq!(sample.prepare("a", &["x"]).await.unwrap(), sample.groups("a", &["x"]));
}
