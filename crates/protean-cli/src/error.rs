//! Why a command stopped, told so that a person can go on.

use std::error::Error as StdError;
use std::fmt;
use std::io::Write as _;
use std::process::ExitCode;

use crate::reply::{Diagnostic, Envelope, object};
use crate::{escape, stdout};

/// How a command ended.
pub type Result<T = ExitCode, E = Error> = std::result::Result<T, E>;

/// Why a command stopped: any error becomes one with `?`, its causes with it.
pub struct Error {
    code: u8,
    messages: Vec<String>,
    causes: Vec<String>,
    advice: Option<String>,
}

impl Error {
    /// The command failed: exit code 1.
    pub fn failed(message: impl Into<String>) -> Self {
        Self { code: 1, messages: vec![message.into()], causes: Vec::new(), advice: None }
    }

    /// The command was called in a way that cannot work: exit code 2.
    pub fn usage(message: impl Into<String>) -> Self {
        Self { code: 2, ..Self::failed(message) }
    }

    /// Adds what to do about it.
    #[must_use]
    pub fn advice(mut self, advice: impl Into<String>) -> Self {
        self.advice = Some(advice.into());
        self
    }

    /// Everything that is wrong with the wiring or the configuration: exit code 2.
    pub(crate) fn configuration(faults: &[String]) -> Self {
        let messages = faults.to_vec();
        Self { messages, ..Self::usage("") }.advice("mend what is named above; 'check' looks again")
    }

    /// The same error with another as its cause.
    pub(crate) fn caused_by(mut self, error: &(dyn StdError + 'static)) -> Self {
        let mut next = Some(error);
        while let Some(cause) = next {
            let text = cause.to_string();
            let told = self.messages.iter().chain(&self.causes).any(|told| told.contains(&text));
            if !told {
                self.causes.push(text);
            }
            next = cause.source();
        }
        self
    }

    /// Tells a person on stderr, and with `json` a program on stdout as well;
    /// gives the exit code.
    pub fn report(&self, json: bool) -> ExitCode {
        // Nothing is left to be told to when stderr is gone.
        let _ = write!(std::io::stderr(), "{self}");
        if json {
            let diagnostics = self.lines().map(Diagnostic::error).collect();
            let _ = object(&Envelope::error(diagnostics)).and_then(|text| stdout::print(&text));
        }
        ExitCode::from(self.code)
    }

    fn lines(&self) -> impl Iterator<Item = &String> {
        self.messages.iter().chain(&self.causes)
    }
}

impl<E: StdError + 'static> From<E> for Error {
    fn from(error: E) -> Self {
        let failed = Self::failed(error.to_string());
        match error.source() {
            Some(source) => failed.caused_by(source),
            None => failed,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for message in &self.messages {
            tell(f, "error: ", message)?;
        }
        for cause in &self.causes {
            tell(f, "  caused by: ", cause)?;
        }
        match &self.advice {
            Some(advice) => tell(f, "  what to do: ", advice),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A text of one or more lines, the later ones set in below the first.
fn tell(f: &mut fmt::Formatter<'_>, label: &str, text: &str) -> fmt::Result {
    for (index, line) in text.lines().enumerate() {
        let label = if index == 0 { label } else { "    " };
        writeln!(f, "{label}{}", escape(line))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::Error;

    #[derive(Debug)]
    struct Outer(io::Error);

    impl std::fmt::Display for Outer {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            write!(f, "app.db cannot be opened: {}", self.0)
        }
    }

    impl std::error::Error for Outer {
        fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
            Some(&self.0)
        }
    }

    #[test]
    fn a_cause_that_was_told_is_not_told_again() {
        let error = Error::from(Outer(io::Error::other("disk full")));
        assert_eq!(error.to_string(), "error: app.db cannot be opened: disk full\n");
    }

    #[test]
    fn causes_and_advice_follow_the_error() {
        let error = Error::failed("no server").caused_by(&io::Error::other("refused"));
        let text = error.advice("start it").to_string();
        assert_eq!(text, "error: no server\n  caused by: refused\n  what to do: start it\n");
    }

    #[test]
    fn each_fault_of_a_configuration_is_an_error() {
        let text = Error::configuration(&["a".into(), "b\nc".into()]).to_string();
        assert!(text.starts_with("error: a\nerror: b\n    c\n"), "{text}");
    }

    #[test]
    fn an_error_never_commands_the_terminal() {
        let text = Error::failed("no account '\u{1b}[2J'").to_string();
        assert!(!text.contains('\u{1b}'), "{text:?}");
    }
}
