//! Separates the options of `protean` from the words for the domain's program.

use std::ffi::OsString;

use protean_cli::{Error, Result};

/// A command line, split into the options of `protean` and the rest.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct CommandLine {
    /// The value of `--domain`.
    pub(crate) domain: Option<OsString>,
    /// True when `--release` stands before the command.
    pub(crate) release: bool,
    /// Everything else, unchanged.
    pub(crate) words: Vec<OsString>,
}

impl CommandLine {
    /// Takes out `--domain` anywhere before `--`, and `--release` before the command only:
    /// after it, `--release` may be an option of the command.
    pub(crate) fn read(words: impl IntoIterator<Item = OsString>) -> Result<Self> {
        let mut line = Self::default();
        let mut words = words.into_iter();
        while let Some(word) = words.next() {
            let text = word.to_str().unwrap_or_default();
            if text == "--" {
                line.words.push(word);
                break;
            } else if text == "--domain" {
                line.set_domain(words.next())?;
            } else if let Some(domain) = text.strip_prefix("--domain=") {
                line.set_domain(Some(domain.into()))?;
            } else if text == "--release" && line.words.is_empty() {
                line.release = true;
            } else {
                line.words.push(word);
            }
        }
        line.words.extend(words);
        Ok(line)
    }

    fn set_domain(&mut self, domain: Option<OsString>) -> Result<()> {
        let Some(domain) = domain.filter(|domain| !domain.is_empty()) else {
            return Err(Error::usage("--domain has no value").advice("write --domain=NAME"));
        };
        if let Some(other) = self.domain.replace(domain) {
            let message = format!("--domain is given twice, first as '{}'", other.display());
            return Err(Error::usage(message).advice("remove one"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::CommandLine;

    fn read(text: &str) -> Result<CommandLine, String> {
        CommandLine::read(text.split(' ').map(Into::into)).map_err(|error| error.to_string())
    }

    #[test]
    fn takes_the_domain_anywhere_before_the_double_dash() {
        for text in [
            "--domain=fidelis server --workers 2",
            "--domain fidelis server --workers 2",
            "server --domain fidelis --workers 2",
            "server --workers 2 --domain=fidelis",
        ] {
            let line = read(text).unwrap();
            assert_eq!(line.domain.as_deref(), Some("fidelis".as_ref()), "{text}");
            assert_eq!(line.words, ["server", "--workers", "2"], "{text}");
        }
    }

    #[test]
    fn leaves_words_after_the_double_dash_alone() {
        let line = read("import -- --domain=a --release").unwrap();
        assert_eq!(line.domain, None);
        assert_eq!(line.words, ["import", "--", "--domain=a", "--release"]);
    }

    #[test]
    fn takes_release_before_the_command_only() {
        assert!(read("--release server").unwrap().release);
        assert!(read("--domain a --release server").unwrap().release);
        let line = read("deploy --release").unwrap();
        assert!(!line.release && line.words == ["deploy", "--release"]);
    }

    #[test]
    fn rejects_a_missing_or_repeated_domain() {
        assert!(read("server --domain").unwrap_err().contains("has no value"));
        assert!(read("server --domain=").unwrap_err().contains("has no value"));
        assert!(read("--domain=a --domain b").unwrap_err().contains("first as 'a'"));
    }
}
