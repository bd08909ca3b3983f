use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use protean_conformance::broker::Sample;
use protean_port::port::BrokerRead;
use protean_test_servers::RedisServer;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};

use crate::{LONG, TIMEOUT, healed, open, sample, texts};

fn waiting(sample: &Sample) -> BrokerRead {
    BrokerRead { wait: Some(LONG), ..sample.reading("x", &["a"]) }
}

#[tokio::test]
#[ignore = "needs Redis: cargo xtask test"]
async fn a_frozen_server_is_noticed_and_used_again() {
    let server = RedisServer::start("");
    let sample = sample(&server).await;
    sample.prepare("a", &["x"]).await.unwrap();
    server.freeze();
    let begun = Instant::now();
    let read = tokio::time::timeout(LONG, sample.broker().read(waiting(&sample))).await.unwrap();
    assert!(read.is_err_and(|error| error.is_unavailable()));
    assert!(sample.publish("a", &["1"]).await.is_err_and(|error| error.is_unavailable()));
    assert!(begun.elapsed() < LONG / 3);
    server.thaw();
    healed(async || sample.publish("a", &["2"]).await).await.unwrap();
    let read = healed(async || sample.broker().read(waiting(&sample)).await).await.unwrap();
    assert!(!read.is_empty());
}

/// A network path to the server that can be cut without either side noticing.
async fn way(to: u16) -> (u16, Arc<AtomicBool>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let cut = Arc::new(AtomicBool::new(false));
    let (is_cut, mut held) = (cut.clone(), Vec::new());
    tokio::spawn(async move {
        while let Ok((mut from, _)) = listener.accept().await {
            if is_cut.load(Ordering::Relaxed) {
                held.push(from);
                continue;
            }
            let is_cut = is_cut.clone();
            tokio::spawn(async move {
                let mut server = TcpStream::connect(("127.0.0.1", to)).await.unwrap();
                let copying = copy_bidirectional(&mut from, &mut server);
                let ends = async {
                    while !is_cut.load(Ordering::Relaxed) {
                        tokio::time::sleep(Duration::from_millis(5)).await;
                    }
                };
                tokio::select! { _ = copying => {}, () = ends => std::future::pending().await }
            });
        }
    });
    (port, cut)
}

#[tokio::test]
#[ignore = "needs Redis: cargo xtask test"]
async fn a_half_open_connection_is_noticed_and_its_entry_is_handled() {
    let server = RedisServer::start("");
    let (port, cut) = way(server.port()).await;
    let sample = Sample::new(open(&format!("redis://127.0.0.1:{port}")).await.unwrap());
    let other = open(&server.uri()).await.unwrap();
    sample.prepare("a", &["x"]).await.unwrap();
    let mut read = sample.broker().read(waiting(&sample));
    assert!(futures_util::poll!(&mut read).is_pending());
    while !server.command(&["CLIENT", "LIST"]).contains(" flags=b ") {
        assert!(futures_util::poll!(&mut read).is_pending());
        tokio::task::yield_now().await;
    }
    cut.store(true, Ordering::Relaxed);
    tokio::time::sleep(Duration::from_millis(20)).await;
    server.command(&["XADD", &sample.stream("a"), "*", "data", "lost on the way"]);
    let begun = Instant::now();
    let read = tokio::time::timeout(LONG, read).await.unwrap();
    assert!(read.is_err_and(|error| error.is_unavailable()));
    assert!(begun.elapsed() < TIMEOUT * 4, "{:?}", begun.elapsed());
    cut.store(false, Ordering::Relaxed);
    let taken = other.take_over(sample.taking("x", &["a"])).await.unwrap();
    assert_eq!(texts(&taken), ["lost on the way"]);
    healed(async || sample.broker().settle("x", &[taken[0].at.clone()]).await).await.unwrap();
    assert_eq!(sample.length("a", "x").await.unwrap(), 0);
}

#[tokio::test]
#[ignore = "needs Redis: cargo xtask test"]
async fn connections_are_bounded_and_none_is_left_behind() {
    let server = RedisServer::start("");
    let connected = || {
        let list = server.command(&["CLIENT", "LIST"]);
        list.lines().filter(|line| !line.contains("cmd=client")).count()
    };
    let location = protean_port::port::BrokerLocation {
        uri: Some(server.uri()),
        max_connections: Some(2),
        ..Default::default()
    };
    let broker = protean_port::port::BrokerProvider::open(&protean_redis::Redis, &location);
    let sample = Sample::new(broker.await.unwrap());
    sample.prepare("a", &["x"]).await.unwrap();
    sample.read("x", &["a"]).await.unwrap();
    assert_eq!(connected(), 2);
    let third = BrokerRead { consumer: "another".into(), ..sample.reading("x", &["a"]) };
    let error = sample.broker().read(third).await.unwrap_err();
    assert!(error.to_string().contains("max_connections = 2"), "{error}");
    let one = sample.reading("x", &["a"]);
    sample.broker().leave(&one.group, &one.consumer);
    let another = BrokerRead { consumer: "another".into(), ..one };
    sample.broker().read(another).await.unwrap();
    drop(sample);
    while connected() > 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
