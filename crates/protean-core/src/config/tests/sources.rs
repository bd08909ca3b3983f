//! The program's own sources, to see what reads a setting.

use std::fs;
use std::path::{Path, PathBuf};

/// A source file outside the configuration, without its tests.
pub(super) struct Source {
    /// Its path below `crates`.
    pub(super) path: String,
    code: String,
}

impl Source {
    pub(super) fn new(path: &str, text: &str) -> Self {
        Self { path: path.to_owned(), code: code(text) }
    }

    /// Whether each of the words is in the code.
    pub(super) fn mentions(&self, words: &[&str]) -> bool {
        words.iter().all(|word| contains(&self.code, word))
    }
}

/// The root of the workspace.
pub(super) fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("a workspace").to_owned()
}

/// Every source of the workspace's crates, but the configuration and what is there for tests.
pub(super) fn sources() -> Vec<Source> {
    let crates = workspace().join("crates");
    let mut sources = Vec::new();
    for home in entries(&crates) {
        walk(&home.join("src"), &crates, &mut sources);
    }
    sources.sort_by(|a, b| a.path.cmp(&b.path));
    sources
}

fn walk(folder: &Path, crates: &Path, sources: &mut Vec<Source>) {
    for entry in entries(folder) {
        let path = entry.strip_prefix(crates).expect("a path below it");
        let path = path.to_string_lossy().replace('\\', "/");
        if entry.is_dir() {
            walk(&entry, crates, sources);
        } else if path.ends_with(".rs") && is_program(&path) {
            sources.push(Source::new(&path, &fs::read_to_string(&entry).expect("a text")));
        }
    }
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    entries.map(|entry| entry.expect("an entry").path()).collect()
}

fn is_program(path: &str) -> bool {
    let is_test = path.ends_with("tests.rs") || path.contains("/tests/");
    !is_test && !path.contains("testing/") && !path.starts_with("protean-core/src/config/")
}

/// The text without inline tests, comments and strings; a chain of calls is on one line.
fn code(text: &str) -> String {
    let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    let mut code = String::new();
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        let skipped = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if let Some(literal) = ["'\"'", "'\\\"'"].iter().find(|it| rest.starts_with(**it)) {
            literal.len()
        } else if next == '"' {
            length_of_string(&code, rest)
        } else {
            code.push(if next.is_whitespace() { ' ' } else { next });
            next.len_utf8()
        };
        rest = &rest[skipped..];
    }
    code.split_whitespace().collect::<Vec<_>>().join(" ").replace(" .", ".")
}

/// The length of the string that `rest` begins with; `before` tells whether it is a raw one.
fn length_of_string(before: &str, rest: &str) -> usize {
    let hashes = before.len() - before.trim_end_matches('#').len();
    if before.trim_end_matches('#').ends_with('r') {
        let end = format!("\"{}", "#".repeat(hashes));
        return rest[1..].find(&end).map_or(rest.len(), |at| 1 + at + end.len());
    }
    let mut escaped = false;
    for (at, letter) in rest.char_indices().skip(1) {
        match letter {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

/// Whether `word` is in `code` as a whole word; one that begins with a dot is a field.
fn contains(code: &str, word: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    code.match_indices(word).any(|(at, _)| {
        let (before, after) = (code[..at].chars().next_back(), &code[at + word.len()..]);
        !after.starts_with(is_part) && (word.starts_with('.') || !before.is_some_and(is_part))
    })
}

#[test]
fn only_code_mentions_a_setting() {
    let source = Source::new(
        "a.rs",
        "let b = config\n    .server\n    .lease; // .drain_timeout\nlet c = ('\"', r#\"\".reserved\"#);\n\
         let d = \"a \\\" .health\"; e.concurrency_limit;\n#[cfg(test)]\nmod tests { f.dlq; }",
    );
    assert!(source.mentions(&["server.lease", ".lease", "config"]));
    for word in [".drain_timeout", ".reserved", ".health", ".concurrency", ".dlq", "erver.lease"] {
        assert!(!source.mentions(&[word]), "{word}");
    }
}
