//! The conformance suite of the broker port, on a real server.

use std::sync::Arc;

use protean_port::port::{Broker, BrokerLocation, BrokerProvider};
use protean_redis::Redis;
use protean_testing::servers::RedisServer;

async fn fresh() -> Arc<dyn Broker> {
    let uri = Some(RedisServer::shared().uri());
    let location = BrokerLocation { uri, ..BrokerLocation::default() };
    Redis.open(&location).await.expect("a broker")
}

protean_testing::broker_suite!(fresh);
