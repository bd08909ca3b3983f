//! Logs on stderr.

use std::fmt::{Debug, Result as Written};
use std::io::{self, IsTerminal as _};

use protean::config::LogFormat;
use tracing::Subscriber;
use tracing::field::Field;
use tracing_subscriber::field::MakeExt as _;
use tracing_subscriber::fmt;
use tracing_subscriber::fmt::format::{Writer, debug_fn};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer, registry};

use crate::export::Export;
use crate::{Error, Result, escape};

/// The variables that set the log filter; the first one that is set wins.
const VARIABLES: [&str; 2] = ["PROTEAN_LOG", "RUST_LOG"];

/// Starts logging to stderr in this format, with the filter from the environment or else with
/// `level`, and the export of spans.
pub(crate) fn start(level: &str, format: LogFormat, export: &Export) -> Result<()> {
    let filter = filter(level, |name| std::env::var(name).ok())?;
    // Fails when the program has set up its own logging, which then stays.
    let _ = match export.layer() {
        // Spans are exported whatever is logged.
        Some(spans) => registry().with(spans).with(lines(format).with_filter(filter)).try_init(),
        None => registry().with(filter).with(lines(format)).try_init(),
    };
    Ok(())
}

/// A line on stderr for each event.
fn lines<S>(format: LogFormat) -> Box<dyn Layer<S> + Send + Sync>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    // A closed stderr must not end the program.
    let lines = fmt::layer().with_writer(io::stderr).log_internal_errors(false);
    match format {
        LogFormat::Text => {
            let colour = io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
            lines.fmt_fields(debug_fn(field).delimited(" ")).with_ansi(colour).boxed()
        }
        LogFormat::Json => lines.json().flatten_event(true).with_current_span(false).boxed(),
    }
}

/// Writes a field of an event on one line, with control characters escaped, so that data
/// cannot forge log lines.
fn field(writer: &mut Writer<'_>, field: &Field, value: &dyn Debug) -> Written {
    let value = escape(&format!("{value:?}"));
    match field.name() {
        "message" => writer.write_str(&value),
        name => write!(writer, "{name}={value}"),
    }
}

fn filter(level: &str, variable: impl Fn(&str) -> Option<String>) -> Result<EnvFilter> {
    let set =
        |name| variable(name).filter(|text: &String| !text.is_empty()).map(|text| (name, text));
    let Some((name, text)) = VARIABLES.into_iter().find_map(set) else {
        return Ok(EnvFilter::new(level));
    };
    EnvFilter::try_new(&text).map_err(|error| {
        let message = format!("{name}: '{text}' is not a log filter");
        Error::usage(message)
            .caused_by(&error)
            .advice("set it to 'info', 'debug' or 'warn,fidelis=debug'")
    })
}

#[cfg(test)]
mod tests {
    use std::io::{self, Write};
    use std::sync::{Arc, Mutex};

    use tracing::subscriber::with_default;
    use tracing::warn;
    use tracing_subscriber::field::MakeExt as _;
    use tracing_subscriber::fmt::format::debug_fn;

    use super::{field, filter};

    /// Collects the log.
    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn an_event_is_one_line_without_control_characters() {
        let (written, id) = (Written::default(), "a\u{1b}[2J\u{202e}");
        let writer = written.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_writer(move || writer.clone())
            .with_ansi(false)
            .without_time()
            .fmt_fields(debug_fn(field).delimited(" "));
        with_default(subscriber.finish(), || {
            warn!(%id, name = "it's", "no account '\u{9b}2J\n WARN forged'");
        });
        let text = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
        let expected = " WARN protean_cli::logging::tests: no account '\\u{9b}2J\\n WARN forged' \
                        id=a\\u{1b}[2J\\u{202e} name=\"it's\"\n";
        assert_eq!(text, expected);
    }

    #[test]
    fn protean_log_wins_over_rust_log() {
        let both = |name: &str| Some(if name == "PROTEAN_LOG" { "debug" } else { "error" }.into());
        assert_eq!(filter("info", both).unwrap().to_string(), "debug");
        assert_eq!(filter("info", |_| None).unwrap().to_string(), "info");
    }

    #[test]
    fn rejects_a_malformed_filter() {
        assert!(filter("info", |_| Some("a=b=c".into())).is_err());
    }
}
