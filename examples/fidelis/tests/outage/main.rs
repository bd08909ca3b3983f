//! An outage of one handler, with real processes: this program is the story,
//! and with a folder in its environment the bank's server and tools.
//!
//! * [`story`]: what happens, and what must hold at each step
//! * [`bank`]: the bank with one more handler, in a folder of its own
//! * [`server`]: its server, as a process
//! * [`statement`]: the handler that can be broken and mended from outside
//! * [`operators`]: what the operators see and do
//!
//! `PROTEAN_OUTAGE_ACCOUNTS=2000` makes it larger, `PROTEAN_OUTAGE_FAILING=20`
//! breaks more accounts, `PROTEAN_OUTAGE_PROBES=200` measures for longer.

#![expect(clippy::unwrap_used, reason = "a story that cannot go on has failed")]
#![expect(clippy::print_stdout, reason = "the figures are for a report")]

mod bank;
mod operators;
mod server;
mod statement;
mod story;

use std::process::ExitCode;

fn main() -> ExitCode {
    if let Some(folder) = std::env::var_os(bank::FOLDER) {
        return protean_cli::run(bank::builder(folder.as_ref()));
    }
    let filters: Vec<_> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    if filters.is_empty() || filters.iter().any(|filter| "outage".contains(filter.as_str())) {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        runtime.block_on(story::play(story::Size::from_environment()));
    }
    ExitCode::SUCCESS
}
