//! What is published can be found, built and used by somebody who has only the registry.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::path::Path;
use std::process::Command;

use serde_json::Value;

const WORKSPACE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
/// Those of the registry's categories that fit.
const CATEGORIES: &[&str] = &[
    "asynchronous",
    "command-line-utilities",
    "concurrency",
    "database",
    "development-tools::debugging",
    "development-tools::testing",
    "rust-patterns",
    "web-programming::http-server",
];

#[test]
fn every_package_says_what_it_is() {
    for package in published() {
        let name = &package["name"];
        let texts = |key: &str| -> Vec<String> {
            let texts = package[key].as_array().unwrap().iter();
            texts.map(|text| text.as_str().unwrap().to_owned()).collect()
        };
        assert!(package["description"].as_str().is_some_and(|text| text.len() > 20), "{name}");
        let keywords = texts("keywords");
        assert!((1..=5).contains(&keywords.len()), "{name}: {keywords:?}");
        assert!(keywords.iter().all(|word| word.len() <= 20), "{name}: {keywords:?}");
        let categories = texts("categories");
        let is_known = |category: &String| CATEGORIES.contains(&category.as_str());
        assert!(
            !categories.is_empty() && categories.iter().all(is_known),
            "{name}: {categories:?}"
        );
        assert_eq!(package["license"], "MIT OR Apache-2.0", "{name}");
        assert_eq!(package["readme"], "README.md", "{name}");
        assert!(
            package["metadata"]["docs"]["rs"].is_object(),
            "{name} has no settings for docs.rs"
        );
    }
}

#[test]
fn every_package_has_its_readme_and_its_licences() {
    let root = |file: &str| std::fs::read_to_string(Path::new(WORKSPACE).join(file)).unwrap();
    let licences = ["LICENSE-MIT", "LICENSE-APACHE"];
    for package in published() {
        let name = package["name"].as_str().unwrap();
        let list = ["package", "--list", "--allow-dirty", "--offline", "--package", name];
        let list = cargo(&list);
        for file in licences.into_iter().chain(["README.md"]) {
            assert!(list.lines().any(|line| line == file), "{name} has no {file}:\n{list}");
        }
        let folder = Path::new(package["manifest_path"].as_str().unwrap()).parent().unwrap();
        for licence in licences {
            assert!(std::fs::read_to_string(folder.join(licence)).unwrap() == root(licence));
        }
    }
}

/// `cargo xtask package` also builds each from what is packed here.
#[test]
fn the_packages_can_be_packed_against_each_other() {
    let packages = published();
    let names = packages.iter().map(|package| package["name"].as_str().unwrap());
    let words = ["package", "--quiet", "--no-verify", "--allow-dirty", "--offline"];
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("packed");
    let place = ["--target-dir", folder.to_str().unwrap()];
    let chosen = names.flat_map(|name| ["--package", name]);
    cargo(&words.into_iter().chain(place).chain(chosen).collect::<Vec<_>>());
    for package in &packages {
        let (name, version) = (package["name"].as_str().unwrap(), package["version"].as_str());
        let packed = folder.join(format!("package/{name}-{}.crate", version.unwrap()));
        assert!(packed.is_file(), "{}", packed.display());
    }
}

/// In the registry a path means nothing, and dependencies of tests in a circle cannot be published.
#[test]
fn packages_depend_on_each_other_by_their_version_and_for_tests_by_their_path() {
    let published = published();
    let mut seen = 0;
    for package in &published {
        let (name, version) = (&package["name"], package["version"].as_str().unwrap());
        let dependencies = package["dependencies"].as_array().unwrap().iter();
        for dependency in dependencies.filter(|dependency| dependency["path"].is_string()) {
            let (on, requirement) = (&dependency["name"], &dependency["req"]);
            if dependency["kind"] == "dev" {
                assert_eq!(requirement, "*", "{name} on {on}: leave the version out");
            } else {
                assert_eq!(*requirement, format!("={version}"), "{name} on {on}");
                assert!(published.iter().any(|other| other["name"] == *on), "{name} on {on}");
                seen += 1;
            }
        }
    }
    assert!(seen > 10, "{seen} dependencies");
}

#[test]
fn no_package_names_a_repository_that_does_not_exist() {
    for package in published() {
        for key in ["repository", "homepage", "documentation"] {
            assert!(package[key].is_null(), "{}: {key} is {}", package["name"], package[key]);
        }
    }
}

/// With an older toolchain in its file, the workspace would not build; with a later one, nobody
/// would try the minimum.
#[test]
fn the_toolchain_is_stable_or_the_minimum_version_of_rust() {
    let minimum = minimum_version();
    let toolchain =
        std::fs::read_to_string(Path::new(WORKSPACE).join("rust-toolchain.toml")).unwrap();
    let channel = toolchain.lines().find_map(|line| line.strip_prefix("channel = ")).unwrap();
    let channel = channel.trim_matches('"');
    let is_minimum = channel == minimum || channel.starts_with(&format!("{minimum}."));
    assert!(channel == "stable" || is_minimum, "{channel} beside rust-version {minimum}");
    let readme = std::fs::read_to_string(Path::new(WORKSPACE).join("README.md")).unwrap();
    assert!(readme.contains(&format!("Rust {minimum}")), "README.md names another version");
}

/// The `rust-version` of every package.
fn minimum_version() -> String {
    let version = published()[0]["rust_version"].as_str().unwrap().to_owned();
    for package in packages() {
        assert_eq!(package["rust_version"], *version, "{}", package["name"]);
    }
    version
}

fn packages() -> Vec<Value> {
    let metadata = cargo(&["metadata", "--no-deps", "--format-version=1", "--offline"]);
    let metadata: Value = serde_json::from_str(&metadata).unwrap();
    metadata["packages"].as_array().unwrap().clone()
}

fn published() -> Vec<Value> {
    let mut packages = packages();
    packages.retain(|package| package["publish"].is_null());
    assert!(packages.len() > 10, "{} packages", packages.len());
    packages
}

/// The output of cargo.
fn cargo(words: &[&str]) -> String {
    let output = Command::new(env!("CARGO")).current_dir(WORKSPACE).args(words).output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "cargo {words:?}: {errors}");
    String::from_utf8(output.stdout).unwrap()
}
