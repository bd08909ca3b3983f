//! The conformance suite of the broker port, on a real server.

use std::sync::Arc;

use protean_port::port::{Broker, BrokerLocation, BrokerProvider};
use protean_redis::Redis;
use protean_test_servers::RedisServer;

async fn fresh() -> Arc<dyn Broker> {
    let uri = Some(RedisServer::shared().uri());
    let location = BrokerLocation { uri, ..BrokerLocation::default() };
    Redis.open(&location).await.expect("a broker")
}

protean_conformance::broker_suite!(
    #[ignore = "needs Redis: cargo xtask test"]
    fresh
);
