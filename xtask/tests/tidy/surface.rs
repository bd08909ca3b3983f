//! What one has to know: methods of ports and types, names in the prelude.

use std::collections::BTreeMap;

use crate::code::{self, Token};
use crate::offence::Offence;
use crate::tree::File;

const PORTS: &str = "crates/protean-port/src/port/";
const PRELUDE: &str = "crates/protean/src/prelude.rs";
const METHODS_OF_A_PORT: usize = 8;
const METHODS_OF_A_TYPE: usize = 15;
const NAMES_OF_THE_PRELUDE: usize = 12;

/// Types that may have more methods, each for a reason.
const LARGER_TYPES: &[(&str, usize)] = &[
    // A constructor and a predicate for each of its seven kinds, and one for what has no id.
    ("Error", 21),
    // One for each operator of a query, as all fields have.
    ("Attribute", 17),
];

/// A port is one screen of intentions: at most 8 methods a trait.
pub(crate) fn of_a_port(file: &File) -> Vec<Offence> {
    if !file.path.starts_with(PORTS) {
        return Vec::new();
    }
    let tokens = code::tokens(&file.code);
    let traits =
        tokens.windows(2).enumerate().filter(|(_, w)| w[0].text == "trait" && w[1].is_word());
    let counted = traits
        .filter_map(|(at, w)| Some((w[1], methods(&tokens, code::block_of(&tokens, at)?).len())));
    let fat = counted.filter(|(_, count)| *count > METHODS_OF_A_PORT);
    let what = |name, count| {
        format!(
            "port `{name}` has {count} methods, at most {METHODS_OF_A_PORT}: cut it by intention"
        )
    };
    fat.map(|(name, count)| Offence::new(&file.path, name.line, what(name.text, count))).collect()
}

/// A public type has at most 15 public methods of its own, over all files of its crate.
pub(crate) fn of_types(files: &[File]) -> Vec<Offence> {
    let mut types: BTreeMap<(&str, String), (usize, &str, usize)> = BTreeMap::new();
    for file in files {
        let Some((home, _)) = file.source() else { continue };
        for (name, line, count) in own_methods(&code::tokens(&file.code)) {
            let known = types.entry((home, name)).or_insert((0, &file.path, line));
            known.0 += count;
        }
    }
    let most = |name: &str| {
        let larger = LARGER_TYPES.iter().find(|(larger, _)| *larger == name);
        larger.map_or(METHODS_OF_A_TYPE, |(_, most)| *most)
    };
    let fat = types.into_iter().filter(|((_, name), (count, ..))| *count > most(name));
    let what = |name: &str, count| {
        format!("`{name}` has {count} public methods, at most {METHODS_OF_A_TYPE}: part it by noun")
    };
    fat.map(|((_, name), (count, path, line))| Offence::new(path, line, what(&name, count)))
        .collect()
}

/// The prelude gives at most 12 names, each by name.
pub(crate) fn of_the_prelude(file: &File) -> Vec<Offence> {
    if file.path != PRELUDE {
        return Vec::new();
    }
    let tokens = code::tokens(&file.code);
    let names = names_given(&tokens);
    let stars = names.iter().filter(|name| name.text == "*");
    let mut offences: Vec<_> = stars
        .map(|name| Offence::new(&file.path, name.line, "`*` in the prelude: give each name"))
        .collect();
    if let Some(name) = names.get(NAMES_OF_THE_PRELUDE) {
        let what = format!(
            "{} names in the prelude, at most {NAMES_OF_THE_PRELUDE}: leave rare ones to be imported",
            names.len()
        );
        offences.push(Offence::new(&file.path, name.line, what));
    }
    offences
}

/// The leaves of every `use` tree.
fn names_given<'a>(tokens: &[Token<'a>]) -> Vec<Token<'a>> {
    let mut names = Vec::new();
    let mut within = false;
    for (at, token) in tokens.iter().enumerate() {
        let renames = at > 0 && tokens[at - 1].text == "as";
        let ends =
            tokens.get(at + 1).is_some_and(|next| matches!(next.text, "," | "}" | ";" | "as"));
        match token.text {
            "use" => within = true,
            ";" => within = false,
            text if within && ends && !renames && (text == "*" || token.is_word()) => {
                names.push(*token);
            }
            _ => {}
        }
    }
    names
}

/// Type, line and number of public methods of each inherent `impl`.
fn own_methods(tokens: &[Token<'_>]) -> Vec<(String, usize, usize)> {
    let begins = |at: &usize| {
        tokens[*at].text == "impl"
            && (*at == 0 || matches!(tokens[at - 1].text, "}" | "{" | ";" | "]" | "unsafe"))
    };
    let blocks = (0..tokens.len()).filter(begins).filter_map(|at| {
        let open = code::block_of(tokens, at)?;
        let name = inherent_type(&tokens[at + 1..open])?;
        let public = methods(tokens, open).into_iter().filter(|at| is_public(tokens, *at));
        Some((name, tokens[at].line, public.count()))
    });
    blocks.collect()
}

/// The type of an `impl` without a trait.
fn inherent_type(head: &[Token<'_>]) -> Option<String> {
    let is_for = |w: &[Token<'_>]| w[0].text == "for" && w[1].text != "<";
    if head.windows(2).any(is_for) {
        return None;
    }
    let mut depth = 0usize;
    for (at, token) in head.iter().enumerate() {
        match token.text {
            "<" => depth += 1,
            ">" if at > 0 && head[at - 1].text != "-" => depth = depth.saturating_sub(1),
            _ if depth == 0 && token.is_word() && !code::reads(head, at + 1, "::") => {
                return Some(token.text.to_owned());
            }
            _ => {}
        }
    }
    None
}

/// Where each `fn` directly inside the block that opens at `open` stands.
fn methods(tokens: &[Token<'_>], open: usize) -> Vec<usize> {
    let end = code::closing(tokens, open);
    let mut found = Vec::new();
    let mut at = open + 1;
    while at < end {
        match tokens[at].text {
            "{" | "(" | "[" => at = code::closing(tokens, at),
            "fn" => found.push(at),
            _ => {}
        }
        at += 1;
    }
    found
}

fn is_public(tokens: &[Token<'_>], at: usize) -> bool {
    let before = tokens[..at].iter().rev();
    let mut before = before.skip_while(|t| matches!(t.text, "async" | "const" | "unsafe"));
    before.next().is_some_and(|token| token.text == "pub")
}

#[cfg(test)]
mod tests {
    use super::{of_a_port, of_the_prelude, of_types};
    use crate::tree::File;

    #[test]
    fn rejects_a_fat_port() {
        let port = |methods| {
            let text =
                format!("pub trait A {{\n{}}}", "    fn a(&self) { fn b() {} }\n".repeat(methods));
            of_a_port(&File::new("crates/protean-port/src/port/a.rs", &text)).len()
        };
        assert_eq!(port(9), 1);
        assert_eq!(port(8), 0);
    }

    #[test]
    fn rejects_a_type_with_too_many_public_methods_over_two_files() {
        let part = |path: &str, methods| {
            let body = "    pub async fn a(&self) -> impl Sized {}\n    pub(crate) fn b() {}\n";
            File::new(path, &format!("impl<T: Fn() -> u8> A<T> {{\n{}}}\n", body.repeat(methods)))
        };
        let files = |more| [part("crates/a/src/a.rs", 8), part("crates/a/src/b.rs", more)];
        assert_eq!(of_types(&files(8)).len(), 1);
        assert!(of_types(&files(7)).is_empty());
    }

    #[test]
    fn methods_of_a_trait_are_not_the_type_s_own() {
        let text = format!("impl B for A {{\n{}}}\n", "    pub fn a() {}\n".repeat(20));
        assert!(of_types(&[File::new("crates/a/src/a.rs", &text)]).is_empty());
    }

    #[test]
    fn rejects_a_long_prelude_and_a_star() {
        let prelude =
            |text: &str| of_the_prelude(&File::new("crates/protean/src/prelude.rs", text));
        let names =
            |count: usize| -> String { (0..count).map(|at| format!("A{at} as B{at}, ")).collect() };
        assert_eq!(prelude(&format!("pub use x::{{{}}};", names(13))).len(), 1);
        assert!(prelude(&format!("pub use x::{{{}}};", names(12))).is_empty());
        assert_eq!(prelude("pub use x::*;").len(), 1);
    }
}
