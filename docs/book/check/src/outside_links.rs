//! A preprocessor of mdBook, which mends links that work in the repository and not in the site.
//!
//! * A link that leads out of the book, to a decision or an example, becomes the path of its file:
//!   the site does not have those files.
//! * A link to a `README.md` of the book leads to `index.md`: mdBook renames that page, and not the
//!   links to it.

use std::io::{self, Read as _, Write as _};
use std::process::ExitCode;

use serde_json::Value;

/// Where the pages are, below the workspace.
const PAGES: &str = "docs/book/src";

fn main() -> ExitCode {
    // mdBook asks first whether the renderer is supported: all are.
    if std::env::args().nth(1).is_some_and(|word| word == "supports") {
        return ExitCode::SUCCESS;
    }
    match rewritten() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("outside-links: {error}");
            ExitCode::FAILURE
        }
    }
}

fn rewritten() -> io::Result<()> {
    let mut input = String::new();
    io::stdin().read_to_string(&mut input)?;
    // mdBook gives the context and the book, and expects the book.
    let (_, mut book): (Value, Value) = serde_json::from_str(&input)?;
    rewrite(&mut book);
    io::stdout().write_all(book.to_string().as_bytes())
}

/// Rewrites the content of each chapter below.
fn rewrite(value: &mut Value) {
    match value {
        Value::Array(values) => values.iter_mut().for_each(rewrite),
        Value::Object(members) => {
            let path = members.get("path").and_then(Value::as_str).map(str::to_owned);
            if let (Some(path), Some(Value::String(content))) = (path, members.get_mut("content")) {
                *content = mended(&path, content);
            }
            members.values_mut().for_each(rewrite);
        }
        _ => {}
    }
}

/// The page with `text (path)` for each link that leads out of the book, and links to each
/// `README.md` under the name that it has in the site.
fn mended(page: &str, content: &str) -> String {
    let mut left = String::with_capacity(content.len());
    let mut rest = content;
    while let Some(at) = rest.find("](") {
        let end = rest[at..].find(')').map_or(rest.len(), |end| at + end);
        let target = outside(page, &rest[at + 2..end]);
        let open = rest[..at].rfind('[').filter(|open| !rest[*open..at].contains('\n'));
        if let (Some(target), Some(open)) = (target, open) {
            left.push_str(&rest[..open]);
            left.push_str(&rest[open + 1..at]);
            left.push_str(&format!(" (`{target}`)"));
            rest = rest.get(end + 1..).unwrap_or_default();
        } else {
            left.push_str(&rest[..at + 2]);
            left.push_str(&in_site(&rest[at + 2..end]));
            rest = &rest[end..];
        }
    }
    left + rest
}

/// A link that stays in the book, or leads to another site, as the site has it.
fn in_site(link: &str) -> String {
    let (path, anchor) = link.split_at(link.find('#').unwrap_or(link.len()));
    match path.strip_suffix("README.md") {
        Some(folder) if !path.contains("://") => format!("{folder}index.md{anchor}"),
        _ => link.to_owned(),
    }
}

/// The path below the workspace of a link that leads out of the book.
fn outside(page: &str, link: &str) -> Option<String> {
    if link.contains("://") {
        return None;
    }
    let path = format!("{PAGES}/{page}");
    let mut parts: Vec<&str> = path.split('/').collect();
    parts.pop();
    for part in link.split('#').next()?.split('/') {
        match part {
            ".." => drop(parts.pop()),
            "" | "." => {}
            name => parts.push(name),
        }
    }
    let target = parts.join("/");
    (!target.starts_with(PAGES)).then_some(target)
}

#[test]
fn a_link_out_of_the_book_becomes_a_path_and_others_stay() {
    let page = "See [ADR 9](../../../adr/README.md), [lanes](lanes.md#x) and [it](https://a.org/../../b).\n";
    let expected =
        "See ADR 9 (`docs/adr/README.md`), [lanes](lanes.md#x) and [it](https://a.org/../../b).\n";
    assert_eq!(mended("explanation/a.md", page), expected);
    let mut book = serde_json::json!({"items": [{"Chapter": {"path": "a.md", "content": "[b](../../../b.md)",
        "sub_items": [{"Chapter": {"path": "c/d.md", "content": "[e](../a.md)"}}]}}]});
    rewrite(&mut book);
    assert_eq!(book["items"][0]["Chapter"]["content"], "b (`b.md`)");
    assert_eq!(book["items"][0]["Chapter"]["sub_items"][0]["Chapter"]["content"], "[e](../a.md)");
}

#[test]
fn a_link_to_a_readme_leads_to_the_page_that_the_site_has() {
    let page = "[a](../tutorial/README.md#b), [c](README.md) and [d](https://a.org/README.md)\n";
    let expected = "[a](../tutorial/index.md#b), [c](index.md) and [d](https://a.org/README.md)\n";
    assert_eq!(mended("guide/a.md", page), expected);
}
