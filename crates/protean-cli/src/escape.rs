//! Makes text safe to show on a terminal.

/// Replaces characters that a terminal would interpret or a reader would not see by `\u{…}`:
/// control characters, escape sequences, changes of writing direction, zero-width characters.
pub fn escape(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '\'' | '"' | '\\' => shown.push(letter),
            _ => shown.extend(letter.escape_debug()),
        }
    }
    shown
}

/// Replaces the same characters in a JSON text by `\uXXXX`, which leaves its value unchanged.
pub(crate) fn escape_json(json: &str) -> String {
    let mut shown = String::with_capacity(json.len());
    for letter in json.chars() {
        // JSON escapes the ASCII control characters itself, except U+007F.
        if letter < '\u{7f}' || letter.escape_debug().len() == 1 {
            shown.push(letter);
            continue;
        }
        for unit in letter.encode_utf16(&mut [0; 2]) {
            shown.push_str(&format!("\\u{unit:04x}"));
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use proptest::{prop_assert, prop_assert_eq, proptest};
    use serde_json::{Value, from_str, json, to_string_pretty};

    use super::{escape, escape_json};

    /// True for a character that a terminal interprets or that is invisible.
    fn is_harmful(letter: char) -> bool {
        letter.is_control()
            || matches!(letter,
                '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{feff}' | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e007f}')
    }

    #[test]
    fn escapes_control_and_direction_characters() {
        assert_eq!(escape("\u{1b}[31mred\u{7}"), "\\u{1b}[31mred\\u{7}");
        assert_eq!(escape("a\u{202e}b\u{2066}c\n"), "a\\u{202e}b\\u{2066}c\\n");
        assert_eq!(escape("\u{9b}2J"), "\\u{9b}2J");
    }

    #[test]
    fn leaves_names_unchanged() {
        for name in ["bookshelf::book:command", "it's \"so\" \\o/", "Käse 価格", ""] {
            assert_eq!(escape(name), name);
        }
    }

    proptest! {
        #[test]
        fn nothing_harmful_is_left(text in "\\PC*|(.|[\\x00-\\x1f\\x7f-\\u{9f}\u{200b}-\u{206f}])*") {
            prop_assert!(!escape(&text).chars().any(is_harmful));
        }

        #[test]
        fn every_character_is_safe(letter in proptest::char::any()) {
            prop_assert!(!escape(&letter.to_string()).chars().any(is_harmful));
        }

        #[test]
        fn json_stays_the_same_value(text in "\\PC*|(.|[\\x00-\\x1f\\x7f-\\u{9f}\u{200b}-\u{206f}])*") {
            let value = json!({ &text: [&text, 1] });
            let shown = escape_json(&to_string_pretty(&value).unwrap());
            prop_assert!(!shown.replace('\n', "").chars().any(is_harmful));
            prop_assert_eq!(from_str::<Value>(&shown).unwrap(), value);
        }

        #[test]
        fn printable_ascii_stays(text in "[ -~]*") {
            prop_assert_eq!(escape(&text), text);
        }
    }
}
