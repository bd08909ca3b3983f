//! The table of contents of the book and its pages agree.

use crate::{Texts, markdown, texts};

const PAGES: &str = "docs/book/src/";
const CONTENTS: &str = "docs/book/src/SUMMARY.md";

/// What the table of contents leaves out, names twice, or announces though it is there.
fn faults(texts: &Texts) -> Vec<String> {
    let contents = texts.get(CONTENTS).map_or("", String::as_str);
    let links = markdown::links(contents);
    let named: Vec<_> = links.iter().map(|(_, link)| format!("{PAGES}{link}")).collect();
    let pages = texts
        .keys()
        .filter(|path| path.starts_with(PAGES) && path.ends_with(".md") && *path != CONTENTS);
    let times = |page: &String| named.iter().filter(|name| *name == page).count();
    let wrong = pages.filter_map(|page| match times(page) {
        0 => Some(format!("{page} is not in SUMMARY.md")),
        1 => None,
        times => Some(format!("{page} is in SUMMARY.md {times} times")),
    });
    wrong.collect()
}

#[test]
fn every_page_is_in_the_table_of_contents_once() {
    let faults = faults(&texts());
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn finds_a_page_that_is_left_out_and_one_that_stands_twice() {
    let page = |name: &str, text: &str| (format!("{PAGES}{name}"), text.to_owned());
    let contents = "- [A](a.md)\n- [Later]()\n- [B](b.md)\n  - [B again](b.md)\n";
    let pages =
        [page("SUMMARY.md", contents), page("a.md", ""), page("b.md", ""), page("c.md", "")];
    let expected =
        ["docs/book/src/b.md is in SUMMARY.md 2 times", "docs/book/src/c.md is not in SUMMARY.md"];
    assert_eq!(faults(&Texts::from(pages)), expected);
}
