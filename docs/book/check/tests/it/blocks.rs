//! Each block of code is compiled, run, or a part of a file that a test runs.

use protean::config::Config;

use crate::fences::{Block, all, blocks, read};

/// The folder of the programs that are only for pages.
const PROGRAMS: &str = "docs/book/check/tests/it/pages";

/// Pages that show other programs, too: files that a test compiles or runs.
const OTHER_PROGRAMS: &[(&str, &[&str])] = &[
    (
        "docs/book/src/guide/deploying.md",
        &[
            "docs/book/check/tests/it/roles.sql",
            "docs/book/check/tests/it/two_roles.sql",
            "docs/deploy/shop.service",
            "docs/deploy/Dockerfile",
            "docs/deploy/kubernetes.yaml",
        ],
    ),
    (
        "docs/book/src/guide/plain-sql.md",
        &[
            "crates/protean-engine/tests/plain_programs/enqueue.rs",
            "crates/protean-engine/tests/plain_programs/enqueue.py",
            "examples/orders/tests/it/checkout.rs",
        ],
    ),
    ("docs/book/src/tutorial/the-great-migration.md", &["examples/fidelis/src/account.rs"]),
    ("docs/book/src/guide/postgresql.md", &["docs/deploy/postgresql.conf"]),
    ("docs/book/src/guide/observatory.md", &["crates/protean-observatory/tests/it/mounted.rs"]),
    ("docs/book/src/guide/telemetry.md", &["examples/traced/src/http.rs"]),
    ("docs/book/src/guide/redis.md", &["examples/fidelis/tests/it/audit/audit.py"]),
    (
        "docs/book/src/tutorial/a-shop-that-ships.md",
        &[
            "examples/orders/src/lib.rs",
            "examples/orders/src/order.rs",
            "examples/orders/src/stock.rs",
            "examples/orders/src/fulfilment.rs",
            "examples/orders/src/report.rs",
            "examples/orders/tests/it/story.rs",
            "examples/orders/sqlx/src/main.rs",
            "examples/bookshelf/src/catalog.rs",
        ],
    ),
];

/// Pages that another test reads and runs from the first line to the last.
const RUN_BY: &[(&str, &str)] =
    &[("docs/book/src/guide/getting-started.md", "crates/protean-cli/tests/it/chapter.rs")];

/// Languages of blocks that are no code: what a program prints, and drawings.
const NO_CODE: &[&str] = &["text"];

/// Languages whose blocks are lines for a shell. A test of `protean-cli` reads those lines as
/// the programs do: `crates/protean-cli/src/book_tests.rs`.
const SHELL: &[&str] = &["sh", "console"];

/// What is wrong with a block, if anything is.
fn fault(block: &Block, compiled: &[String]) -> Option<String> {
    if let Some((page, test)) = RUN_BY.iter().find(|(page, _)| *page == block.page) {
        let name = page.rsplit('/').next().unwrap_or(page);
        return (!read(test).contains(name)).then(|| format!("is not read by {test}"));
    }
    match block.language.as_str() {
        "rust" if compiled.contains(&block.page) => None,
        "rust" | "python" | "sql" | "ini" | "yaml" | "dockerfile" => not_in_a_program(block),
        "toml" => unreadable(&block.code),
        "json" => serde_json::from_str::<serde_json::Value>(&block.code)
            .err()
            .map(|error| format!("is no JSON: {error}")),
        language if NO_CODE.contains(&language) || SHELL.contains(&language) => None,
        language => Some(format!("nothing compiles, runs or reads a block of '{language}'")),
    }
}

/// The pages whose blocks of Rust are run by rustdoc.
fn compiled() -> Vec<String> {
    let list = read("docs/book/check/src/lib.rs");
    let names = list.split('"').filter(|text| text.ends_with(".md"));
    let path = |name: &str| match name.trim_start_matches("../") {
        page if page.starts_with("src/") => format!("docs/book/{page}"),
        page => page.to_owned(),
    };
    names.map(path).collect()
}

/// The files that a page may show parts of.
fn programs_of(page: &str) -> Vec<String> {
    let name = page.rsplit('/').next().unwrap_or(page).trim_end_matches(".md").replace('-', "_");
    let own = format!("{PROGRAMS}/{name}.rs");
    let own = crate::fences::workspace().join(&own).exists().then_some(own);
    let others = OTHER_PROGRAMS.iter().filter(|(other, _)| *other == page);
    let others = others.flat_map(|(_, files)| files.iter().map(|file| (*file).to_owned()));
    own.into_iter().chain(others).collect()
}

/// The lines of a text that say something, without indentation.
fn lines(text: &str) -> String {
    let lines: Vec<_> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    lines.join("\n")
}

fn not_in_a_program(block: &Block) -> Option<String> {
    let files = programs_of(&block.page);
    let texts: Vec<_> = files.iter().map(|file| lines(&read(file))).collect();
    // An ellipsis stands for what is left out.
    let parts = block.code.split('…').map(lines);
    let missing = parts.into_iter().find(|part| !texts.iter().any(|text| text.contains(part)))?;
    Some(match files.as_slice() {
        [] => {
            format!("has no program: write '{PROGRAMS}/PAGE.rs', or add the page to 'src/lib.rs'")
        }
        files => format!("is not a part of {}:\n{missing}", files.join(", ")),
    })
}

/// Settings have to be read without a fault; a manifest or a lock file has to be TOML.
fn unreadable(text: &str) -> Option<String> {
    let is_manifest = text.contains("package = \"protean-rs\"") || text.contains("[dependencies]");
    if is_manifest || text.contains("[events.") {
        return text.parse::<toml::Table>().err().map(|error| format!("is no TOML: {error}"));
    }
    let faults = match text.split_once("\n[production.") {
        Some(_) => Config::parse("block", text, Some("production"), &secret).err(),
        None => Config::parse("block", text, None, &secret).err(),
    };
    let faults = faults?;
    let faults: Vec<_> = faults.iter().map(ToString::to_string).collect();
    Some(format!("is refused as settings: {}", faults.join("; ")))
}

/// Secrets have no default, so the environment has them.
fn secret(variable: &str) -> Option<String> {
    variable.contains("SECRET").then(|| "0123456789abcdef".to_owned())
}

#[test]
fn every_block_is_compiled_run_or_a_part_of_what_runs() {
    let compiled = compiled();
    let wrong = all().into_iter().filter_map(|block| {
        let fault = fault(&block, &compiled)?;
        Some(format!("{}: {fault}", block.place()))
    });
    let wrong: Vec<_> = wrong.collect();
    assert!(wrong.is_empty(), "{} blocks:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn finds_a_block_that_is_broken() {
    let page = "docs/book/src/guide/outcomes.md";
    let of = |language: &str, code: &str| {
        let text = format!("```{language}\n{code}\n```\n");
        fault(&blocks(page, &text)[0], &[])
    };
    let is = |found: Option<String>, start: &str| {
        assert!(found.as_ref().is_some_and(|found| found.starts_with(start)), "{found:?}");
    };
    is(of("rust", "let receipt = shop.forget();"), "is not a part of docs/book/check");
    is(of("toml", "[server]\nconcurency = 1"), "is refused as settings");
    is(of("json", "{"), "is no JSON");
    is(of("rust,ignore", "whatever"), "nothing compiles");
    is(of("cobol", "whatever"), "nothing compiles");
    is(of("", "no language"), "nothing compiles");
    assert_eq!(of("toml", "[server]\nconcurrency = 1"), None);
}
