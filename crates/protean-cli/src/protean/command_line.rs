//! What is ours of the command line.

use std::ffi::OsString;

use protean_cli::{Error, Result};

/// The command line, without what is ours.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Line {
    /// What `--domain` says.
    pub(crate) domain: Option<OsString>,
    /// Whether `--release` stands before the command.
    pub(crate) release: bool,
    /// Everything else, as it was.
    pub(crate) words: Vec<OsString>,
}

impl Line {
    /// Takes `--domain` out wherever it stands before `--`, and `--release` where
    /// it stands before the command, whose own option it might be otherwise.
    pub(crate) fn read(words: impl IntoIterator<Item = OsString>) -> Result<Self> {
        let mut line = Self::default();
        let mut words = words.into_iter();
        while let Some(word) = words.next() {
            let text = word.to_str().unwrap_or_default();
            if text == "--" {
                line.words.push(word);
                break;
            } else if text == "--domain" {
                line.enter(words.next())?;
            } else if let Some(domain) = text.strip_prefix("--domain=") {
                line.enter(Some(domain.into()))?;
            } else if text == "--release" && line.words.is_empty() {
                line.release = true;
            } else {
                line.words.push(word);
            }
        }
        line.words.extend(words);
        Ok(line)
    }

    fn enter(&mut self, domain: Option<OsString>) -> Result<()> {
        let Some(domain) = domain.filter(|domain| !domain.is_empty()) else {
            return Err(Error::usage("--domain names no domain").advice("write --domain=NAME"));
        };
        if let Some(other) = self.domain.replace(domain) {
            let told = format!("--domain is given twice, first as '{}'", other.display());
            return Err(Error::usage(told).advice("remove one"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Line;

    fn read(text: &str) -> Result<Line, String> {
        let line = Line::read(text.split(' ').map(Into::into));
        line.map_err(|error| error.to_string())
    }

    #[test]
    fn the_domain_may_stand_anywhere_before_the_bar() {
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
    fn what_follows_the_bar_is_not_ours() {
        let line = read("import -- --domain=a --release").unwrap();
        assert_eq!(line.domain, None);
        assert_eq!(line.words, ["import", "--", "--domain=a", "--release"]);
    }

    #[test]
    fn release_is_ours_before_the_command_only() {
        assert!(read("--release server").unwrap().release);
        assert!(read("--domain a --release server").unwrap().release);
        let line = read("deploy --release").unwrap();
        assert!(!line.release && line.words == ["deploy", "--release"]);
    }

    #[test]
    fn a_domain_is_named_once_and_not_by_nothing() {
        assert!(read("server --domain").unwrap_err().contains("names no domain"));
        assert!(read("server --domain=").unwrap_err().contains("names no domain"));
        assert!(read("--domain=a --domain b").unwrap_err().contains("first as 'a'"));
    }
}
