//! Text of strangers in a message.

use protean_cli::escape;

/// The most letters of a stranger's text that a message repeats.
const LETTERS: usize = 60;

/// The beginning of the text, as one may print it.
pub(super) fn shown(text: &str) -> String {
    match text.char_indices().nth(LETTERS) {
        Some((end, _)) => escape(&text[..end]) + "…",
        None => escape(text),
    }
}

#[cfg(test)]
mod tests {
    use super::shown;

    #[test]
    fn cuts_what_is_long_and_writes_out_what_is_not_to_be_obeyed() {
        assert_eq!(shown(&"x".repeat(1 << 20)), format!("{}…", "x".repeat(60)));
        assert_eq!(shown(&"Č".repeat(60)), "Č".repeat(60));
        assert_eq!(shown("a\u{1b}[31mb\u{202e}"), "a\\u{1b}[31mb\\u{202e}");
    }
}
