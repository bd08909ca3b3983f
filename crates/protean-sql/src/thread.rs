//! Starts the threads of an adapter.

use std::thread::{Builder, JoinHandle};

use protean_port::{Error, Result};

/// Starts a named thread.
///
/// # Errors
/// When the system allows the process no further thread.
pub fn start_thread(name: &str, body: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>> {
    Builder::new().name(name.to_owned()).spawn(body).map_err(|error| {
        let message = format!("the thread '{name}' cannot be started; raise the limit of threads");
        Error::unavailable(message).with_source(error)
    })
}
