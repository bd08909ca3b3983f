//! Creating a new domain.

use std::path::Path;
use std::process::Command;

use crate::call::{Place, Said};

const CHECKOUT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// This workspace's build settings, so that its compiled dependencies are reused.
const PROFILE: [&str; 4] = [
    "--config=profile.dev.debug='line-tables-only'",
    "--config=profile.dev.package.'*'.opt-level=1",
    "--config=profile.dev.package.'*'.debug=false",
    "--offline",
];

/// The same folder each time, so that compiled code is reused.
const FOLDER: &str = env!("CARGO_TARGET_TMPDIR");

#[test]
fn a_new_domain_passes_its_tests_and_answers() {
    let folder = Path::new(FOLDER).join("to-do");
    // Left by an earlier run.
    let _ = std::fs::remove_dir_all(&folder);
    let place = Place::workspace(FOLDER);
    let said = place.call(&["new", "to-do", "--path", CHECKOUT]);
    assert!(said.code == Some(0) && said.out.contains("cd to-do"), "{said:?}");
    std::fs::copy(Path::new(CHECKOUT).join("Cargo.lock"), folder.join("Cargo.lock")).unwrap();
    // The folder lies inside this workspace but is not part of it.
    let manifest = std::fs::read_to_string(folder.join("Cargo.toml")).unwrap();
    std::fs::write(folder.join("Cargo.toml"), manifest + "\n[workspace]\n").unwrap();
    let target = Path::new(env!("CARGO_BIN_EXE_protean")).parent().unwrap().parent().unwrap();
    let cargo = |command: &str| {
        let mut cargo = Command::new(env!("CARGO"));
        cargo.arg(command).args(PROFILE).current_dir(&folder).env("CARGO_TARGET_DIR", target);
        cargo
    };
    let said = Said::of(&mut cargo("test"));
    assert!(said.code == Some(0) && said.out.contains("a_task_is_done_once ... ok"), "{said:?}");
    let said = Said::of(cargo("run").args(["--", "check", "--json"]));
    assert!(said.code == Some(0) && said.out.contains("\"status\": \"pass\""), "{said:?}");
}

#[test]
fn a_new_domain_depends_on_the_published_packages() {
    let place = Place::nowhere();
    assert_eq!(place.call(&["new", "shop"]).code, Some(0));
    let manifest = std::fs::read_to_string(place.folder().join("shop/Cargo.toml")).unwrap();
    let version = env!("CARGO_PKG_VERSION");
    for dependency in [
        format!("protean = {{ package = \"protean-rs\", version = \"{version}\" }}"),
        format!("protean-cli = {{ version = \"{version}\" }}"),
        format!("protean-testing = {{ version = \"{version}\" }}"),
    ] {
        assert!(manifest.contains(&dependency), "{manifest}");
    }
}

#[test]
fn a_new_domain_overwrites_nothing() {
    let place = Place::nowhere();
    assert_eq!(place.call(&["new", "shop"]).code, Some(0));
    for (words, expected) in [
        (["new", "shop"].as_slice(), "the folder 'shop' exists already"),
        (&["new", "a/b"], "'a/b' cannot be the name of a domain"),
        (&["new", "7"], "'7' cannot be the name of a domain"),
        (&["new", "protean"], "'protean' cannot be the name of a domain"),
        (&["new", "other", "--path", "shop"], "'shop' is not a checkout of Protean"),
        (&["new"], "<NAME>"),
    ] {
        let said = place.call(words);
        assert!(said.code == Some(2) && said.err.contains(expected), "{words:?}: {said:?}");
    }
    assert!(!place.folder().join("other").exists());
}
