//! The pages of the reference that people write name what the code has, and nothing else.

use std::collections::BTreeSet;
use std::fs;

use fidelis::account::OpenAccount;
use protean::message::{Category, DeadLetterEntry, Envelope, Positions};
use protean::port::Find;
use serde_json::Value;

use crate::fences::{blocks, read, workspace};

/// The names that stand between these words and the end of a name in the text of a file.
fn names_after<'a>(text: &'a str, words: &str) -> BTreeSet<&'a str> {
    let rests = text.split(words).skip(1);
    rests
        .map(|rest| rest.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap())
        .collect()
}

/// What of `names` is no word of anything that the page has in backticks.
fn missing<'a>(page: &str, names: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let text = read(page);
    let quoted = text.split('`').skip(1).step_by(2);
    let words = quoted.flat_map(|code| code.split(|c: char| !c.is_alphanumeric() && c != '_'));
    let words: BTreeSet<&str> = words.collect();
    names.into_iter().filter(|name| !words.contains(name)).collect()
}

/// The options that each attribute takes, from the source of the macros.
fn options() -> Vec<(String, Vec<String>)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(workspace().join("crates/protean-macros/src")).unwrap() {
        let text = fs::read_to_string(entry.unwrap().path()).unwrap();
        for known in text.split("place: ").skip(1).filter(|known| known.contains("names:")) {
            let Some((place, rest)) = known.split_once("names:") else { continue };
            let place = place.trim().trim_end_matches(',').trim_matches('"');
            let place = if place == "PLACE" { "#[process_manager_impl]" } else { place };
            let end = rest.find([']', ')']).unwrap_or(rest.len());
            let names = rest[..end].split('"').skip(1).step_by(2).map(str::to_owned).collect();
            if place.starts_with("#[") && !place.contains('\n') {
                found.push((place.to_owned(), names));
            }
        }
    }
    found
}

/// The options that the page names for an attribute.
fn named_options(page: &str, place: &str) -> BTreeSet<String> {
    let (rows, cell) = match place {
        "#[field]" => {
            (page.split("## `#[field]`").nth(1).unwrap().split("\n## ").next().unwrap(), 1)
        }
        _ => (page, 2),
    };
    let rows = rows.lines().filter(|line| line.starts_with("| `"));
    let rows = rows.filter(|row| cell == 1 || row.starts_with(&format!("| `{place}` |")));
    let cells = rows.filter_map(|row| row.split(" | ").nth(cell - 1));
    let words = cells.flat_map(|cell| cell.split('`').skip(1).step_by(2));
    let name = |word: &str| word.split([' ', '(']).next().unwrap_or(word).to_owned();
    words.map(name).collect()
}

#[test]
fn every_option_of_every_attribute_is_on_the_page() {
    let page = read("docs/book/src/reference/options.md");
    let options = options();
    assert!(options.len() >= 16, "{options:?}");
    for (place, names) in &options {
        let known: BTreeSet<String> = names.iter().cloned().collect();
        let named = named_options(&page, place);
        assert!(
            !known.is_empty() && known == named,
            "{place} takes {known:?}, and the page names {named:?}"
        );
    }
    let shared = read("crates/protean-macros/src/handler.rs");
    let shared = shared.split("macro_rules! options").nth(1).unwrap();
    let shared = shared.split("}").next().unwrap();
    let shared: Vec<_> = shared.split('"').skip(1).step_by(2).collect();
    assert!(shared.contains(&"profile"), "{shared:?}");
    assert_eq!(missing("docs/book/src/reference/options.md", shared), [""; 0]);
}

#[test]
fn every_predicate_of_an_error_is_on_the_page() {
    let text = read("crates/protean-port/src/error.rs");
    let methods = text.split("impl Error {").nth(1).unwrap();
    let methods = methods.split("\n}\n").next().unwrap();
    let names = names_after(methods, "pub fn ");
    assert!(names.contains("is_too_new"), "{names:?}");
    let hidden = ["after_commit"];
    let names = names.into_iter().filter(|name| !hidden.contains(name));
    let page = read("docs/book/src/reference/errors.md");
    let silent: Vec<_> = names.filter(|name| !page.contains(name)).collect();
    assert_eq!(silent, [""; 0], "the page says nothing of these methods of `Error`");
    let kinds = read("crates/protean-core/src/handling/failure.rs");
    let kinds = kinds.split("pub enum FailureKind {").nth(1).unwrap().split('}').next().unwrap();
    let kinds = kinds.lines().map(|line| line.trim().trim_end_matches(','));
    let kinds = kinds.filter(|line| line.starts_with(char::is_uppercase));
    let silent: Vec<_> = kinds.filter(|kind| !page.contains(&format!("`{kind}`"))).collect();
    assert_eq!(silent, [""; 0], "the page says nothing of these kinds of failure");
}

#[test]
fn every_method_of_a_query_is_on_the_page() {
    let page = "docs/book/src/reference/queries.md";
    for (file, ours) in [
        ("crates/protean-core/src/unit/selection.rs", "impl<T"),
        ("crates/protean-core/src/model/attribute.rs", "impl<"),
        ("crates/protean-core/src/model/condition.rs", "impl<"),
    ] {
        let text = read(file);
        let text = text.split("#[cfg(test)]").next().unwrap();
        assert!(text.contains(ours), "{file}");
        let methods = names_after(text, "    pub fn ").into_iter();
        let methods = methods.chain(names_after(text, "    pub async fn "));
        let methods: BTreeSet<_> = methods.chain(names_after(text, "    pub const fn ")).collect();
        assert!(methods.len() > 3, "{file}: {methods:?}");
        // What the macros call is not for people.
        let hidden = hidden_methods(text);
        let shown = methods.into_iter().filter(|name| !hidden.contains(name) && *name != "new");
        assert_eq!(missing(page, shown), [""; 0], "{file}");
    }
}

/// The methods that the documentation does not show.
fn hidden_methods(text: &str) -> BTreeSet<&str> {
    let hidden = text.split("#[doc(hidden)]").skip(1);
    hidden
        .filter_map(|rest| names_after(rest.get(..200).unwrap_or(rest), "fn ").into_iter().next())
        .collect()
}

#[test]
fn finds_what_a_page_does_not_name() {
    let page = "docs/book/src/reference/queries.md";
    assert_eq!(missing(page, ["filter", "filters", "fil"]), ["filters", "fil"]);
}

/// The names of all members of an object, with those of the objects in it.
fn members(value: &Value, prefix: &str, found: &mut BTreeSet<String>) {
    let Some(object) = value.as_object() else { return };
    for (name, value) in object {
        let path = format!("{prefix}{name}");
        // What belongs to the message is not the framework's.
        if path != "data" && path != "metadata.extensions" {
            members(value, &format!("{path}."), found);
        }
        found.insert(path);
    }
}

fn members_of(value: &Value) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    members(value, "", &mut found);
    found
}

#[tokio::test]
async fn the_entries_on_the_page_have_the_members_that_the_program_writes()
-> Result<(), Box<dyn std::error::Error>> {
    let bank = fidelis::configured("").in_memory().build()?;
    let (account_number, holder_name) = ("ACC-7".to_owned(), "Ada".to_owned());
    let open = OpenAccount { account_number, holder_name, opening_deposit: 100.into() };
    bank.process(open).synchronous().await?;
    let messages = bank.store().await?.find(Find::first(10)).await?;
    let opened =
        messages.iter().find(|m| m.message.type_name.to_string().contains("AccountOpened"));
    let entry = Envelope::of(opened.unwrap(), "fidelis")?.as_str().to_owned();
    let category = Category::named("fidelis::account");
    let positions =
        Positions { positions: vec![7], category, first_id: "fidelis::account-7-0".into() };
    let letter = DeadLetterEntry {
        original_stream: "fidelis::account".into(),
        original_id: "1-0".into(),
        consumer_group: "fidelis.AccountSummaryProjector".into(),
        consumer: "one".into(),
        failed_at: Some(bank.clock().now()),
        retry_count: 3,
        failure_reason: Some("it does not fit".into()),
        original: b"{}".to_vec(),
    };
    let page = "docs/book/src/reference/wire-format.md";
    let shown = blocks(page, &read(page)).into_iter().filter(|block| block.language == "json");
    let shown: Vec<Value> =
        shown.map(|block| serde_json::from_str(&block.code)).collect::<Result<_, _>>()?;
    let written = [entry, serde_json::to_string(&positions)?, letter.to_json()?];
    assert_eq!(shown.len(), written.len());
    for (shown, written) in shown.iter().zip(&written) {
        assert_eq!(members_of(shown), members_of(&serde_json::from_str(written)?));
    }
    Ok(())
}
