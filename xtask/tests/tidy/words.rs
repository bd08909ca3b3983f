//! What is never written.

use crate::code;
use crate::offence::Offence;
use crate::tree::File;

/// Names that say nothing about what is inside.
const NAMES: &[&str] = &["utils", "util", "helpers", "helper", "common", "misc"];

/// Code, each with what to do instead.
const CODE: &[(&str, &str)] = &[
    ("todo!(", "write it, or leave it out"),
    ("unimplemented!(", "write it, or leave it out"),
    ("use super::*", "import by name"),
];

/// What a test that is left out of `cargo test` has to say.
const LEFT_OUT: (&str, &str) = ("#[ignore = \"needs ", ": cargo xtask test\"]");

/// Folders of one machine.
const MACHINE: &[&str] = &["root", "home", "work"];

/// Sites of Protean for Python. Protean for Rust has none, and no public repository.
const SITES: &[&str] = &["docs.proteanhq.com", "github.com/proteanhq/", "pypi.org/project/protean"];

/// No file, folder or module is called after nothing.
pub(crate) fn in_names(file: &File) -> Vec<Offence> {
    let tokens = code::tokens(&file.code);
    let inline = tokens.windows(2).filter(|w| w[0].text == "mod" && NAMES.contains(&w[1].text));
    let inline = inline.map(|w| (w[1].line, w[1].text));
    let in_path = file.path.split('/').map(|part| part.split('.').next().unwrap_or(part));
    let in_path = in_path.filter(|part| NAMES.contains(part)).map(|part| (1, part));
    let what = |name| format!("the name `{name}` says nothing: call it after what is inside");
    in_path.chain(inline).map(|(line, name)| Offence::new(&file.path, line, what(name))).collect()
}

/// No half-written code, no silenced test, no import of everything.
pub(crate) fn in_code(file: &File) -> Vec<Offence> {
    let lines = file.code.lines().enumerate();
    let found = lines.flat_map(|(at, line)| {
        let banned = CODE.iter().filter(|(word, _)| line.contains(word));
        banned.map(move |(word, what)| (at + 1, format!("`{word}`: {what}")))
    });
    found.map(|(line, what)| Offence::new(&file.path, line, what)).collect()
}

/// A test is left out only for what it needs, which `cargo xtask test` sets up.
pub(crate) fn in_reasons(file: &File) -> Vec<Offence> {
    let lines = file.code.lines().zip(file.text.lines()).enumerate();
    let ignored = lines.filter(|(_, (code, _))| code.contains("#[ignore"));
    let silent =
        ignored.filter(|(_, (_, text))| !text.contains(LEFT_OUT.0) || !text.contains(LEFT_OUT.1));
    let what = format!("say what the test needs, `{}…{}`, or mend it", LEFT_OUT.0, LEFT_OUT.1);
    silent.map(|(at, _)| Offence::new(&file.path, at + 1, what.clone())).collect()
}

/// No text names a folder of the machine it was written on.
pub(crate) fn in_texts(file: &File) -> Vec<Offence> {
    let lines = file.text.lines().enumerate();
    let found = lines.filter_map(|(at, line)| Some((at + 1, machine_path(line)?)));
    let what =
        |name| format!("`{name}` is a folder of one machine: say a path below the workspace");
    found.map(|(line, name)| Offence::new(&file.path, line, what(name))).collect()
}

/// The first absolute path of a machine in a line; `a/b` after a name or a dot is none.
fn machine_path(line: &str) -> Option<String> {
    let is_absolute = |at: usize| {
        let before = line[..at].chars().next_back();
        !before
            .is_some_and(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '~' | '}' | ')'))
    };
    let names = MACHINE.iter().map(|name| format!("/{name}/"));
    let mut found =
        names.filter(|name| line.match_indices(name.as_str()).any(|(at, _)| is_absolute(at)));
    found.next()
}

/// No URL names a site or a repository of this project that does not exist.
pub(crate) fn in_urls(file: &File) -> Vec<Offence> {
    let lines = file.text.lines().enumerate();
    let urls = lines.flat_map(|(at, line)| urls(line).map(move |url| (at + 1, url)));
    let ours = urls.filter(|(_, url)| url.to_ascii_lowercase().contains("protean"));
    let missing = ours.filter(|(_, url)| !SITES.iter().any(|site| url.starts_with(site)));
    let what =
        |url| format!("`{url}` does not exist: leave it out, or add its site to the tidy test");
    missing.map(|(line, url)| Offence::new(&file.path, line, what(url))).collect()
}

/// The URLs of a line, without their schemes.
fn urls(line: &str) -> impl Iterator<Item = &str> {
    let is_end = |letter: char| letter.is_whitespace() || "\"'`<>()[]".contains(letter);
    let after = line.match_indices("://").filter_map(|(at, colon)| {
        let is_web = line[..at].ends_with("http") || line[..at].ends_with("https");
        is_web.then(|| &line[at + colon.len()..])
    });
    after.map(move |rest| rest.split(is_end).next().unwrap_or(rest))
}

#[cfg(test)]
mod tests {
    use super::{MACHINE, in_code, in_names, in_reasons, in_texts, in_urls};
    use crate::tree::File;

    #[test]
    fn rejects_names_that_say_nothing() {
        for path in ["a/src/utils.rs", "a/src/helpers/b.rs", "a/tests/common/mod.rs"] {
            assert_eq!(in_names(&File::new(path, "")).len(), 1, "{path}");
        }
        assert_eq!(in_names(&File::new("a/src/b.rs", "pub mod misc {}")).len(), 1);
        assert!(in_names(&File::new("a/src/utility.rs", "mod common_ground;")).is_empty());
    }

    #[test]
    fn rejects_half_written_code_and_silenced_tests() {
        for text in ["todo!()", "unimplemented!(\"b\")", "use super::*;"] {
            assert_eq!(in_code(&File::new("a.rs", text)).len(), 1, "{text}");
        }
        assert!(in_code(&File::new("a.rs", "// todo!(\nlet a = \"#[ignore]\";")).is_empty());
    }

    #[test]
    fn rejects_a_test_that_is_left_out_for_no_need() {
        for text in ["#[ignore]", "#[ignore = \"slow\"]", "#[ignore = \"needs Redis\"]"] {
            assert_eq!(in_reasons(&File::new("a.rs", text)).len(), 1, "{text}");
        }
        let text = "#[ignore = \"needs Redis: cargo xtask test\"]";
        assert!(in_reasons(&File::new("a.rs", text)).is_empty());
    }

    #[test]
    fn rejects_a_url_of_this_project_that_does_not_exist() {
        let lines = |url: &str| {
            let text = format!("see\n[it](https://{url})\n");
            in_urls(&File::new("README.md", &text)).iter().map(|o| o.line).collect::<Vec<_>>()
        };
        assert_eq!(lines(&format!("github.com/{0}-rs/{0}-rs", "protean")), [2]);
        assert_eq!(lines(&format!("docs.rs/{}-rs", "protean")), [2]);
        assert!(lines("github.com/proteanhq/protean").is_empty());
        assert!(lines("semver.org/spec/v2.0.0.html) of protean").is_empty());
    }

    #[test]
    fn rejects_a_path_of_one_machine_in_any_text() {
        for name in MACHINE {
            let text = format!("see\n`/{name}/a/b`\n");
            let lines: Vec<_> =
                in_texts(&File::new("README.md", &text)).iter().map(|o| o.line).collect();
            assert_eq!(lines, [2], "{name}");
            let relative =
                format!("./{name}/a ../{name}/ a/{name}/b https://a.org/{name}/ {name}/");
            assert!(in_texts(&File::new("README.md", &relative)).is_empty(), "{name}");
        }
    }
}
