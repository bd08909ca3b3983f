use std::time::Duration;

use protean_port::port::{BrokerRead, TakeOver};
use protean_test_servers::RedisServer;

use crate::{sample, texts};

#[tokio::test]
#[ignore = "needs Redis: cargo xtask test"]
async fn two_hundred_restarts_leave_few_consumers_and_lose_nothing() {
    let server = RedisServer::start("");
    let sample = sample(&server).await;
    sample.prepare("a", &["x", "y"]).await.unwrap();
    let retrying = {
        sample.publish("a", &["retrying"]).await.unwrap();
        sample.read("y", &["a"]).await.unwrap()
    };
    let mut settled = 0;
    for round in 0..200 {
        sample.publish("a", &["1"]).await.unwrap();
        let name = format!("worker-{round}");
        let read = BrokerRead { consumer: name.as_str().into(), ..sample.reading("x", &["a"]) };
        // Every other one dies with what it has read.
        let mut entries = sample.broker().read(read).await.unwrap();
        if round % 2 == 0 {
            continue;
        }
        let take = TakeOver { consumer: name.into(), ..sample.taking("x", &["a"]) };
        entries.extend(sample.broker().take_over(take).await.unwrap());
        entries.sort_by(|a, b| a.at.id.as_str().cmp(b.at.id.as_str()));
        entries.dedup();
        settled += entries.len();
        sample.settle("x", &entries).await.unwrap();
    }
    assert_eq!(settled, 201);
    let standing = sample.group_status("a", "x").await.unwrap();
    assert!(standing.pending == 0 && standing.consumers <= 2, "{standing:?}");
    let others = sample.broker().hold("y", "one", &[retrying[0].at.clone()]).await.unwrap();
    assert!(others.is_empty(), "the entry that y tries again has outlived all of them");
    let all = BrokerRead { limit: 1000, ..sample.reading("y", &["a"]) };
    let rest = sample.broker().read(all).await.unwrap();
    assert_eq!(rest.len(), 200);
    sample.settle("y", &rest).await.unwrap();
    sample.settle("y", &retrying).await.unwrap();
    assert_eq!(sample.length("a", "y").await.unwrap(), 0);
}

#[tokio::test]
#[ignore = "needs Redis: cargo xtask test"]
async fn a_consumer_that_is_forgotten_while_it_waits_still_reads() {
    let server = RedisServer::start("");
    let sample = sample(&server).await;
    sample.prepare("a", &["x"]).await.unwrap();
    sample.publish("a", &["1"]).await.unwrap();
    let first = sample.read("x", &["a"]).await.unwrap();
    sample.settle("x", &first).await.unwrap();
    let wait = Some(Duration::from_secs(20));
    let mut read = sample.broker().read(BrokerRead { wait, ..sample.reading("x", &["a"]) });
    while !server.command(&["CLIENT", "LIST"]).contains(" flags=b ") {
        assert!(futures_util::poll!(&mut read).is_pending());
        tokio::task::yield_now().await;
    }
    sample.broker().take_over(sample.taking("x", &["a"])).await.unwrap();
    assert_eq!(sample.group_status("a", "x").await.unwrap().consumers, 0);
    sample.publish("a", &["2"]).await.unwrap();
    assert_eq!(texts(&read.await.unwrap()), ["2"]);
    assert_eq!(sample.group_status("a", "x").await.unwrap().pending, 1);
}
