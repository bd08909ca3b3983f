//! Functions stay short, taken together; clippy holds the longest.

use crate::code::{self, Token};
use crate::offence::Offence;
use crate::tree::File;

const MEDIAN: usize = 8;
const NINE_IN_TEN: usize = 25;

/// Half of all functions take at most 8 lines, nine in ten at most 25.
pub(crate) fn lengths(files: &[File]) -> Vec<Offence> {
    let sources = files.iter().filter(|file| file.source().is_some() && !file.is_test());
    let mut functions: Vec<_> = sources.flat_map(|file| functions_of(file)).collect();
    functions.sort();
    let check = |part: usize, most: usize, name: &str| -> Option<Offence> {
        let (lines, path, line) = functions.get(functions.len() * part / 100)?;
        let what = format!(
            "{name} of all functions is {lines} lines, at most {most}: name the steps of longer ones"
        );
        (*lines > most).then(|| Offence::new(path, *line, what))
    };
    let found = [check(50, MEDIAN, "the median"), check(90, NINE_IN_TEN, "the ninth decile")];
    found.into_iter().flatten().collect()
}

/// Length, path and line of each function with a body that is not an inline test.
fn functions_of(file: &File) -> Vec<(usize, &str, usize)> {
    let tokens = code::tokens(&file.code);
    let tests = code::inline_tests(&tokens);
    let spans = spans(&tokens).into_iter();
    let own = spans.filter(|(from, _)| !tests.iter().any(|lines| lines.contains(from)));
    own.map(|(from, to)| (to - from + 1, file.path.as_str(), from)).collect()
}

/// First and last line of each function, from `fn` to the closing brace.
fn spans(tokens: &[Token<'_>]) -> Vec<(usize, usize)> {
    let starts = tokens.windows(2).enumerate().filter(|(_, w)| w[0].text == "fn" && w[1].is_word());
    let bodies = starts.filter_map(|(at, _)| Some((at, code::block_of(tokens, at)?)));
    bodies.map(|(at, open)| (tokens[at].line, tokens[code::closing(tokens, open)].line)).collect()
}

#[cfg(test)]
mod tests {
    use super::{functions_of, lengths};
    use crate::tree::File;

    fn function(lines: usize) -> String {
        format!("fn a() {{\n{}}}\n", "    b();\n".repeat(lines - 2))
    }

    fn file(text: &str) -> File {
        File::new("crates/a/src/b.rs", text)
    }

    #[test]
    fn rejects_a_long_median() {
        assert_eq!(lengths(&[file(&function(9))]).len(), 1);
        assert!(lengths(&[file(&function(8))]).is_empty());
    }

    #[test]
    fn rejects_a_long_ninth_decile() {
        let text = |long: usize| function(3).repeat(10 - long) + &function(26).repeat(long);
        assert_eq!(lengths(&[file(&text(1))]).len(), 1);
        assert!(lengths(&[file(&(text(1) + &function(3)))]).is_empty());
    }

    #[test]
    fn counts_bodies_and_neither_signatures_nor_pointers_nor_tests() {
        let text = "trait A { fn a(&self) -> [u8; 2]; }\ntype B = fn(u8);\n\
                    fn c<T>(_: [u8; 2])\nwhere\n    T: B,\n{\n    \"}\";\n}\n\
                    #[cfg(test)]\nmod tests {\n    fn d() {}\n}\n";
        assert_eq!(functions_of(&file(text)), [(6, "crates/a/src/b.rs", 3)]);
    }
}
