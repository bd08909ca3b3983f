//! Rust text without comments and strings, and what its tokens say.

use std::ops::RangeInclusive;

/// A word, `::`, or one sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Token<'a> {
    pub(crate) text: &'a str,
    /// Counted from 1.
    pub(crate) line: usize,
}

impl Token<'_> {
    pub(crate) fn is_word(&self) -> bool {
        self.text.starts_with(is_word_char)
    }
}

/// The text with comments, strings and characters blanked, line for line.
pub(crate) fn strip(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut code = String::with_capacity(text.len());
    let mut at = 0;
    while at < chars.len() {
        let length = length_of_silence(&chars, at).min(chars.len() - at);
        if length == 0 {
            code.push(chars[at]);
            at += 1;
        } else {
            code.extend(chars[at..at + length].iter().map(|c| if *c == '\n' { '\n' } else { ' ' }));
            at += length;
        }
    }
    code
}

/// How many characters from `at` on are a comment or a literal.
fn length_of_silence(chars: &[char], at: usize) -> usize {
    let rest = &chars[at..];
    match rest {
        ['/', '/', ..] => rest.iter().take_while(|c| **c != '\n').count(),
        ['/', '*', ..] => block_comment(rest),
        ['"', ..] => quoted(rest, '"'),
        ['\'', '\\', ..] | ['\'', _, '\'', ..] => quoted(rest, '\''),
        ['r', ..] if starts_a_literal(chars, at) => raw_string(rest),
        _ => 0,
    }
}

fn block_comment(rest: &[char]) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < rest.len() {
        match rest[at..] {
            ['/', '*', ..] => (depth, at) = (depth + 1, at + 2),
            ['*', '/', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at
}

fn quoted(rest: &[char], quote: char) -> usize {
    let mut at = 1;
    while at < rest.len() && rest[at] != quote {
        at += if rest[at] == '\\' { 2 } else { 1 };
    }
    at + 1
}

/// Zero when the `r` begins a word instead, such as `r#type`.
fn raw_string(rest: &[char]) -> usize {
    let hashes = rest[1..].iter().take_while(|c| **c == '#').count();
    if rest.get(1 + hashes) != Some(&'"') {
        return 0;
    }
    let body = 2 + hashes;
    let end: Vec<char> = format!("\"{}", "#".repeat(hashes)).chars().collect();
    let length = rest[body..].windows(end.len()).position(|window| window == end);
    length.map_or(rest.len(), |length| body + length + end.len())
}

/// Whether no word runs into `at`, but for the prefix of a byte or C string.
fn starts_a_literal(chars: &[char], at: usize) -> bool {
    let word_at = |at: Option<usize>| at.is_some_and(|at| is_word_char(chars[at]));
    let before = at.checked_sub(1);
    let prefixed = before.is_some_and(|at| matches!(chars[at], 'b' | 'c'));
    !word_at(before) || (prefixed && !word_at(at.checked_sub(2)))
}

fn is_word_char(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The tokens of stripped text.
pub(crate) fn tokens(code: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    for (line, mut rest) in code.lines().enumerate().map(|(at, text)| (at + 1, text.trim_start())) {
        while let Some(first) = rest.chars().next() {
            let length = match first {
                c if is_word_char(c) => rest.find(|c: char| !is_word_char(c)).unwrap_or(rest.len()),
                ':' if rest.starts_with("::") => 2,
                c => c.len_utf8(),
            };
            let (text, after) = rest.split_at(length);
            tokens.push(Token { text, line });
            rest = after.trim_start();
        }
    }
    tokens
}

/// Whether the token at `at` reads `text`.
pub(crate) fn reads(tokens: &[Token<'_>], at: usize, text: &str) -> bool {
    tokens.get(at).is_some_and(|token| token.text == text)
}

/// Where the bracket that opens at `open` closes; the end of the text when it never does.
pub(crate) fn closing(tokens: &[Token<'_>], open: usize) -> usize {
    let mut depth = 0usize;
    for (at, token) in tokens.iter().enumerate().skip(open) {
        match token.text {
            "{" | "(" | "[" => depth += 1,
            "}" | ")" | "]" => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            return at;
        }
    }
    tokens.len().saturating_sub(1)
}

/// Where the block of the item that begins at `at` opens; nothing when it ends in `;`.
pub(crate) fn block_of(tokens: &[Token<'_>], mut at: usize) -> Option<usize> {
    loop {
        match tokens.get(at)?.text {
            "{" => return Some(at),
            ";" => return None,
            "(" | "[" => at = closing(tokens, at),
            _ => {}
        }
        at += 1;
    }
}

/// The names that follow a path ending in `::` before `at`: one, or each of a group.
pub(crate) fn names_at<'a>(tokens: &[Token<'a>], at: usize) -> Vec<Token<'a>> {
    if !reads(tokens, at, "{") {
        return tokens.get(at).copied().into_iter().collect();
    }
    let end = closing(tokens, at);
    let mut names = Vec::new();
    let (mut at, mut expected) = (at + 1, true);
    while at < end {
        match tokens[at].text {
            "{" => at = closing(tokens, at),
            "," => expected = true,
            _ if expected => {
                names.push(tokens[at]);
                expected = false;
            }
            _ => {}
        }
        at += 1;
    }
    names
}

/// The first names below `root` that the code says: in imports, groups and inline paths.
pub(crate) fn names_below<'a>(root: &str, tokens: &[Token<'a>]) -> Vec<Token<'a>> {
    let starts = (0..tokens.len()).filter(|at| tokens[*at].text == root);
    let paths = starts.filter(|at| reads(tokens, at + 1, "::"));
    paths.flat_map(|at| names_at(tokens, at + 2)).filter(|name| name.text != "self").collect()
}

/// How many lines of stripped text hold code that is not an inline test.
pub(crate) fn lines(code: &str) -> usize {
    let tests = inline_tests(&tokens(code));
    let lines = code.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    lines.filter(|(at, _)| !tests.iter().any(|lines| lines.contains(&(at + 1)))).count()
}

/// The lines of each `#[cfg(test)] mod … { }`, from the attribute to the last brace.
pub(crate) fn inline_tests(tokens: &[Token<'_>]) -> Vec<RangeInclusive<usize>> {
    (0..tokens.len()).filter_map(|at| inline_test_at(tokens, at)).collect()
}

fn inline_test_at(tokens: &[Token<'_>], at: usize) -> Option<RangeInclusive<usize>> {
    let words: Vec<_> = tokens.get(at..at + 7)?.iter().map(|token| token.text).collect();
    if words.concat() != "#[cfg(test)]" {
        return None;
    }
    let mut item = at + 7;
    while reads(tokens, item, "#") {
        item = closing(tokens, item + 1) + 1;
    }
    if !reads(tokens, item, "mod") {
        return None;
    }
    let open = block_of(tokens, item)?;
    Some(tokens[at].line..=tokens[closing(tokens, open)].line)
}

#[cfg(test)]
mod tests {
    use super::{inline_tests, names_below, strip, tokens};

    fn below(root: &str, text: &str) -> Vec<String> {
        let code = strip(text);
        names_below(root, &tokens(&code)).iter().map(|t| t.text.to_owned()).collect()
    }

    #[test]
    fn strips_comments_and_strings_and_keeps_the_lines() {
        let text =
            "a // b\n/* c /* d */ e */ f\n\"g \\\" h\" i r#\"j \" k\"# l br\"m\" n 'o' '\\'' p";
        let code = strip(text);
        assert_eq!(code.lines().count(), 3);
        assert_eq!(
            code.split_whitespace().collect::<Vec<_>>(),
            ["a", "f", "i", "l", "b", "n", "p"]
        );
    }

    #[test]
    fn a_lifetime_and_a_raw_word_are_code() {
        assert_eq!(strip("fn a<'a>(r#type: &'a str)"), "fn a<'a>(r#type: &'a str)");
    }

    #[test]
    fn finds_the_first_names_of_groups_and_inline_paths() {
        let text = "use crate::{a::b, message::{c, port::d}, self};\nfn f() { crate::domain::g() }";
        assert_eq!(below("crate", text), ["a", "message", "domain"]);
    }

    #[test]
    fn a_link_in_a_doc_comment_names_nothing() {
        assert!(below("crate", "/// See [`X`](crate::port::X).\nstruct Y;").is_empty());
    }

    #[test]
    fn finds_inline_tests_and_not_a_module_of_its_own_file() {
        let code =
            "fn a() {}\n#[cfg(test)]\nmod tests {\n    fn b() {}\n}\n#[cfg(test)]\nmod more;\n";
        assert_eq!(inline_tests(&tokens(code)), vec![2..=5]);
    }
}
