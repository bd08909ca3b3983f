//! A new domain.

use std::path::Path;
use std::process::Command;

use crate::call::{Place, Said};

const CHECKOUT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// Settings of this workspace, with which its compiled dependencies are taken as they are.
const PROFILE: [&str; 4] = [
    "--config=profile.dev.debug='line-tables-only'",
    "--config=profile.dev.package.'*'.opt-level=1",
    "--config=profile.dev.package.'*'.debug=false",
    "--offline",
];

/// The same folder each time, so that what was compiled for it is found again.
const FOLDER: &str = env!("CARGO_TARGET_TMPDIR");

#[test]
fn a_new_domain_passes_its_tests_and_answers() {
    let folder = Path::new(FOLDER).join("to-do");
    // It is there when the test ran before.
    let _ = std::fs::remove_dir_all(&folder);
    let place = Place::workspace(FOLDER);
    let said = place.call(&["new", "to-do", "--path", CHECKOUT]);
    assert!(said.code == Some(0) && said.out.contains("cd to-do"), "{said:?}");
    std::fs::copy(Path::new(CHECKOUT).join("Cargo.lock"), folder.join("Cargo.lock")).unwrap();
    // The folder lies in this workspace and is no part of it.
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
fn a_new_domain_takes_the_published_packages() {
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
    for (words, told) in [
        (["new", "shop"].as_slice(), "'shop' is there already"),
        (&["new", "a/b"], "cannot be called 'a/b'"),
        (&["new", "7"], "cannot be called '7'"),
        (&["new", "protean"], "cannot be called 'protean'"),
        (&["new", "other", "--path", "shop"], "'shop' is no checkout of Protean"),
        (&["new"], "<NAME>"),
    ] {
        let said = place.call(words);
        assert!(said.code == Some(2) && said.err.contains(told), "{words:?}: {said:?}");
    }
    assert!(!place.folder().join("other").exists());
}
