//! Publish and subscribe on a real server: each subscriber receives each message once,
//! and lost messages are reported.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use protean_port::Result;
use protean_port::port::{
    Batch, Broker, BrokerGroup, BrokerLocation, BrokerMark, BrokerProvider, BrokerRead, Entry,
    Publication, Published, TakeOver,
};
use protean_redis::RedisPubsub;
use protean_test_servers::RedisServer;

/// Much longer than noticing a failure may take.
const LONG: Duration = Duration::from_secs(30);

async fn open(server: &RedisServer) -> Arc<dyn Broker> {
    open_with_timeout(server, Duration::from_secs(5)).await
}

async fn open_with_timeout(server: &RedisServer, timeout: Duration) -> Arc<dyn Broker> {
    let location = BrokerLocation {
        uri: Some(server.uri()),
        socket_timeout: Some(timeout),
        socket_connect_timeout: Some(timeout),
        max_connections: None,
    };
    RedisPubsub.open(&location).await.unwrap()
}

fn of(group: &str, stream: &str) -> [BrokerGroup; 1] {
    [BrokerGroup { stream: stream.into(), group: group.into() }]
}

async fn publish(broker: &dyn Broker, stream: &str, texts: &[&str]) -> Result<Vec<Published>> {
    let entry =
        |text: &&str| Publication { stream: stream.into(), data: Arc::from(text.as_bytes()) };
    let entries = texts.iter().map(entry).collect();
    Ok(broker.publish(Batch { entries, mark: None }).await?.published)
}

fn reading(group: &str, stream: &str, wait: Option<Duration>) -> BrokerRead {
    let streams = Arc::from([Arc::from(stream)]);
    BrokerRead { group: group.into(), consumer: "one".into(), streams, limit: 100, wait }
}

async fn read(broker: &dyn Broker, group: &str, stream: &str) -> Result<Vec<Entry>> {
    broker.read(reading(group, stream, Some(LONG))).await
}

/// The entries that were read and not settled.
async fn read_unsettled(broker: &dyn Broker, group: &str) -> Vec<Entry> {
    let (group, consumer) = (group.into(), "two".into());
    let take =
        TakeOver { group, consumer, streams: Arc::from([]), idle: Duration::ZERO, limit: 100 };
    broker.take_over(take).await.unwrap()
}

/// Reads until this many entries have arrived.
async fn receive(broker: &dyn Broker, group: &str, stream: &str, count: usize) -> Vec<Entry> {
    let (mut received, begun) = (Vec::new(), Instant::now());
    while received.len() < count {
        received.extend(read(broker, group, stream).await.unwrap());
        assert!(begun.elapsed() < LONG, "received only {}", received.len());
    }
    received
}

fn texts(entries: &[Entry]) -> Vec<&str> {
    let data = entries.iter().map(|entry| entry.data.as_deref().unwrap());
    data.map(|data| std::str::from_utf8(data).unwrap()).collect()
}

#[tokio::test]
#[ignore = "needs Redis: cargo xtask test"]
async fn every_group_receives_each_message_once_in_order_and_keeps_it_until_settled() {
    let server = RedisServer::start("");
    let (here, there) = (open(&server).await, open(&server).await);
    for (broker, group) in [(&here, "x"), (&here, "y"), (&there, "z")] {
        assert_eq!(broker.prepare(&of(group, "a")).await.unwrap(), of(group, "a"));
        assert_eq!(broker.prepare(&of(group, "a")).await.unwrap(), []);
    }
    let published = publish(&*here, "a", &["1", "2", "3"]).await.unwrap();
    assert!(published.iter().all(|one| matches!(one, Published::Accepted(_))), "{published:?}");
    publish(&*here, "b", &["of nobody"]).await.unwrap();
    for (broker, group) in [(&here, "x"), (&here, "y"), (&there, "z")] {
        assert_eq!(texts(&receive(&**broker, group, "a", 3).await), ["1", "2", "3"]);
    }
    assert!(here.read(reading("x", "a", None)).await.unwrap().is_empty());
    let unsettled = read_unsettled(&*here, "x").await;
    assert_eq!(texts(&unsettled), ["1", "2", "3"]);
    here.settle("x", &[unsettled[1].at.clone()]).await.unwrap();
    assert_eq!(texts(&read_unsettled(&*here, "x").await), ["1", "3"]);
    let at = |entry: &Entry| entry.at.clone();
    let both = [at(&unsettled[0]), at(&unsettled[1])];
    assert_eq!(here.hold("x", "one", &both).await.unwrap(), both[1..]);
    assert_eq!(read_unsettled(&*here, "y").await.len(), 3);
    let mut ids: Vec<_> = unsettled.iter().map(|entry| entry.at.id.as_str().to_owned()).collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 3);
}

#[tokio::test]
#[ignore = "needs Redis: cargo xtask test"]
async fn a_message_published_without_subscribers_is_lost() {
    let server = RedisServer::start("");
    let broker = open(&server).await;
    publish(&*broker, "a", &["early"]).await.unwrap();
    broker.prepare(&of("x", "a")).await.unwrap();
    publish(&*broker, "a", &["in time"]).await.unwrap();
    assert_eq!(texts(&receive(&*broker, "x", "a", 1).await), ["in time"]);
    publish(&*broker, "a", &["waits"]).await.unwrap();
    receive(&*broker, "x", "a", 1).await;
    assert_eq!(texts(&broker.leave("x", "one")), ["in time", "waits"], "not settled");
    while !server.command(&["PUBSUB", "CHANNELS"]).is_empty() {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    publish(&*broker, "a", &["late"]).await.unwrap();
    assert!(broker.read(reading("x", "a", None)).await.unwrap().is_empty());
    assert_eq!(server.command(&["DBSIZE"]), "0");
}

#[tokio::test]
#[ignore = "needs Redis: cargo xtask test"]
async fn a_read_that_is_dropped_loses_nothing() {
    let server = RedisServer::start("");
    let broker = open(&server).await;
    broker.prepare(&of("x", "a")).await.unwrap();
    for number in 0..200 {
        let number = number.to_string();
        let mut reading = broker.read(reading("x", "a", Some(LONG)));
        assert!(futures_util::poll!(&mut reading).is_pending());
        publish(&*broker, "a", &[&number]).await.unwrap();
        drop(reading);
        assert_eq!(texts(&receive(&*broker, "x", "a", 1).await), [&*number]);
    }
}

#[tokio::test]
#[ignore = "needs Redis: cargo xtask test"]
async fn an_outage_is_reported_and_later_messages_are_received() {
    let server = RedisServer::start("");
    let broker = open(&server).await;
    broker.prepare(&of("x", "a")).await.unwrap();
    publish(&*broker, "a", &["before"]).await.unwrap();
    receive(&*broker, "x", "a", 1).await;
    let mut waiting = broker.read(reading("x", "a", Some(LONG)));
    assert!(futures_util::poll!(&mut waiting).is_pending());
    server.kill();
    let begun = Instant::now();
    let error = waiting.await.unwrap_err();
    assert!(error.is_unavailable() && begun.elapsed() < LONG / 3, "{error}");
    assert!(publish(&*broker, "a", &["1"]).await.is_err_and(|e| e.is_unavailable()));
    assert_eq!(texts(&read_unsettled(&*broker, "x").await), ["before"]);
    server.resume();
    healed(async || broker.prepare(&of("x", "a")).await).await;
    publish(&*broker, "a", &["after"]).await.unwrap();
    assert_eq!(texts(&receive(&*broker, "x", "a", 1).await), ["after"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis: cargo xtask test"]
async fn a_closed_connection_is_opened_again_at_once() {
    let server = RedisServer::start("");
    let broker = open(&server).await;
    broker.prepare(&of("x", "a")).await.unwrap();
    for round in 0..20 {
        let reader = Arc::clone(&broker);
        let waiting = tokio::spawn(async move { receive(&*reader, "x", "a", 1).await });
        let number = round.to_string();
        let begun = Instant::now();
        while server.command(&["PUBSUB", "NUMSUB", "a"]) != "a\n1" {}
        server.command(&["CLIENT", "KILL", "TYPE", "pubsub"]);
        // Redis answers with the number of receivers.
        while server.command(&["PUBLISH", "a", &number]) == "0" {}
        assert_eq!(texts(&waiting.await.unwrap()), [&*number]);
        assert!(begun.elapsed() < Duration::from_secs(4), "without a subscription for too long");
    }
}

#[tokio::test]
#[ignore = "needs Redis: cargo xtask test"]
async fn subscribers_notice_a_frozen_server() {
    let server = RedisServer::start("");
    let broker = open_with_timeout(&server, Duration::from_millis(500)).await;
    broker.prepare(&of("x", "a")).await.unwrap();
    server.freeze();
    let begun = Instant::now();
    let error = read(&*broker, "x", "a").await.unwrap_err();
    assert!(error.is_unavailable() && begun.elapsed() < LONG / 3, "{error}");
    server.thaw();
    healed(async || broker.prepare(&of("x", "a")).await).await;
    publish(&*broker, "a", &["after"]).await.unwrap();
    assert_eq!(texts(&receive(&*broker, "x", "a", 1).await), ["after"]);
}

#[tokio::test]
#[ignore = "needs Redis: cargo xtask test"]
async fn a_full_buffer_drops_new_messages_and_keeps_the_old_ones() {
    const MEBIBYTE: usize = 1024 * 1024;
    let server = RedisServer::start("client-output-buffer-limit pubsub 0 0 0");
    let broker = open(&server).await;
    broker.prepare(&of("x", "a")).await.unwrap();
    let large = "-".repeat(MEBIBYTE);
    for _ in 0..40 {
        publish(&*broker, "a", &[&large]).await.unwrap();
    }
    publish(&*broker, "a", &["there is room for this"]).await.unwrap();
    let mut entries = Vec::new();
    while entries.len() < 32 {
        // The buffer stays full, since nothing is settled.
        publish(&*broker, "a", &[&large]).await.unwrap();
        let one = BrokerRead { limit: 1, ..reading("x", "a", Some(LONG)) };
        entries.extend(broker.read(one).await.unwrap());
    }
    let small = |entry: &Entry| entry.data.as_ref().is_some_and(|data| data.len() < MEBIBYTE);
    assert!(small(&entries[31]), "the nine before it were dropped");
    let at: Vec<_> = entries.into_iter().map(|entry| entry.at).collect();
    broker.settle("x", &at).await.unwrap();
    publish(&*broker, "a", &["there is room again"]).await.unwrap();
    // The last large one may have found room by now as well.
    while !receive(&*broker, "x", "a", 1).await.iter().any(small) {}
}

#[tokio::test]
#[ignore = "needs Redis: cargo xtask test"]
async fn a_mark_lasts_as_long_as_the_process() {
    let server = RedisServer::start("");
    let broker = open(&server).await;
    let mark = |value: &str| Some(BrokerMark { name: "relay".into(), value: value.into() });
    let set = async |value| {
        let batch = Batch { entries: Arc::from([]), mark: mark(value) };
        broker.publish(batch).await.unwrap().before
    };
    assert_eq!(set("1").await, None);
    assert_eq!(set("2").await.as_deref(), Some("1"));
    assert_eq!(broker.stored_mark("relay").await.unwrap().value.as_deref(), Some("2"));
    assert_eq!(open(&server).await.stored_mark("relay").await.unwrap().value, None);
    server.kill();
    assert!(broker.stored_mark("relay").await.is_err_and(|error| error.is_unavailable()));
}

#[tokio::test]
#[ignore = "needs Redis: cargo xtask test"]
async fn a_missing_right_is_named() {
    let server = RedisServer::start("");
    server.command(&["ACL", "SETUSER", "bob", "on", ">pw", "resetchannels", "&ours*", "+@all"]);
    let uri = server.uri().replace("redis://", "redis://bob:pw@");
    let location = BrokerLocation { uri: Some(uri), ..BrokerLocation::default() };
    let broker = RedisPubsub.open(&location).await.unwrap();
    broker.prepare(&of("x", "ours")).await.unwrap();
    publish(&*broker, "ours", &["1"]).await.unwrap();
    let denied = |text: &str| {
        assert!(text.contains("ACL SETUSER") && text.contains("channel"), "{text}");
    };
    denied(&broker.prepare(&of("x", "theirs")).await.unwrap_err().to_string());
    let entry = |stream: &str| Publication { stream: stream.into(), data: b"1"[..].into() };
    let entries = ["theirs", "ours", "theirs"].map(entry).into();
    let mark = Some(BrokerMark { name: "relay".into(), value: "1".into() });
    let published = broker.publish(Batch { entries, mark }).await.unwrap().published;
    let [Published::Unavailable(why), Published::Accepted(_), Published::Unavailable(_)] =
        &published[..]
    else {
        panic!("{published:?}")
    };
    denied(why);
    assert_eq!(
        broker.stored_mark("relay").await.unwrap().value,
        None,
        "part of the batch was not published"
    );
}

/// Tries again until the outage is over.
async fn healed<T, F: Future<Output = Result<T>>>(attempt: impl Fn() -> F) -> T {
    let begun = Instant::now();
    loop {
        match attempt().await {
            Err(error) if error.is_unavailable() && begun.elapsed() < LONG => {
                tokio::task::yield_now().await;
            }
            answer => return answer.unwrap(),
        }
    }
}
