use protean_core::port::{BrokerRead, TakeOver};
use protean_testing::servers::RedisServer;

use crate::sample;

#[tokio::test]
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
    let standing = sample.standing("a", "x").await.unwrap();
    assert!(standing.pending == 0 && standing.consumers <= 2, "{standing:?}");
    let others = sample.broker().hold("y", "one", &[retrying[0].at.clone()]).await.unwrap();
    assert!(others.is_empty(), "the entry that y tries again has outlived all of them");
    let rest = sample.read("y", &["a"]).await.unwrap();
    assert_eq!(rest.len(), 200);
    sample.settle("y", &rest).await.unwrap();
    sample.settle("y", &retrying).await.unwrap();
    assert_eq!(sample.length("a", "y").await.unwrap(), 0);
}
