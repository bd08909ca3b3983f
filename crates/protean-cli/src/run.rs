//! From the command line to the exit code.

use std::convert::Infallible;
use std::process::ExitCode;
use std::time::Duration;

use clap::Subcommand;
use protean::{DomainBuilder, configuration};
use tokio::runtime::{Builder, Runtime};

use crate::command_line::{CommandLine, Verb};
use crate::export::Export;
use crate::{App, Error, Result, command, logging};

/// How long blocked threads may delay the end of the process.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(1);

/// How far work beside servers steps back: it has a tenth of a core that a server wants all of. With
/// much less it would keep the locks of the database too long.
const NICENESS: i32 = 10;

/// Runs the command on the command line and returns the exit code: 0 success, 1 failure,
/// 2 wrong usage or configuration.
///
/// Starts its own async runtime, so call it from a plain `main`.
pub fn run(builder: DomainBuilder) -> ExitCode {
    run_with(builder, async |none: Infallible, _: App| match none {})
}

/// Like [`run`], with the domain's own commands beside the built-in ones.
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
    let line = match CommandLine::<Own>::parse(builder.name(), std::env::args_os()) {
        Ok(line) => line,
        Err(error) => return print_usage(&error),
    };
    let json = line.globals.json;
    execute(line, builder, own).unwrap_or_else(|error| error.report(json))
}

fn execute<Own: Subcommand>(
    line: CommandLine<Own>,
    builder: DomainBuilder,
    own: impl AsyncFnOnce(Own, App) -> Result,
) -> Result {
    if line.verb.leaves_cores() {
        leave_cores();
    }
    let runtime = runtime()?;
    let (app, export) = {
        let _entered = runtime.enter();
        let builder = line.globals.apply_to(builder);
        let format = configuration(&builder).map(|config| config.logging.format);
        let (builder, export) = Export::start(builder)?;
        logging::start(line.verb.log_level(), format.unwrap_or_default(), &export)?;
        (App::new(builder, line.globals).exporting(export.clone()), export)
    };
    let done = runtime.block_on(async {
        match line.verb {
            Verb::Own(command) => own(command, app).await,
            Verb::BuiltIn(command) => command::run(command, &app).await,
        }
    });
    export.stop();
    runtime.shutdown_timeout(SHUTDOWN_TIMEOUT);
    done
}

/// Lets other processes go first on the cores, servers among them. The threads that this one starts
/// do as it does.
fn leave_cores() {
    // A process may always step back.
    let _ = rustix::process::nice(NICENESS);
}

/// At least two threads, so that one computing handler does not hold up the others.
fn runtime() -> Result<Runtime> {
    let threads = std::thread::available_parallelism().map_or(2, |found| found.get().max(2));
    Builder::new_multi_thread().worker_threads(threads).enable_all().build().map_err(|error| {
        Error::failed("the threads of the program cannot be started").caused_by(&error)
    })
}

/// Prints help, the version, or what is wrong with the command line.
fn print_usage(error: &clap::Error) -> ExitCode {
    // A closed stdout is not an error.
    let _ = error.print();
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
}
