//! The answer of a command: text for people, one JSON object for programs.

use std::fmt::{self, Display};
use std::io::Write as _;
use std::process::ExitCode;

use serde::Serialize;

use crate::escape::{escape, escape_json};
use crate::{Result, stdout};

/// The version of the JSON format.
const VERSION: &str = "0.1.0";

/// The answer of a command: a text on stdout or, with `--json`, one object in one of two
/// forms.
///
/// * [`new`](Self::new) wraps the data, like the built-in commands:
///   `{"version", "status": "pass" | "fail", "data", "diagnostics": [{"level", "message"}]}`
/// * [`plain`](Self::plain) prints the data alone
///
/// Without `--json`, and in the second form, diagnostics go to stderr. An
/// [`Error`](crate::Error) is always an object of the first form.
#[derive(Clone, Debug)]
#[must_use = "a reply is printed by `App::reply`"]
pub struct Reply<T> {
    data: T,
    text: String,
    form: Form,
    diagnostics: Vec<Diagnostic>,
    /// The exit code: 0 unless the reply has failed.
    code: u8,
}

/// The form of the JSON object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Wrapped,
    Plain,
}

/// The JSON object of the first form.
#[derive(Serialize)]
pub(crate) struct Envelope<T> {
    version: &'static str,
    status: Status,
    data: T,
    diagnostics: Vec<Diagnostic>,
}

#[derive(Clone, Copy, Serialize)]
#[serde(rename_all = "lowercase")]
enum Status {
    Pass,
    Fail,
    Error,
}

/// A warning or an error in an answer.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Diagnostic {
    level: Level,
    message: String,
}

#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
enum Level {
    Error,
    Warning,
}

impl<T: Serialize> Reply<T> {
    /// An answer as data for programs and as text for people. The JSON object holds the
    /// data, the status and the diagnostics.
    pub fn new(data: T, text: impl Display) -> Self {
        Self::of(Form::Wrapped, data, text)
    }

    /// An answer whose data is the whole JSON object. Only the exit code carries the status.
    pub fn plain(data: T, text: impl Display) -> Self {
        Self::of(Form::Plain, data, text)
    }

    fn of(form: Form, data: T, text: impl Display) -> Self {
        Self { data, text: text.to_string(), form, diagnostics: Vec::new(), code: 0 }
    }

    /// Adds a warning; the status stays as it is.
    pub fn warning(mut self, message: impl Into<String>) -> Self {
        self.diagnostics.push(Diagnostic { level: Level::Warning, message: message.into() });
        self
    }

    /// Adds an error: the status becomes `fail` and the exit code 1.
    pub fn failed(mut self, message: impl Into<String>) -> Self {
        self.diagnostics.push(Diagnostic::error(message));
        self.failed_with(1)
    }

    /// The status becomes `fail`, with this exit code, and the text says why.
    pub(crate) fn failed_with(mut self, code: u8) -> Self {
        self.code = code;
        self
    }

    pub(crate) fn print(self, json: bool) -> Result {
        let code = ExitCode::from(self.code);
        if json && self.form == Form::Wrapped {
            stdout::print(&object(&self.into_envelope())?)?;
            return Ok(code);
        }
        let end = if self.text.is_empty() { "" } else { "\n" };
        let shown = if json { object(&self.data)? } else { format!("{}{end}", self.text) };
        stdout::print(&shown)?;
        for Diagnostic { level, message } in &self.diagnostics {
            // If stderr is closed, the exit code still carries the status.
            let _ = writeln!(std::io::stderr(), "{level}: {}", escape(message));
        }
        Ok(code)
    }

    #[cfg(test)]
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    pub(crate) fn into_envelope(self) -> Envelope<T> {
        let status = if self.code == 0 { Status::Pass } else { Status::Fail };
        Envelope { version: VERSION, status, data: self.data, diagnostics: self.diagnostics }
    }
}

impl Envelope<()> {
    /// The object of a command that failed.
    pub(crate) fn error(diagnostics: Vec<Diagnostic>) -> Self {
        Self { version: VERSION, status: Status::Error, data: (), diagnostics }
    }
}

/// One JSON object as text, with a final newline and control characters escaped.
pub(crate) fn object(data: &impl Serialize) -> Result<String> {
    Ok(escape_json(&serde_json::to_string_pretty(data)?) + "\n")
}

impl Diagnostic {
    pub(crate) fn error(message: impl Into<String>) -> Self {
        Self { level: Level::Error, message: message.into() }
    }
}

impl Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Error => "error",
            Self::Warning => "warning",
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json, to_value};

    use super::{Diagnostic, Envelope, Reply, object};

    fn envelope(reply: Reply<u64>) -> Value {
        to_value(reply.into_envelope()).unwrap()
    }

    #[test]
    fn an_answer_is_an_object_of_the_documented_form() {
        let expected = json!({"version": "0.1.0", "status": "pass", "data": 7, "diagnostics": []});
        assert_eq!(envelope(Reply::new(7, "seven")), expected);
    }

    #[test]
    fn a_warning_passes_and_a_fault_fails() {
        let reply = envelope(Reply::new(7, "").warning("look"));
        assert_eq!(reply["status"], "pass");
        assert_eq!(reply["diagnostics"], json!([{"level": "warning", "message": "look"}]));
        assert_eq!(envelope(Reply::new(7, "").failed("broken"))["status"], "fail");
    }

    #[test]
    fn data_that_json_cannot_represent_is_an_error() {
        let pairs = std::collections::BTreeMap::from([((1, 2), 3)]);
        assert!(object(&pairs).is_err());
        assert!(Reply::plain(pairs.clone(), "").print(true).is_err());
        assert!(Reply::new(pairs, "").print(true).is_err());
    }

    #[test]
    fn an_object_escapes_control_characters() {
        let text = object(&"a\u{9b}2J\u{202e}").unwrap();
        assert_eq!(text, "\"a\\u009b2J\\u202e\"\n");
    }

    #[test]
    fn an_error_is_an_object_of_the_same_form() {
        let object = to_value(Envelope::error(vec![Diagnostic::error("no disk")])).unwrap();
        assert_eq!((&object["status"], &object["data"]), (&json!("error"), &Value::Null));
    }
}
