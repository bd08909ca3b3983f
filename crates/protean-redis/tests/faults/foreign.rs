use protean_test_servers::RedisServer;

use crate::{sample, texts};

#[tokio::test]
#[ignore = "needs Redis: cargo xtask test"]
async fn entries_of_any_form_are_delivered_as_they_are() {
    let server = RedisServer::start("");
    let sample = sample(&server).await;
    sample.prepare("a", &["x"]).await.unwrap();
    let stream = sample.stream("a");
    server.command(&["XADD", &stream, "*", "payload", "no data", "more", ""]);
    server.command(&["EVAL", "redis.call('XADD', KEYS[1], '*', 'data', '\\255\\0')", "1", &stream]);
    server.command(&["XADD", &stream, "*", "data", "first", "data", "second"]);
    let entries = sample.read("x", &["a"]).await.unwrap();
    assert_eq!(entries.len(), 3);
    let others = [(b"payload".to_vec(), b"no data".to_vec()), (b"more".to_vec(), Vec::new())];
    assert_eq!((entries[0].data.as_deref(), &entries[0].others[..]), (None, &others[..]));
    assert_eq!(entries[1].data.as_deref(), Some(&b"\xff\0"[..]));
    assert_eq!(entries[2].data.as_deref(), Some(&b"first"[..]));
    assert_eq!(entries[2].others, [(b"data".to_vec(), b"second".to_vec())]);
    sample.settle("x", &entries).await.unwrap();
    assert_eq!(sample.length("a", "x").await.unwrap(), 0);
}

#[tokio::test]
#[ignore = "needs Redis: cargo xtask test"]
async fn entries_removed_by_others_are_no_longer_pending() {
    let server = RedisServer::start("");
    let sample = sample(&server).await;
    sample.prepare("a", &["x"]).await.unwrap();
    sample.publish("a", &["1", "2", "3"]).await.unwrap();
    let entries = sample.read("x", &["a"]).await.unwrap();
    server.command(&["XDEL", &sample.stream("a"), entries[0].at.id.as_str()]);
    let taken = sample.broker().take_over(sample.taking("x", &["a"])).await.unwrap();
    assert_eq!(texts(&taken), ["2", "3"]);
    assert_eq!(sample.group_status("a", "x").await.unwrap().pending, 2);
    server.command(&["XTRIM", &sample.stream("a"), "MAXLEN", "0"]);
    let two: Vec<_> = taken.iter().map(|entry| entry.at.clone()).collect();
    assert_eq!(sample.broker().hold("x", "two", &two).await.unwrap(), two);
    assert_eq!(sample.group_status("a", "x").await.unwrap().pending, 0);
}

#[tokio::test]
#[ignore = "needs Redis: cargo xtask test"]
async fn ids_of_any_size_are_compared_as_numbers() {
    let server = RedisServer::start("");
    let sample = sample(&server).await;
    sample.prepare("a", &["x", "y"]).await.unwrap();
    for id in ["9-9", "9-10", "10-0", "18446744073709551614-1", "18446744073709551614-2"] {
        server.command(&["XADD", &sample.stream("a"), id, "data", id]);
    }
    let all = sample.read("x", &["a"]).await.unwrap();
    for count in [2, 1, 1, 1] {
        let read = protean_port::port::BrokerRead { limit: count, ..sample.reading("y", &["a"]) };
        let some = sample.broker().read(read).await.unwrap();
        sample.settle("y", &some).await.unwrap();
        sample.settle("x", &all).await.unwrap();
        let length = sample.length("a", "x").await.unwrap();
        assert_eq!(
            length,
            all.iter().rev().take_while(|e| e.at != some[count - 1].at).count() as u64
        );
    }
}

#[tokio::test]
#[ignore = "needs Redis: cargo xtask test"]
async fn a_lag_that_cannot_be_computed_is_unknown_and_never_0() {
    let server = RedisServer::start("");
    let sample = sample(&server).await;
    sample.prepare("a", &["x"]).await.unwrap();
    sample.publish("a", &["1"]).await.unwrap();
    let first = sample.read("x", &["a"]).await.unwrap();
    sample.publish("a", &["2", "3", "4"]).await.unwrap();
    assert_eq!(sample.group_status("a", "x").await.unwrap().lag, Some(3));
    let stream = sample.stream("a");
    let third = server.command(&["XREVRANGE", &stream, "+", "-", "COUNT", "2"]);
    let third = third.lines().nth(3).unwrap().to_owned();
    server.command(&["XDEL", &stream, &third]);
    assert_eq!(sample.group_status("a", "x").await.unwrap().lag, None);
    sample.settle("x", &first).await.unwrap();
    assert_ne!(sample.group_status("a", "x").await.unwrap().lag, Some(0));
}

#[tokio::test]
#[ignore = "needs Redis: cargo xtask test"]
async fn entries_left_behind_by_programs_that_only_acknowledge_are_removed() {
    let server = RedisServer::start("");
    let sample = sample(&server).await;
    sample.prepare("a", &["x", "other"]).await.unwrap();
    sample.publish("a", &["1", "2", "3"]).await.unwrap();
    let entries = sample.read("x", &["a"]).await.unwrap();
    sample.settle("x", &entries).await.unwrap();
    assert_eq!(sample.length("a", "x").await.unwrap(), 3);
    let stream = sample.stream("a");
    let acknowledge = |at: usize| {
        server.command(&["XACK", &stream, "other", entries[at].at.id.as_str()]);
    };
    // The next settlement removes the acknowledged entries up to the first pending one.
    sample.read("other", &["a"]).await.unwrap();
    acknowledge(0);
    sample.publish("a", &["4"]).await.unwrap();
    let fourth = sample.read("x", &["a"]).await.unwrap();
    sample.settle("x", &fourth).await.unwrap();
    assert_eq!(sample.length("a", "x").await.unwrap(), 3);
    acknowledge(2);
    acknowledge(1);
    // A take-over removes them as well, when nothing new arrives.
    sample.broker().take_over(sample.taking("x", &["a"])).await.unwrap();
    assert_eq!(sample.length("a", "x").await.unwrap(), 1);
    assert_eq!(texts(&sample.read("other", &["a"]).await.unwrap()), ["4"]);
    sample.broker().take_over(sample.taking("x", &["a"])).await.unwrap();
    assert_eq!(
        sample.length("a", "x").await.unwrap(),
        1,
        "the entry is pending for the other group"
    );
}
