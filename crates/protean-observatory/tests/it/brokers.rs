//! What Redis has for the domain.

use std::time::Duration;

use protean::Priority;
use protean_engine::Server;
use protean_test_servers::RedisServer;

use crate::bank::Bank;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis: cargo xtask test"]
async fn consumers_are_those_of_redis() {
    let redis = RedisServer::shared();
    let broker = format!("[brokers.default]\nprovider = 'redis'\nURI = '{}'\n", redis.uri());
    let bank = Bank::with(&broker).await;
    bank.order(&["Ada"], Priority::NORMAL).await;
    let row = "<tr data-consumer=";
    let mut shown = None;
    let seen = async {
        while shown.is_none() {
            let page = bank.get("/observatory/brokers").await;
            shown = page.body.contains(row).then_some(page);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let serving = Server::new(bank.domain.clone()).run(seen);
    tokio::time::timeout(Duration::from_secs(30), serving).await.unwrap().unwrap();
    let page = shown.unwrap();
    let consumer = page.attribute("<tr ", "data-consumer");
    let [stream, group] = ["data-stream", "data-group"].map(|name| page.attribute(row, name));
    assert!(stream.starts_with("bank::account") && group.starts_with("bank."), "{stream} {group}");
    assert!(!consumer.is_empty());
    let idle: u64 = page.attribute("data-label=\"Idle\"", "data-value").parse().unwrap();
    assert!(idle < 30_000, "{idle} ms");
    page.has("<td class=\"number\" data-label=\"Pending\" data-value=\"");
}
