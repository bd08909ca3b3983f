//! What the reasons of dead letters have in common.

/// Replaces the parts of a reason that vary between messages.
const PLACEHOLDER: char = '…';

/// A reason without the parts that vary between messages: quoted text, and words with digits.
pub fn shared_reason(reason: &str) -> String {
    let mut shared = String::new();
    let mut rest = reason;
    while let Some(letter) = rest.chars().next() {
        let quoted = matches!(letter, '\'' | '"' | '`').then(|| rest[1..].find(letter)).flatten();
        if let Some(end) = quoted.filter(|_| !shared.ends_with(char::is_alphanumeric)) {
            shared.extend([letter, PLACEHOLDER, letter]);
            rest = &rest[end + 2..];
            continue;
        }
        let is_of_word = |letter: char| letter.is_alphanumeric() || "-_:.".contains(letter);
        let end = rest.find(|letter| !is_of_word(letter)).unwrap_or(rest.len());
        let end = end.max(letter.len_utf8());
        let (word, after) = rest.split_at(end);
        match word.contains(|letter: char| letter.is_ascii_digit()) {
            true => {
                shared.push(PLACEHOLDER);
                // Trailing punctuation is not part of a number.
                let kept = word.trim_end_matches([':', '.']).len();
                shared.push_str(&word[kept..]);
            }
            false => shared.push_str(word),
        }
        rest = after;
    }
    shared
}

#[cfg(test)]
mod tests {
    use super::shared_reason;

    #[test]
    fn reasons_that_differ_only_in_values_are_counted_together() {
        for (reason, expected) in [
            ("no Account has the id 'a-17'", "no Account has the id '…'"),
            ("took longer than 30s: 4 tries, 1.5 each.", "took longer than …: … tries, … each."),
            ("it doesn't work, isn't it", "it doesn't work, isn't it"),
            ("email \"ä\" is taken", "email \"…\" is taken"),
            ("an open 'quote", "an open 'quote"),
            ("01a22c80-4dc3-763f-870f-84127edd4fad: gone", "…: gone"),
            ("Käse 価格", "Käse 価格"),
            ("", ""),
        ] {
            assert_eq!(shared_reason(reason), expected);
        }
    }
}
