//! Why a command stopped, and what to do about it.

use std::error::Error as StdError;
use std::fmt;
use std::process::ExitCode;

use crate::escape;

/// The result of a command.
pub type Result<T = ExitCode, E = Error> = std::result::Result<T, E>;

/// Why a command stopped. `?` turns any error into one, with its causes.
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

    /// The command line or the configuration is wrong: exit code 2.
    pub fn usage(message: impl Into<String>) -> Self {
        Self { code: 2, ..Self::failed(message) }
    }

    /// Adds what the user can do about it.
    #[must_use]
    pub fn advice(mut self, advice: impl Into<String>) -> Self {
        self.advice = Some(advice.into());
        self
    }

    /// Every fault of the wiring or the configuration: exit code 2.
    pub(crate) fn configuration(faults: &[String]) -> Self {
        let messages = faults.to_vec();
        Self { messages, ..Self::usage("") }.advice("fix the errors above, then run 'check'")
    }

    /// Says first what failed because of this.
    pub(crate) fn within(mut self, message: String) -> Self {
        let before = std::mem::replace(&mut self.messages, vec![message]);
        self.causes.splice(0..0, before);
        self
    }

    /// Adds an error and its sources as causes, without repeating what is said already.
    pub(crate) fn caused_by(mut self, error: &(dyn StdError + 'static)) -> Self {
        let mut next = Some(error);
        while let Some(cause) = next {
            let text = cause.to_string();
            if !self.lines().any(|line| line.contains(&text)) {
                self.causes.push(text);
            }
            next = cause.source();
        }
        self
    }

    /// The exit code.
    pub(crate) fn code(&self) -> u8 {
        self.code
    }

    /// Every message and cause.
    pub(crate) fn lines(&self) -> impl Iterator<Item = &String> {
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
            write_indented(f, "error: ", message)?;
        }
        for cause in &self.causes {
            write_indented(f, "  caused by: ", cause)?;
        }
        match &self.advice {
            Some(advice) => write_indented(f, "  what to do: ", advice),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Writes a text whose later lines are indented below the first.
fn write_indented(f: &mut fmt::Formatter<'_>, label: &str, text: &str) -> fmt::Result {
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
    fn a_cause_is_not_repeated() {
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
    fn an_error_escapes_control_characters() {
        let text = Error::failed("no account '\u{1b}[2J'").to_string();
        assert!(!text.contains('\u{1b}'), "{text:?}");
    }
}
