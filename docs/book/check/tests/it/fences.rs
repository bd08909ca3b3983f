//! The blocks of code of a page.

use std::fs;
use std::path::{Path, PathBuf};

/// A block of code between two fences.
#[derive(Debug, PartialEq)]
pub(crate) struct Block {
    /// The path below the workspace of the page that it is on.
    pub(crate) page: String,
    /// The line of its first fence.
    pub(crate) line: usize,
    /// What stands behind the first fence: `rust`, `toml`, `sh`, …
    pub(crate) language: String,
    pub(crate) code: String,
}

impl Block {
    /// `page:line`, for messages.
    pub(crate) fn place(&self) -> String {
        format!("{}:{}", self.page, self.line)
    }
}

pub(crate) fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../..")
}

/// The text of a file below the workspace.
pub(crate) fn read(path: &str) -> String {
    fs::read_to_string(workspace().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The README and the pages of the book, by their paths below the workspace.
pub(crate) fn pages() -> Vec<String> {
    let mut pages = vec!["README.md".to_owned()];
    find("docs/book/src", &mut pages);
    pages.sort();
    pages
}

fn find(folder: &str, pages: &mut Vec<String>) {
    for entry in fs::read_dir(workspace().join(folder)).unwrap() {
        let entry = entry.unwrap();
        let path = format!("{folder}/{}", entry.file_name().to_string_lossy());
        if entry.file_type().unwrap().is_dir() {
            find(&path, pages);
        } else if path.ends_with(".md") {
            pages.push(path);
        }
    }
}

/// Every block of the README and the book.
pub(crate) fn all() -> Vec<Block> {
    pages().iter().flat_map(|page| blocks(page, &read(page))).collect()
}

/// The blocks of one page.
pub(crate) fn blocks(page: &str, text: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut open: Option<(String, Block)> = None;
    for (at, line) in text.lines().enumerate() {
        let start = line.trim_start();
        let ticks: String = start.chars().take_while(|c| *c == '`').collect();
        if let Some((fence, mut block)) = open.take() {
            if start.trim_end() == fence {
                blocks.push(block);
            } else {
                block.code += line;
                block.code.push('\n');
                open = Some((fence, block));
            }
        } else if ticks.len() >= 3 {
            let language = start[ticks.len()..].trim().to_owned();
            let (page, line) = (page.to_owned(), at + 1);
            open = Some((ticks, Block { page, line, language, code: String::new() }));
        }
    }
    blocks
}

#[test]
fn a_page_has_its_blocks() {
    let text = "a\n```rust\nfn a() {}\n```\n- b\n\n  ```sh\n  c\n  ```\n````\n```\n````\n";
    let found = blocks("x.md", text);
    let found: Vec<_> =
        found.iter().map(|b| (b.line, b.language.as_str(), b.code.as_str())).collect();
    assert_eq!(found, [(2, "rust", "fn a() {}\n"), (7, "sh", "  c\n"), (10, "", "```\n")]);
}
