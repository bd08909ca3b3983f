//! When the server is told to stop.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;
use tracing::{info, warn};

/// A signal that asks for the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    Interrupted,
    Terminated,
}

impl Stop {
    pub(crate) fn name(self) -> &'static str {
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

/// Listens from now on: the first signal is handed over, the second ends the
/// process at once.
pub(crate) fn listen() -> io::Result<oneshot::Receiver<Stop>> {
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
