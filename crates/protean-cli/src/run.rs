//! From the command line to the exit code.

use std::convert::Infallible;
use std::process::ExitCode;
use std::time::Duration;

use clap::Subcommand;
use protean::DomainBuilder;
use tokio::runtime::{Builder, Runtime};

use crate::line::{Line, Verb};
use crate::{App, Error, Result, command, logging};

/// How long threads that still block may hold up the end of the process.
const FAREWELL: Duration = Duration::from_secs(1);

/// Does what the command line asks of a domain, and says how it went: 0 done,
/// 1 failed, 2 wrong usage or configuration.
///
/// Brings its own runtime: call it from a plain `main`.
pub fn run(builder: DomainBuilder) -> ExitCode {
    run_with(builder, async |none: Infallible, _: App| match none {})
}

/// Like [`run`], with commands of the domain's own beside the built-in ones.
///
/// ```no_run
/// use std::process::ExitCode;
///
/// use protean_cli::{App, Reply, Result};
///
/// #[derive(clap::Subcommand)]
/// enum Command {
///     /// Counts the accounts.
///     Stats,
/// }
///
/// async fn run(command: Command, app: App) -> Result {
///     let domain = app.domain()?;
///     match command {
///         Command::Stats => app.reply(Reply::new(domain.name(), "no accounts yet")),
///     }
/// }
///
/// fn main() -> ExitCode {
///     protean_cli::run_with(protean::domain("fidelis"), run)
/// }
/// ```
pub fn run_with<Own: Subcommand>(
    builder: DomainBuilder,
    own: impl AsyncFnOnce(Own, App) -> Result,
) -> ExitCode {
    let line = match Line::<Own>::parse(builder.name(), std::env::args_os()) {
        Ok(line) => line,
        Err(error) => return misused(&error),
    };
    let json = line.globals.json;
    answer(line, builder, own).unwrap_or_else(|error| error.report(json))
}

fn answer<Own: Subcommand>(
    line: Line<Own>,
    builder: DomainBuilder,
    own: impl AsyncFnOnce(Own, App) -> Result,
) -> Result {
    logging::start(line.verb.log_level())?;
    let app = App::new(builder, line.globals);
    let runtime = runtime()?;
    let done = runtime.block_on(async {
        match line.verb {
            Verb::Own(command) => own(command, app).await,
            Verb::BuiltIn(command) => command::run(command, &app).await,
        }
    });
    runtime.shutdown_timeout(FAREWELL);
    done
}

/// Two threads at least: one handler that computes must not hold up the others.
fn runtime() -> Result<Runtime> {
    let threads = std::thread::available_parallelism().map_or(2, |found| found.get().max(2));
    let built = Builder::new_multi_thread().worker_threads(threads).enable_all().build();
    built.map_err(|error| {
        Error::failed("the threads of the program cannot be started").caused_by(&error)
    })
}

/// Help and version are asked for; anything else is wrong usage.
fn misused(error: &clap::Error) -> ExitCode {
    // A reader that is gone needs no help.
    let _ = error.print();
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
}
