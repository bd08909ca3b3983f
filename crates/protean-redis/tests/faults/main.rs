//! What happens to a broker whose server fails, is full, refuses or falls silent.
//!
//! * `loss`: the server is killed, emptied, or loses a stream or a group
//! * `fullness`: the server has no memory left
//! * `refusal`: what an operator has to change is named when the broker is opened
//! * `silence`: the server, or the way to it, does not answer
//! * `foreign`: entries that others have put there, and removed
//! * `restarts`: consumers that come and go

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use protean_conformance::broker::Sample;
use protean_core::Result;
use protean_core::port::{Broker, BrokerLocation, BrokerProvider, Entry};
use protean_redis::Redis;
use protean_test_servers::RedisServer;

mod foreign;
mod fullness;
mod loss;
mod refusal;
mod restarts;
mod silence;

/// How long an answer may take here.
const PATIENCE: Duration = Duration::from_millis(700);

/// Much longer than anything may take that is to be noticed.
const LONG: Duration = Duration::from_secs(30);

async fn open(uri: &str) -> Result<Arc<dyn Broker>> {
    let location = BrokerLocation {
        uri: Some(uri.to_owned()),
        socket_timeout: Some(PATIENCE),
        socket_connect_timeout: Some(PATIENCE),
        max_connections: None,
    };
    Redis.open(&location).await
}

async fn sample(server: &RedisServer) -> Sample {
    Sample::new(open(&server.uri()).await.unwrap())
}

/// Asks until the answer is no outage any more, as a relay or a reader would.
async fn healed<T, F: Future<Output = Result<T>>>(ask: impl Fn() -> F) -> Result<T> {
    let begun = Instant::now();
    loop {
        match ask().await {
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
