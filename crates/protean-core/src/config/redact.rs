//! Showing values without their passwords and control characters.

/// Replaces a password.
const HIDDEN: &str = "***";

/// The beginnings of secrets in the query of a URI or in `key=value` form.
const SECRETS: [&str; 5] = ["password=", "passwd=", "pwd=", "secret=", "token="];

/// Shown text is cut after this many characters.
const MAX_CHARACTERS: usize = 120;

/// The URI without its password: `redis://user:***@host`. It hides too much rather than too
/// little: everything between the first colon and the last `@`, and every `password=…`.
pub fn redact(uri: &str) -> String {
    hide_assigned(&hide_user_info(uri))
}

fn hide_user_info(uri: &str) -> String {
    let start = uri.find("://").map_or(0, |at| at + 3);
    let authority = &uri[start..];
    let (Some(colon), Some(at)) = (authority.find(':'), authority.rfind('@')) else {
        return uri.to_owned();
    };
    if colon > at {
        return uri.to_owned();
    }
    format!("{}{}:{HIDDEN}{}", &uri[..start], &authority[..colon], &authority[at..])
}

fn hide_assigned(text: &str) -> String {
    let lower = text.to_ascii_lowercase();
    let mut shown = String::new();
    let mut from = 0;
    while let Some(start) = next_secret(&lower, from) {
        shown.push_str(&text[from..start]);
        shown.push_str(HIDDEN);
        from = start + secret_length(&text[start..]);
    }
    shown + &text[from..]
}

/// Where the next secret begins, just after its `=`.
fn next_secret(lower: &str, from: usize) -> Option<usize> {
    let found = |name: &&str| lower[from..].find(*name).map(|at| from + at + name.len());
    SECRETS.iter().filter_map(found).min()
}

fn secret_length(text: &str) -> usize {
    let quoted = text.strip_prefix('\'').and_then(|rest| rest.find('\''));
    let end = |c: char| c == '&' || c.is_whitespace();
    quoted.map_or_else(|| text.find(end).unwrap_or(text.len()), |length| length + 2)
}

/// Text from a file or the environment, made safe for terminals and logs: cut to a limit,
/// without passwords, control characters and characters that change the writing direction.
pub(super) fn shown(text: &str) -> String {
    let mut shown = String::new();
    for (index, c) in redact(text).chars().enumerate() {
        match c {
            _ if index == MAX_CHARACTERS => return shown + "…",
            '\'' | '"' | '\\' => shown.push(c),
            _ => shown.extend(c.escape_debug()),
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::{redact, shown};

    #[test]
    fn hides_every_form_of_password() {
        for (uri, expected) in [
            ("postgresql://bob:canary@host:5432/db", "postgresql://bob:***@host:5432/db"),
            ("redis://:canary@host/0", "redis://:***@host/0"),
            ("postgresql://bob:can/ary@x?@host/db", "postgresql://bob:***@host/db"),
            (
                "postgresql://host/db?user=bob&password=canary",
                "postgresql://host/db?user=bob&password=***",
            ),
            ("postgresql://host/db?PASSWORD=canary&a=b", "postgresql://host/db?PASSWORD=***&a=b"),
            ("host=h password='can ary' user=bob", "host=h password=*** user=bob"),
            ("bob:canary@host", "bob:***@host"),
            ("redis://host:6379/0", "redis://host:6379/0"),
            ("sqlite:///app.db", "sqlite:///app.db"),
        ] {
            assert_eq!(redact(uri), expected);
        }
    }

    #[test]
    fn shows_control_characters_escaped_and_cuts_what_is_endless() {
        assert_eq!(shown("a\u{1b}[31m\u{202e}b"), "a\\u{1b}[31m\\u{202e}b");
        assert_eq!(shown(&"x".repeat(500)).chars().count(), 121);
    }
}
