//! What `protean` hands over to the bank's own program.

use serde_json::Value;

use crate::call::{Place, Said, eventually, fidelis};

#[test]
fn a_package_of_the_workspace_answers_as_its_program_does() {
    let place = Place::workspace("examples/bookshelf");
    let setup = Said::of(&mut place.program(fidelis(), &["db", "setup"]));
    assert_eq!(setup.code, Some(0), "{setup:?}");
    let words = ["subscriptions", "status", "--json"];
    let own = Said::of(&mut place.program(fidelis(), &words));
    for words in [
        ["subscriptions", "status", "--domain=fidelis", "--json"].as_slice(),
        &["--domain", "fidelis", "subscriptions", "status", "--json"],
    ] {
        let said = place.call(words);
        assert_eq!((said.code, report(&said)), (Some(0), report(&own)), "{said:?}");
        assert!(said.out.contains("\"status\": \"pass\""), "{said:?}");
    }
}

/// What a program reports, without what servers measure: those of other tests come and go.
fn report(said: &Said) -> Value {
    let mut report: Value = serde_json::from_str(&said.out).unwrap();
    assert!(report["data"]["production_measured"].take().is_array(), "{report}");
    report
}

#[test]
fn a_path_and_a_variable_name_a_domain() {
    let (place, fidelis) = (Place::nowhere(), fidelis().to_str().unwrap());
    let said = place.call(&["check", "--domain", fidelis]);
    assert_eq!(said.code, Some(0), "{said:?}");
    let mut protean = place.protean(&["check", "--json"]);
    let said = Said::of(protean.env("PROTEAN_DOMAIN", fidelis));
    assert!(said.code == Some(0) && said.out.contains("pass"), "{said:?}");
}

#[test]
fn the_command_line_wins_over_the_variable() {
    let place = Place::nowhere();
    let mut protean = place.protean(&["check", "--domain", fidelis().to_str().unwrap()]);
    let said = Said::of(protean.env("PROTEAN_DOMAIN", "./nothing"));
    assert_eq!(said.code, Some(0), "{said:?}");
}

#[test]
fn the_program_gets_the_words_and_sets_the_exit_code() {
    let (place, fidelis) = (Place::nowhere(), fidelis().to_str().unwrap());
    let said = place.call(&["db", "drop", "--domain", fidelis]);
    assert!(said.code == Some(2) && said.err.contains("--yes"), "{said:?}");
    let said = place.call(&["--domain", fidelis, "--help"]);
    assert!(said.code == Some(0) && said.out.contains("the domain 'fidelis'"), "{said:?}");
    let said = place.call(&["stats", "--domain", fidelis, "--", "--domain=other"]);
    assert!(said.code == Some(2) && said.err.contains("--domain=other"), "{said:?}");
}

#[cfg(unix)]
#[test]
fn a_signal_reaches_the_server() {
    use std::fs::{File, read_to_string};
    use std::process::Command;

    let (place, folder) = (Place::nowhere(), tempfile::tempdir().unwrap());
    let (out, log) = (folder.path().join("out"), folder.path().join("log"));
    let mut protean = place.protean(&["server", "--json", "--domain", fidelis().to_str().unwrap()]);
    protean.stdout(File::create(&out).unwrap()).stderr(File::create(&log).unwrap());
    let mut server = protean.spawn().unwrap();
    eventually(|| read_to_string(&log).unwrap().contains("ready"));
    let id = server.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
    let status = server.wait().unwrap();
    let output = read_to_string(&out).unwrap();
    assert!(status.success() && output.contains("SIGTERM"), "{status}: {output}");
}

#[test]
fn a_package_is_built_in_the_requested_profile() {
    let main = "fn main() { println!(\"{}\", cfg!(debug_assertions)) }";
    let place = Place::package(&[("src/bin/cellar.rs", main)]);
    let said = |words: &[&str]| place.call(words);
    assert_eq!(said(&["server", "--domain=attic"]).out, "true\n");
    assert_eq!(said(&["server", "--domain=cellar"]).out, "true\n");
    assert_eq!(said(&["--release", "server", "--domain=attic"]).out, "false\n");
}
