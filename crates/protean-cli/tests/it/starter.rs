//! Creating a new domain.

use std::path::Path;
use std::process::Command;

use crate::call::{Place, Said};

const CHECKOUT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// The lines of a manifest with Protean's packages, by the place that each names.
fn sources(manifest: &Path) -> Vec<String> {
    let manifest = std::fs::read_to_string(manifest).unwrap();
    let lines = manifest.lines().filter(|line| line.starts_with("protean"));
    lines.map(str::to_owned).collect()
}

#[test]
fn a_new_domain_uses_the_checkout_that_the_program_was_built_from_and_says_so() {
    let place = Place::nowhere();
    let said = place.call(&["new", "shop"]);
    let checkout = Path::new(CHECKOUT).canonicalize().unwrap();
    let uses = format!("uses the checkout of Protean in {}, which this", checkout.display());
    assert!(said.code == Some(0) && said.out.contains(&uses), "{said:?}");
    let path = |folder| format!("path = \"{}/crates/{folder}\"", checkout.display());
    let expected = [
        format!("protean = {{ package = \"protean-rs\", {} }}", path("protean")),
        format!("protean-cli = {{ {} }}", path("protean-cli")),
        format!("protean-testing = {{ {} }}", path("protean-testing")),
    ];
    assert_eq!(sources(&place.folder().join("shop/Cargo.toml")), expected);
    let lock = std::fs::read(place.folder().join("shop/Cargo.lock")).unwrap();
    assert!(lock == std::fs::read(checkout.join("Cargo.lock")).unwrap());
}

#[test]
fn a_new_domain_depends_on_the_published_packages_if_asked() {
    let place = Place::nowhere();
    let said = place.call(&["new", "shop", "--registry"]);
    assert!(said.code == Some(0) && said.out.contains("from the registry"), "{said:?}");
    let version = env!("CARGO_PKG_VERSION");
    let expected = [
        format!("protean = {{ package = \"protean-rs\", version = \"{version}\" }}"),
        format!("protean-cli = {{ version = \"{version}\" }}"),
        format!("protean-testing = {{ version = \"{version}\" }}"),
    ];
    assert_eq!(sources(&place.folder().join("shop/Cargo.toml")), expected);
    assert!(!place.folder().join("shop/Cargo.lock").exists());
}

#[test]
fn a_new_domain_lies_where_it_is_asked_for() {
    let place = Place::nowhere();
    std::fs::create_dir(place.folder().join("work")).unwrap();
    let said = place.call(&["new", "work/corner-shop"]);
    assert!(said.code == Some(0) && said.out.contains("cd work/corner-shop"), "{said:?}");
    let read = |file| std::fs::read_to_string(place.folder().join("work/corner-shop").join(file));
    assert!(read("src/main.rs").unwrap().contains("run_with(corner_shop::domain(), run)"));
    assert!(read("domain.toml").unwrap().contains("sqlite:corner-shop.db"));
    assert!(read("README.md").unwrap().starts_with("# corner-shop\n"));
}

#[test]
fn a_new_domain_inside_a_workspace_is_not_a_part_of_it() {
    let place = Place::nowhere();
    let inside = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let folder = inside.path().join("shop");
    let said = place.call(&["new", folder.to_str().unwrap()]);
    assert_eq!(said.code, Some(0), "{said:?}");
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["metadata", "--no-deps", "--format-version=1", "--offline"]);
    let said = Said::of(cargo.current_dir(&folder));
    assert!(said.code == Some(0) && said.out.contains("\"name\":\"shop\""), "{said:?}");
}

#[test]
fn a_new_domain_overwrites_nothing() {
    let place = Place::nowhere();
    assert_eq!(place.call(&["new", "shop"]).code, Some(0));
    for (words, expected) in [
        (["new", "shop"].as_slice(), "the folder 'shop' exists already"),
        (&["new", "a/.."], "'' cannot be the name of a domain"),
        (&["new", "7"], "'7' cannot be the name of a domain"),
        (&["new", "protean"], "'protean' cannot be the name of a domain: the name is taken"),
        (&["new", "axum"], "'axum' cannot be the name of a domain: the name is taken"),
        (&["new", "proc-macro"], "'proc-macro' cannot be the name of a domain: the name is taken"),
        (&["new", "other", "--path", "shop"], "'shop' is not a checkout of Protean"),
        (&["new", "other", "--path", CHECKOUT, "--registry"], "cannot be used with"),
        (&["new"], "<NAME>"),
    ] {
        let said = place.call(words);
        assert!(said.code == Some(2) && said.err.contains(expected), "{words:?}: {said:?}");
    }
    assert!(!place.folder().join("other").exists());
}
