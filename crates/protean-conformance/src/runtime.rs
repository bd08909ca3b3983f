//! What the facts run on.

use tokio::runtime::{Builder, Runtime};

/// A runtime with several threads.
pub(crate) fn runtime() -> Runtime {
    let runtime = Builder::new_multi_thread().worker_threads(4).enable_all().build();
    runtime.unwrap_or_else(|error| panic!("no runtime: {error}"))
}
