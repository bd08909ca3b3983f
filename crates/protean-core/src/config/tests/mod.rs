//! The configuration as a whole: what a person writes, and what the program makes of it.

mod answers;
mod document;
mod effects;
mod meanings;
mod overlays;
mod refusals;
mod secrets;
mod settings;
mod sources;
mod subscriptions;
mod values;

use std::time::Duration;

use super::{Config, Fault};

/// The name under which every file of these tests is read.
const NAME: &str = "domain.toml";

fn no_variable(_: &str) -> Option<String> {
    None
}

fn parsed(text: &str) -> Result<Config, Vec<Fault>> {
    Config::parse(NAME, text, None, &no_variable)
}

#[track_caller]
fn accepted(text: &str) -> Config {
    overlaid(text, None)
}

#[track_caller]
fn overlaid(text: &str, environment: Option<&str>) -> Config {
    match Config::parse(NAME, text, environment, &no_variable) {
        Ok(config) => config,
        Err(faults) => panic!("refused: {}", lines(&faults)),
    }
}

#[track_caller]
fn refused(text: &str) -> Vec<Fault> {
    parsed(text).expect_err("must be refused")
}

fn lines(faults: &[Fault]) -> String {
    faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}
