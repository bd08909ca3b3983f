//! Each promise is shown by tests that are there.

use crate::{Texts, texts};

const PAGE: &str = "docs/book/src/promises.md";
/// Below this heading stand sentences of the README.
const QUOTED: &str = "\n## The README\n";

/// The tests that the rows of a page name: line, file, name.
fn named(page: &str) -> Vec<(usize, String, String)> {
    let mut named = Vec::new();
    for (at, line) in page.lines().enumerate() {
        let Some(cell) = line.trim_end_matches('|').rsplit(" | ").next() else { continue };
        if !line.starts_with("| ") || line.starts_with("|---") {
            continue;
        }
        let mut file = String::new();
        for code in cell.split('`').skip(1).step_by(2) {
            if code.contains('/') {
                file = code.to_owned();
            } else {
                named.push((at + 1, file.clone(), code.to_owned()));
            }
        }
    }
    named
}

/// Why this is no test; nothing when it is.
fn fault(texts: &Texts, file: &str, name: &str) -> Option<String> {
    let Some(text) = texts.get(file).or_else(|| texts.get(&format!("crates/{file}"))) else {
        return Some(format!("there is no file '{file}'"));
    };
    let Some(at) = text.find(&format!("fn {name}(")) else {
        return Some(format!("'{file}' has no function `{name}`"));
    };
    let attributes = text[..at].rsplit_once("\n\n").map_or(&text[..at], |(_, last)| last);
    let is_marked = attributes.contains("#[test]") || attributes.contains("::test");
    // Suites list their tests by name: here, or in the file of the suite.
    let is_listed = |text: &String| {
        text.lines().any(|line| {
            !line.contains("fn ")
                && line.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == name)
        })
    };
    let suite =
        texts.iter().filter(|(path, _)| path.starts_with("crates/protean-conformance/src/"));
    if is_marked || is_listed(text) || suite.map(|(_, text)| text).any(is_listed) {
        return None;
    }
    Some(format!("`{name}` in '{file}' is not run as a test"))
}

fn faults(texts: &Texts, page: &str) -> Vec<String> {
    let named = named(page).into_iter();
    named
        .filter_map(|(at, file, name)| Some(format!("{at}: {}", fault(texts, &file, &name)?)))
        .collect()
}

/// The sentences of the page's section on the README that are not in it. It may go on where the page
/// ends a sentence.
fn misquoted(page: &str, readme: &str) -> Vec<String> {
    let section = page.split_once(QUOTED).map_or("", |(_, rest)| rest);
    let section = section.split("\n## ").next().unwrap_or(section);
    let rows = section.lines().filter(|line| line.starts_with("| ") && line.contains(".rs`: `"));
    let sentences = rows.filter_map(|row| row.split(" | ").next());
    let sentences = sentences.map(|cell| cell.trim_start_matches("| ").trim_end_matches('.'));
    let readme = readme.split_whitespace().collect::<Vec<_>>().join(" ");
    sentences.filter(|sentence| !readme.contains(sentence)).map(str::to_owned).collect()
}

#[test]
fn the_readme_says_what_the_promises_quote() {
    let texts = texts();
    let (page, readme) = (&texts[PAGE], &texts["README.md"]);
    assert!(page.contains(QUOTED), "{PAGE} has no section on the README");
    let misquoted = misquoted(page, readme);
    assert!(misquoted.is_empty(), "not in README.md:\n{}", misquoted.join("\n"));
}

#[test]
fn finds_a_sentence_that_the_readme_does_not_say() {
    let page = "\n## The README\n\n| sentence | tests |\n|---|---|\n| It is so. | `a.rs`: `b` |\n\
                | It was so. | `a.rs`: `b` |\n\n## More\n\n| Not here. | `a.rs`: `b` |\n";
    assert_eq!(misquoted(page, "Well, It\nis so: look."), ["It was so"]);
}

#[test]
fn every_promise_names_tests_that_are_there() {
    let texts = texts();
    let page = &texts[PAGE];
    assert!(named(page).len() > 100, "{} tests are named", named(page).len());
    let faults = faults(&texts, page);
    assert!(faults.is_empty(), "{PAGE}, {} rows:\n{}", faults.len(), faults.join("\n"));
    let rows = page.lines().filter(|line| line.starts_with("| ") && !line.starts_with("|---"));
    let empty: Vec<_> =
        rows.filter(|row| !row.ends_with("tests |") && !row.contains(".rs`: `")).collect();
    assert!(empty.is_empty(), "promises without a test: {empty:#?}");
}

#[test]
fn finds_a_promise_whose_test_is_gone_or_does_not_run() {
    let page = "| promise | tests |\n|---|---|\n| a | `a/b.rs`: `is_there`, `is_gone`, `is_no_test` |\n\
                | b | `a/c.rs`: `any` |\n";
    let text = "#[test]\nfn is_there() {}\n\nfn is_no_test() {}\n";
    let texts = Texts::from([("crates/a/b.rs".to_owned(), text.to_owned())]);
    let expected = [
        "3: 'a/b.rs' has no function `is_gone`",
        "3: `is_no_test` in 'a/b.rs' is not run as a test",
        "4: there is no file 'a/c.rs'",
    ];
    assert_eq!(faults(&texts, page), expected);
}
