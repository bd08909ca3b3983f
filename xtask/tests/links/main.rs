//! Every link in the texts of this workspace leads somewhere.
//!
//! * `markdown`: the links and the headings of a page
//! * `book`: the table of contents of the book and its pages agree
//! * `promises`: each promise names tests that are there

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{fs, io};

mod book;
mod markdown;
mod promises;

/// Text files by their path below the workspace, with `/`.
pub(crate) type Texts = BTreeMap<String, String>;

/// What stands in a text and may name a page.
const MAY_NAME_A_PAGE: &[&str] = &["md", "rs", "toml", "yaml", "yml", "sh", "svg", "py", "json"];

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn texts() -> Texts {
    let mut texts = Texts::new();
    walk(&workspace(), "", &mut texts).expect("the workspace can be read");
    texts
}

fn walk(folder: &Path, prefix: &str, texts: &mut Texts) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let is_output = name == "target" || (name == "book" && prefix == "docs/book/");
        if is_output || name.starts_with(".git") || name == "__pycache__" {
            continue;
        }
        let path = format!("{prefix}{name}");
        if entry.file_type()?.is_dir() {
            walk(&entry.path(), &format!("{path}/"), texts)?;
        } else if MAY_NAME_A_PAGE.iter().any(|end| name.ends_with(&format!(".{end}"))) {
            texts.extend(fs::read_to_string(entry.path()).ok().map(|text| (path, text)));
        }
    }
    Ok(())
}

/// Each link of the pages that leads nowhere, with what is wrong.
fn broken_links(texts: &Texts, exists: impl Fn(&str) -> bool) -> Vec<String> {
    let pages = texts.iter().filter(|(path, _)| path.ends_with(".md"));
    let links = pages.flat_map(|(path, text)| {
        markdown::links(text).into_iter().map(move |link| (path.as_str(), link))
    });
    let broken = links.filter_map(|(page, (line, link))| {
        let fault = fault_of(texts, page, &link, &exists)?;
        Some(format!("{page}:{line}: `{link}` {fault}"))
    });
    broken.collect()
}

fn fault_of(
    texts: &Texts,
    page: &str,
    link: &str,
    exists: impl Fn(&str) -> bool,
) -> Option<String> {
    if link.contains("://") || link.starts_with("mailto:") || link.is_empty() {
        return None;
    }
    let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
    let target = if path.is_empty() { page.to_owned() } else { resolve(page, path) };
    if !exists(&target) {
        return Some(format!("leads to `{target}`, which does not exist"));
    }
    let is_known = |text: &String| markdown::anchors(text).iter().any(|known| known == anchor);
    if anchor.is_empty() || texts.get(&target).is_some_and(is_known) {
        return None;
    }
    Some(format!("leads to a heading that `{target}` does not have"))
}

/// The path below the workspace that a relative one means on this page.
fn resolve(page: &str, relative: &str) -> String {
    let mut parts: Vec<&str> = page.split('/').collect();
    parts.pop();
    for part in relative.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            name => parts.push(name),
        }
    }
    parts.join("/")
}

/// Each path below `docs/` that a text names and that is not there.
fn unknown_pages(texts: &Texts, exists: impl Fn(&str) -> bool) -> Vec<String> {
    let mut unknown = Vec::new();
    for (path, text) in texts.iter().filter(|(path, _)| !path.starts_with("xtask/tests/links/")) {
        for (at, line) in text.lines().enumerate() {
            let named = line.match_indices("docs/").filter_map(|(from, _)| page_at(line, from));
            let missing = named.filter(|name| !exists(name));
            unknown
                .extend(missing.map(|name| {
                    format!("{path}:{}: names `{name}`, which does not exist", at + 1)
                }));
        }
    }
    unknown
}

/// The path that begins here, unless it is a part of a longer one that leads elsewhere.
fn page_at(line: &str, from: usize) -> Option<&str> {
    let before = line[..from].trim_end_matches("../").chars().next_back();
    if before.is_some_and(|c| c.is_alphanumeric() || matches!(c, '/' | '-' | '_' | '.')) {
        return None;
    }
    let rest = &line[from..];
    let is_path = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '-' | '_' | '.');
    let end = rest.find(|c| !is_path(c)).unwrap_or(rest.len());
    let name = rest[..end].trim_end_matches(['.', '/']);
    (name != "docs").then_some(name)
}

#[test]
fn every_link_of_every_page_leads_somewhere() {
    let root = workspace();
    let broken = broken_links(&texts(), |path| root.join(path).exists());
    assert!(broken.is_empty(), "{} broken links:\n{}", broken.len(), broken.join("\n"));
}

#[test]
fn every_page_that_a_text_names_is_there() {
    let root = workspace();
    let unknown = unknown_pages(&texts(), |path| root.join(path).exists());
    assert!(unknown.is_empty(), "{} unknown pages:\n{}", unknown.len(), unknown.join("\n"));
}

#[test]
fn finds_a_missing_page_a_missing_heading_and_a_stale_name() {
    let page = "# A page\n\n[up](../b.md#two-words) [gone](c.md) [no](../b.md#three) [me](#a-page)\n\
                `[code](d.md)`\n\n```\n[code](d.md)\n```\n\n[out](https://example.org/x.md)\n";
    let texts = Texts::from([
        ("docs/a/page.md".to_owned(), page.to_owned()),
        ("docs/b.md".to_owned(), "# Two `words`!\n".to_owned()),
        ("src/lib.rs".to_owned(), "//! See `docs/b.md` and ../../docs/old.md.\n".to_owned()),
    ]);
    let exists = |path: &str| texts.contains_key(path);
    let expected = [
        "docs/a/page.md:3: `c.md` leads to `docs/a/c.md`, which does not exist",
        "docs/a/page.md:3: `../b.md#three` leads to a heading that `docs/b.md` does not have",
    ];
    assert_eq!(broken_links(&texts, exists), expected);
    let expected = ["src/lib.rs:1: names `docs/old.md`, which does not exist"];
    assert_eq!(unknown_pages(&texts, exists), expected);
}
