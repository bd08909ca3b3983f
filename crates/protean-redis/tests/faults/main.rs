//! A broker whose server fails, is full, refuses access or stops answering.
//!
//! * `loss`: the server is killed, emptied, or loses a stream or a group
//! * `fullness`: the server has no memory left
//! * `advice`: settings that make production wait
//! * `refusal`: opening a broker names what an operator has to change
//! * `silence`: the server, or the network, does not answer
//! * `foreign`: entries that other programs have added and removed
//! * `restarts`: consumers that come and go

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use protean_conformance::broker::Sample;
use protean_port::Result;
use protean_port::port::{Broker, BrokerLocation, BrokerProvider, Entry};
use protean_redis::Redis;
use protean_test_servers::RedisServer;

mod advice;
mod foreign;
mod fullness;
mod loss;
mod refusal;
mod restarts;
mod silence;

/// For answers and for connecting.
const TIMEOUT: Duration = Duration::from_millis(700);

/// Much longer than noticing a failure may take.
const LONG: Duration = Duration::from_secs(30);

fn location(uri: &str) -> BrokerLocation {
    BrokerLocation {
        uri: Some(uri.to_owned()),
        socket_timeout: Some(TIMEOUT),
        socket_connect_timeout: Some(TIMEOUT),
        max_connections: None,
    }
}

async fn open(uri: &str) -> Result<Arc<dyn Broker>> {
    Redis.open(&location(uri)).await
}

async fn sample(server: &RedisServer) -> Sample {
    Sample::new(open(&server.uri()).await.unwrap())
}

/// Tries again until the outage is over, as a relay or a reader would.
async fn healed<T, F: Future<Output = Result<T>>>(attempt: impl Fn() -> F) -> Result<T> {
    let begun = Instant::now();
    loop {
        match attempt().await {
            Err(error) if error.is_unavailable() && begun.elapsed() < LONG => {
                tokio::task::yield_now().await;
            }
            answer => return answer,
        }
    }
}

fn texts(entries: &[Entry]) -> Vec<&str> {
    entries.iter().map(|entry| entry.data.as_deref().map_or("-", text)).collect()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}
