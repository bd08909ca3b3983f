//! What `protean` refuses, and with which message.

use crate::call::{Place, Said};

/// Asserts that the call fails with this exit code and a message with all of these parts.
#[track_caller]
fn is_refused(said: &Said, code: i32, parts: &[&str]) {
    assert_eq!((said.code, said.out.as_str()), (Some(code), ""), "{}", said.err);
    assert!(said.err.contains("error: "), "{}", said.err);
    for part in parts {
        assert!(said.err.contains(part), "no '{part}' in: {}", said.err);
    }
}

#[test]
fn a_missing_domain_is_refused_with_how_to_name_one() {
    let said = Place::workspace("").call(&["server"]);
    is_refused(&said, 2, &["no domain is named", "--domain=NAME", "PROTEAN_DOMAIN", "'fidelis'"]);
    is_refused(&Place::nowhere().call(&["server"]), 2, &["a path to the domain's binary"]);
    is_refused(&Place::nowhere().call(&["server", "--domain"]), 2, &["has no value"]);
}

#[test]
fn errors_are_printed_as_json_as_well() {
    let said = Place::nowhere().call(&["verify", "--json", "--domain=./nothing"]);
    assert!(said.code == Some(2) && said.err.contains("./nothing"), "{said:?}");
    assert!(said.out.contains("\"status\": \"error\""), "{said:?}");
}

#[test]
fn protean_itself_is_not_a_domain() {
    let place = Place::workspace("");
    let itself = env!("CARGO_BIN_EXE_protean");
    let said = Said::of(place.protean(&["server"]).env("PROTEAN_DOMAIN", itself));
    is_refused(&said, 2, &["no domain is named"]);
    assert!(!said.err.contains("protean-cli"), "{}", said.err);
    let said = place.call(&["server", "--domain=protean-cli"]);
    is_refused(&said, 2, &["this workspace has no package 'protean-cli'"]);
}

#[test]
fn an_unknown_package_is_refused_with_the_nearest_name() {
    let said = Place::workspace("crates").call(&["server", "--domain=fidelsi"]);
    is_refused(&said, 2, &["'fidelsi'", "did you mean --domain=fidelis?"]);
    let said = Place::workspace("").call(&["server", "--domain=zoo"]);
    is_refused(&said, 2, &["'zoo'", "the packages with a program are", "'fidelis'"]);
}

#[test]
fn a_package_is_refused_outside_a_workspace() {
    let said = Place::nowhere().call(&["server", "--domain=fidelis"]);
    is_refused(&said, 2, &["'fidelis'", "Cargo.toml", "give a path"]);
}

#[test]
fn a_path_must_lead_to_a_program() {
    let place = Place::package(&[("src/main.rs", "")]);
    let said = place.call(&["server", "--domain=./nothing"]);
    is_refused(&said, 2, &["'./nothing' cannot be started", "the path of a domain's binary"]);
    let said = place.call(&["server", "--domain=src/main.rs"]);
    is_refused(&said, 2, &["'src/main.rs' cannot be started", "can be executed"]);
}

#[test]
fn a_package_must_have_one_program_that_compiles() {
    let call = |files: &[(&str, &str)]| Place::package(files).call(&["server", "--domain=attic"]);
    let said = call(&[("src/lib.rs", "")]);
    is_refused(&said, 2, &["'attic' has no program", "src/main.rs"]);
    let said = call(&[("src/bin/a.rs", "fn main() {}"), ("src/bin/b.rs", "fn main() {}")]);
    is_refused(&said, 2, &["'a', 'b'", "default-run"]);
    let said = call(&[("src/main.rs", "fn main() { wrong }")]);
    is_refused(&said, 1, &["cannot find value `wrong`", "'attic' does not compile"]);
}

#[test]
fn prints_help_and_version() {
    let place = Place::nowhere();
    for words in [["--help"], ["-h"], ["help"]] {
        let said = place.call(&words);
        assert_eq!(said.code, Some(0), "{said:?}");
        assert!(said.out.contains("protean server --domain=fidelis"), "{said:?}");
    }
    let said = place.call(&["--version"]);
    assert!(said.code == Some(0) && said.out.contains(env!("CARGO_PKG_VERSION")), "{said:?}");
    let said = place.call(&[]);
    assert!(said.code == Some(2) && said.err.contains("--domain"), "{said:?}");
}
