//! The signals that stop a server, and the one that renews it.

use std::io::IsTerminal;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;
use tracing::{info, warn};

use crate::{Error, Result};

/// A signal that stops the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// SIGINT, which Ctrl-C sends.
    Interrupted,
    /// SIGTERM, which service managers send.
    Terminated,
    /// SIGHUP, when the terminal that the program was started on is closed.
    HungUp,
}

impl Stop {
    /// The name of the signal: `SIGINT`, `SIGTERM` or `SIGHUP`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Interrupted => "SIGINT",
            Self::Terminated => "SIGTERM",
            Self::HungUp => "SIGHUP",
        }
    }

    /// The exit code of a process that this signal ended.
    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Interrupted => 130,
            Self::Terminated => 143,
            Self::HungUp => 129,
        }
    }
}

/// Receives signals.
pub(crate) struct Signals {
    interrupt: Signal,
    terminate: Signal,
    /// On a terminal alone.
    hang_up: Option<Signal>,
}

impl Signals {
    /// Takes over the signals, which no longer end the process by themselves.
    ///
    /// # Errors
    /// When signals cannot be received.
    pub(crate) fn listen() -> Result<Self> {
        let interrupt = listening(SignalKind::interrupt())?;
        let terminate = listening(SignalKind::terminate())?;
        let hang_up = is_on_terminal().then(|| listening(SignalKind::hangup())).transpose()?;
        Ok(Self { interrupt, terminate, hang_up })
    }

    /// Waits for the next signal. Dropping the future loses no signal.
    pub(crate) async fn next(&mut self) -> Stop {
        tokio::select! {
            _ = self.interrupt.recv() => Stop::Interrupted,
            _ = self.terminate.recv() => Stop::Terminated,
            () = received(&mut self.hang_up) => Stop::HungUp,
        }
    }
}

/// Receives `SIGHUP`, with which an operator asks for the program that is there now. On a
/// terminal it is the terminal's, and stops the program.
pub(crate) struct HangUps(Option<Signal>);

impl HangUps {
    /// Takes over the signal, which no longer ends the process by itself; not on a terminal.
    ///
    /// # Errors
    /// When signals cannot be received.
    pub(crate) fn listen() -> Result<Self> {
        let signal = (!is_on_terminal()).then(|| listening(SignalKind::hangup())).transpose()?;
        Ok(Self(signal))
    }

    /// Waits for the next one; several that nobody has waited for are one.
    pub(crate) async fn next(&mut self) {
        received(&mut self.0).await;
    }
}

fn is_on_terminal() -> bool {
    std::io::stdin().is_terminal()
}

/// Waits for the next signal, for ever when there is none to wait for.
async fn received(signal: &mut Option<Signal>) {
    match signal {
        // None once the runtime ends.
        Some(signal) => drop(signal.recv().await),
        None => std::future::pending().await,
    }
}

fn listening(kind: SignalKind) -> Result<Signal> {
    signal(kind).map_err(|error| Error::failed("signals cannot be received").caused_by(&error))
}

/// Takes over the signals, for a command that serves. The future resolves to the first
/// signal; the second one ends the process at once, even if the future was dropped.
///
/// # Errors
/// When signals cannot be received.
pub fn stop_signal() -> Result<impl Future<Output = Stop> + Send + 'static> {
    let first = forward_first(Signals::listen()?);
    Ok(async move {
        match first.await {
            Ok(stop) => stop,
            // The task that sends lives as long as the program.
            Err(_) => std::future::pending().await,
        }
    })
}

/// Sends the first signal, and ends the process at the second.
fn forward_first(mut signals: Signals) -> oneshot::Receiver<Stop> {
    let (sender, receiver) = oneshot::channel();
    tokio::spawn(async move {
        let first = signals.next().await;
        info!(signal = first.name(), "signal received, stopping; send it again to stop at once");
        // The receiver is gone when the server has stopped on its own.
        let _ = sender.send(first);
        let second = signals.next().await;
        warn!(signal = second.name(), "second signal received, stopped at once");
        std::process::exit(second.code().into());
    });
    receiver
}
