//! What the servers of a domain say about their settings.

use std::time::Duration;

use protean_port::port::BoxFuture;
use protean_port::{Error, Result};

/// How long a server may take to answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(3);

/// What one server of a domain says about its settings.
#[derive(Debug)]
pub struct ServerAdvice {
    /// The section of the configuration that names the server, such as `brokers.default`.
    pub section: String,
    /// Each setting that makes production wait or weakens what a commit promises, with what
    /// to set; an error when the server cannot be asked.
    pub advice: Result<Vec<String>>,
}

impl ServerAdvice {
    pub(super) async fn of(section: String, asking: BoxFuture<'_, Result<Vec<String>>>) -> Self {
        let silent =
            |_| Error::unavailable(format!("it does not answer within {ANSWER_TIMEOUT:?}"));
        let answer = tokio::time::timeout(ANSWER_TIMEOUT, asking).await;
        Self { section, advice: answer.map_err(silent).and_then(|advice| advice) }
    }
}
