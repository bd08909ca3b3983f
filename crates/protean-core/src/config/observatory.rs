//! `[server.observatory]`: pages that show the running system to people.

use std::collections::BTreeMap;
use std::fmt;

use super::section::Section;

/// A shorter secret can be guessed.
const MIN_SECRET_CHARS: usize = 16;

/// The settings of the pages that show the running system to people.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ObservatoryConfig {
    /// Whether a server serves them beside its health page.
    pub enabled: bool,
    /// The names, besides those of the loopback and addresses, under which browsers reach them.
    pub hosts: Vec<String>,
    /// The secret of each operator, by name.
    pub tokens: BTreeMap<String, Secret>,
}

/// Text that no log and no message shows.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// The text itself.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl ObservatoryConfig {
    pub(super) fn read(section: &mut Section<'_>) -> Self {
        let tokens = section.named("tokens", |_, token| secret(token));
        Self {
            enabled: section.flag("enabled").unwrap_or(true),
            hosts: section.texts("hosts", "host"),
            tokens: tokens.into_iter().filter_map(|(name, token)| Some((name, token?))).collect(),
        }
    }
}

fn secret(token: &mut Section<'_>) -> Option<Secret> {
    token.missing("secret", "missing; write a long random text, such as '${OBSERVATORY_SECRET}'");
    let secret = token.text("secret")?;
    token.one_line("secret", &secret);
    if secret.chars().count() < MIN_SECRET_CHARS {
        let message = format!("is too easy to guess; write at least {MIN_SECRET_CHARS} characters");
        token.conflict("secret", message);
    }
    Some(Secret(secret))
}
