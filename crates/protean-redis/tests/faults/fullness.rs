use protean_port::port::Published;
use protean_test_servers::RedisServer;

use crate::{sample, texts};

#[tokio::test]
#[ignore = "needs Redis: cargo xtask test"]
async fn a_full_server_accepts_nothing_and_can_be_drained() {
    let server = RedisServer::start("maxmemory-policy noeviction\n");
    let sample = sample(&server).await;
    sample.prepare("a", &["x"]).await.unwrap();
    let mark = |value| Some(sample.mark("relay", value));
    sample.publish_marked(&[("a", "1"), ("a", "2")], mark("1")).await.unwrap();
    server.command(&["CONFIG", "SET", "maxmemory", "1"]);
    let receipt = sample.publish_marked(&[("a", "3"), ("b", "4")], mark("2")).await.unwrap();
    for published in &receipt.published {
        let Published::Unavailable(why) = published else { panic!("{published:?}") };
        assert!(why.contains("maxmemory"), "{why}");
    }
    let kept = sample.broker().stored_mark(&sample.stream("relay")).await.unwrap();
    assert_eq!(kept.value.as_deref(), Some("1"), "the mark stays where it was");
    let prepared = sample.prepare("new", &["x"]).await;
    assert!(prepared.is_err_and(|error| error.is_unavailable()));

    let entries = sample.read("x", &["a"]).await.unwrap();
    sample.settle("x", &entries[..1]).await.unwrap();
    let taken = sample.broker().take_over(sample.taking("x", &["a"])).await.unwrap();
    assert_eq!(texts(&taken), ["2"]);
    sample.settle("x", &taken).await.unwrap();
    assert_eq!(sample.length("a", "x").await.unwrap(), 0);

    server.command(&["CONFIG", "SET", "maxmemory", "0"]);
    let receipt = sample.publish_marked(&[("a", "3")], mark("2")).await.unwrap();
    assert!(matches!(receipt.published[..], [Published::Accepted(_)]));
    assert_eq!(texts(&sample.read("x", &["a"]).await.unwrap()), ["3"]);
}

#[tokio::test]
#[ignore = "needs Redis: cargo xtask test"]
async fn an_unpublished_entry_holds_back_only_later_ones_of_its_stream() {
    let server = RedisServer::start("");
    let sample = sample(&server).await;
    sample.prepare("a", &["x"]).await.unwrap();
    server.command(&["SET", &sample.stream("b"), "no stream"]);
    let entries = [("a", "1"), ("b", "2"), ("a", "3"), ("b", "4")];
    let receipt = sample.publish_marked(&entries, Some(sample.mark("relay", "1"))).await.unwrap();
    let accepted = receipt.published.iter().map(|p| matches!(p, Published::Accepted(_)));
    assert_eq!(accepted.collect::<Vec<_>>(), [true, false, true, false]);
    assert!(matches!(&receipt.published[1], Published::Unavailable(why) if why.contains("rename")));
    assert_eq!(sample.broker().stored_mark(&sample.stream("relay")).await.unwrap().value, None);
}

#[tokio::test]
#[ignore = "needs Redis: cargo xtask test"]
async fn an_oversized_message_is_refused_alone() {
    let server = RedisServer::start("proto-max-bulk-len 1mb\n");
    let sample = sample(&server).await;
    sample.prepare("a", &["x"]).await.unwrap();
    let long = "x".repeat(1024 * 1024 + 1);
    let entries = [("a", "1"), ("a", long.as_str()), ("a", "3")];
    let receipt = sample.publish_marked(&entries, Some(sample.mark("relay", "1"))).await.unwrap();
    let [Published::Accepted(_), Published::Refused(why), Published::Accepted(_)] =
        &receipt.published[..]
    else {
        panic!("{receipt:?}")
    };
    assert!(why.contains("proto-max-bulk-len"), "{why}");
    assert_eq!(texts(&sample.read("x", &["a"]).await.unwrap()), ["1", "3"]);
    let kept = sample.broker().stored_mark(&sample.stream("relay")).await.unwrap();
    assert_eq!(kept.value.as_deref(), Some("1"), "a refused message does not hold up the mark");
}
