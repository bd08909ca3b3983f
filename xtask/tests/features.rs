//! The tests compile every feature. A program for PostgreSQL does not link SQLite, and can depend
//! on other crates that do.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

const WORKSPACE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// A package whose features nothing else enables in a test does it itself, as a dependency of its
/// own tests.
#[test]
fn the_tests_compile_every_feature() {
    let members = |choice: &[&str]| {
        let words = ["tree", "--locked", "--offline", "--workspace", "--depth", "0"];
        let shown = ["--prefix", "none", "--format", "{p} {f}"];
        let tree = cargo(Path::new(WORKSPACE), &[&words[..], &shown, choice].concat());
        tree.lines().map(str::to_owned).collect::<BTreeSet<_>>()
    };
    let (every, tested) = (members(&["--all-features"]), members(&[]));
    assert!(every.iter().any(|member| member.ends_with("chrono,jiff")), "{every:?}");
    let untested: Vec<_> = every.difference(&tested).collect();
    assert!(untested.is_empty(), "no test compiles all of {untested:#?}: {tested:#?}");
}

#[test]
fn a_program_for_postgresql_links_no_sqlite() {
    let tree = |features: &[&str]| {
        let packages = ["-p", "protean-rs", "-p", "protean-cli"];
        let words =
            ["tree", "--locked", "--offline", "--edges", "normal,build", "--prefix", "none"];
        cargo(Path::new(WORKSPACE), &[&words[..], &packages, features].concat())
    };
    let links_sqlite = |tree: &str| tree.lines().any(|of| of.starts_with("libsqlite3-sys "));
    assert!(links_sqlite(&tree(&[])), "the default features have it, or else this sees nothing");
    let chosen = ["--no-default-features", "--features", "protean-rs/postgres,protean-rs/redis"];
    let tree = tree(&chosen);
    assert!(tree.contains("tokio-postgres ") && !links_sqlite(&tree), "{tree}");
}

#[test]
#[ignore = "needs crates.io: cargo xtask test"]
fn sqlx_resolves_beside_a_program_for_postgresql() {
    let sqlx = [
        r#"sqlx = "0.9""#,
        r#"sqlx = { version = "0.9", features = ["postgres", "runtime-tokio"] }"#,
        r#"sqlx = { version = "0.9", features = ["postgres", "runtime-tokio", "sqlite"] }"#,
    ];
    for (number, sqlx) in sqlx.into_iter().enumerate() {
        let program = program(&format!("beside-sqlx-{number}"), sqlx);
        cargo(&program, &["generate-lockfile"]);
        let tree = cargo(&program, &["tree", "--locked", "--prefix", "none"]);
        assert!(tree.contains("protean-postgres ") && tree.contains("sqlx "), "{tree}");
        assert!(!tree.contains("protean-sqlite "), "{tree}");
    }
}

/// A program for PostgreSQL outside of the workspace, with one more dependency.
fn program(name: &str, dependency: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let manifest = format!(
        r#"[package]
name = "{name}"
edition = "2024"

[workspace]

[dependencies]
protean = {{ package = "protean-rs", path = "{WORKSPACE}/crates/protean", default-features = false, features = ["postgres"] }}
protean-cli = {{ path = "{WORKSPACE}/crates/protean-cli", default-features = false }}
{dependency}
"#
    );
    std::fs::create_dir_all(folder.join("src")).unwrap();
    std::fs::write(folder.join("src/main.rs"), "fn main() {}\n").unwrap();
    std::fs::write(folder.join("Cargo.toml"), manifest).unwrap();
    folder
}

/// The output of cargo.
fn cargo(folder: &Path, words: &[&str]) -> String {
    let output = Command::new(env!("CARGO")).current_dir(folder).args(words).output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "cargo {words:?} in {}: {errors}", folder.display());
    String::from_utf8(output.stdout).unwrap()
}
