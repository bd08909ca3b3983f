//! When the server is told to stop.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;
use tracing::{info, warn};

use crate::{Error, Result};

/// A signal that asks for the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// SIGINT, as Ctrl-C sends it.
    Interrupted,
    /// SIGTERM.
    Terminated,
}

impl Stop {
    /// The name of the signal.
    pub fn name(self) -> &'static str {
        match self {
            Self::Interrupted => "SIGINT",
            Self::Terminated => "SIGTERM",
        }
    }

    /// What a shell calls a process that this signal has ended.
    fn code(self) -> i32 {
        match self {
            Self::Interrupted => 130,
            Self::Terminated => 143,
        }
    }
}

struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    async fn next(&mut self) -> Stop {
        tokio::select! {
            _ = self.interrupt.recv() => Stop::Interrupted,
            _ = self.terminate.recv() => Stop::Terminated,
        }
    }
}

/// Listens from now on, for a command that serves: the future gives the first
/// signal, and the second one ends the process at once. Dropping the future
/// does not stop the listening.
///
/// # Errors
/// When signals cannot be received.
pub fn stop_signal() -> Result<impl Future<Output = Stop> + Send + 'static> {
    let told =
        listen().map_err(|error| Error::failed("signals cannot be received").caused_by(&error))?;
    Ok(async move {
        match told.await {
            Ok(stop) => stop,
            // The task that listens lives as long as the program.
            Err(_) => std::future::pending().await,
        }
    })
}

/// Listens from now on: the first signal is handed over, the second ends the
/// process at once.
fn listen() -> io::Result<oneshot::Receiver<Stop>> {
    let interrupt = signal(SignalKind::interrupt())?;
    let mut signals = Signals { interrupt, terminate: signal(SignalKind::terminate())? };
    let (tell, told) = oneshot::channel();
    tokio::spawn(async move {
        let first = signals.next().await;
        info!("{} received: send it again to stop at once", first.name());
        // Nobody listens any more once the server has stopped on its own.
        let _ = tell.send(first);
        let second = signals.next().await;
        warn!("{} received again: stopped at once", second.name());
        std::process::exit(second.code());
    });
    Ok(told)
}
