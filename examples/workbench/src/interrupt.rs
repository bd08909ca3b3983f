//! Ends a trial on Ctrl-C or SIGTERM.

use std::future::Future;
use std::process::ExitCode;

use protean_cli::Result;
use tokio::signal;

/// What a shell calls a process that Ctrl-C has ended.
const INTERRUPTED: u8 = 130;

/// What a trial comes to, or the exit code when it was interrupted: all that it
/// holds is let go of then.
///
/// # Errors
/// Those of the trial, or when signals cannot be received.
pub async fn unless_interrupted<T>(
    trial: impl Future<Output = Result<T>>,
) -> Result<Result<T, ExitCode>> {
    tokio::select! {
        done = trial => done.map(Ok),
        signal = interrupted() => {
            signal?;
            eprintln!("interrupted: the server is stopped, nothing is left behind");
            Ok(Err(ExitCode::from(INTERRUPTED)))
        }
    }
}

/// Ends when the user or the system wants it to end.
async fn interrupted() -> Result<()> {
    #[cfg(unix)]
    {
        let mut terminate = signal::unix::signal(signal::unix::SignalKind::terminate())?;
        tokio::select! {
            pressed = signal::ctrl_c() => pressed?,
            _ = terminate.recv() => {}
        }
    }
    #[cfg(not(unix))]
    signal::ctrl_c().await?;
    Ok(())
}
