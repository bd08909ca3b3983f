//! When the server is told to stop.

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
    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Interrupted => 130,
            Self::Terminated => 143,
        }
    }
}

/// The signals that come from now on.
pub(crate) struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    /// Listens: no signal ends the process by itself any more.
    ///
    /// # Errors
    /// When signals cannot be received.
    pub(crate) fn listen() -> Result<Self> {
        let listening = |kind| {
            signal(kind)
                .map_err(|error| Error::failed("signals cannot be received").caused_by(&error))
        };
        let interrupt = listening(SignalKind::interrupt())?;
        Ok(Self { interrupt, terminate: listening(SignalKind::terminate())? })
    }

    /// The next one. Nothing is lost when the future is dropped.
    pub(crate) async fn next(&mut self) -> Stop {
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
    let told = listen(Signals::listen()?);
    Ok(async move {
        match told.await {
            Ok(stop) => stop,
            // The task that listens lives as long as the program.
            Err(_) => std::future::pending().await,
        }
    })
}

/// The first signal is handed over, the second ends the process at once.
fn listen(mut signals: Signals) -> oneshot::Receiver<Stop> {
    let (tell, told) = oneshot::channel();
    tokio::spawn(async move {
        let first = signals.next().await;
        info!("{} received: send it again to stop at once", first.name());
        // Nobody listens any more once the server has stopped on its own.
        let _ = tell.send(first);
        let second = signals.next().await;
        warn!("{} received again: stopped at once", second.name());
        std::process::exit(second.code().into());
    });
    told
}
