//! The futures of the ports.

use std::future::Future;
use std::pin::Pin;

/// A boxed future that can be sent to another thread: what the methods of a port answer, so
/// that a port can be a trait object.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;
