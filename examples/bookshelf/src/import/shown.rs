//! Untrusted text, made safe for a message.

use protean_cli::escape;

/// The most characters of untrusted text that a message repeats.
const MAX_CHARACTERS: usize = 60;

/// The beginning of the text, with control characters escaped.
pub(super) fn shown(text: &str) -> String {
    match text.char_indices().nth(MAX_CHARACTERS) {
        Some((end, _)) => escape(&text[..end]) + "…",
        None => escape(text),
    }
}

#[cfg(test)]
mod tests {
    use super::shown;

    #[test]
    fn cuts_long_text_and_escapes_control_characters() {
        assert_eq!(shown(&"x".repeat(1 << 20)), format!("{}…", "x".repeat(60)));
        assert_eq!(shown(&"Č".repeat(60)), "Č".repeat(60));
        assert_eq!(shown("a\u{1b}[31mb\u{202e}"), "a\\u{1b}[31mb\\u{202e}");
    }
}
