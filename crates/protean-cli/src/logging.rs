//! Logs on stderr.

use std::io::{self, IsTerminal as _};

use tracing_subscriber::EnvFilter;

use crate::{Error, Result};

/// Where the filter of the logs is looked for, the first one that is set counts.
const VARIABLES: [&str; 2] = ["PROTEAN_LOG", "RUST_LOG"];

/// Begins to log on stderr what the environment asks for, else `level`.
pub(crate) fn start(level: &str) -> Result<()> {
    let filter = filter(level, |name| std::env::var(name).ok())?;
    let colour = io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(colour)
        // A stderr that is gone must not end the program.
        .log_internal_errors(false);
    // The program may log in a way of its own already.
    let _ = subscriber.try_init();
    Ok(())
}

fn filter(level: &str, variable: impl Fn(&str) -> Option<String>) -> Result<EnvFilter> {
    let set =
        |name| variable(name).filter(|text: &String| !text.is_empty()).map(|text| (name, text));
    let Some((name, text)) = VARIABLES.into_iter().find_map(set) else {
        return Ok(EnvFilter::new(level));
    };
    EnvFilter::try_new(&text).map_err(|error| {
        let message = format!("{name}: '{text}' does not say what to log");
        Error::usage(message)
            .caused_by(&error)
            .advice("write 'info', 'debug' or 'warn,fidelis=debug'")
    })
}

#[cfg(test)]
mod tests {
    use super::filter;

    #[test]
    fn the_variable_of_our_own_comes_first() {
        let both = |name: &str| Some(if name == "PROTEAN_LOG" { "debug" } else { "error" }.into());
        assert_eq!(filter("info", both).unwrap().to_string(), "debug");
        assert_eq!(filter("info", |_| None).unwrap().to_string(), "info");
    }

    #[test]
    fn rejects_a_filter_that_says_nothing() {
        assert!(filter("info", |_| Some("a=b=c".into())).is_err());
    }
}
