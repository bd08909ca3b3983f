//! Every test of the workspace, with those that need a server.

use protean_test_servers::Python;

use crate::cargo;

/// Arguments of `cargo test` that choose among a package's targets.
const TARGETS: &[&str] =
    &["--lib", "--bin", "--bins", "--test", "--tests", "--example", "--examples", "--all-targets"];

/// Runs all tests, or what these arguments of `cargo test` choose.
pub(crate) fn run(arguments: &[String]) -> Result<(), String> {
    commands(arguments).iter().try_for_each(|words| test(words))
}

/// The words of each call of cargo. Examples in the documentation take a call of their own:
/// asked for ignored ones as well, rustdoc would run what is no example.
fn commands(arguments: &[String]) -> Vec<Vec<String>> {
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    if arguments.is_empty() {
        let all = ["test", "--workspace", "--all-targets", "--", "--include-ignored"];
        return vec![words(&all), words(&["test", "--workspace", "--doc"])];
    }
    let own = arguments.iter().take_while(|word| *word != "--");
    let chooses_targets = own.clone().any(|word| TARGETS.iter().any(|target| word == target));
    let mut chosen = words(if chooses_targets { &["test"] } else { &["test", "--all-targets"] });
    chosen.extend_from_slice(arguments);
    if !arguments.iter().any(|word| word == "--") {
        chosen.push("--".to_owned());
    }
    chosen.push("--include-ignored".to_owned());
    vec![chosen]
}

fn test(words: &[String]) -> Result<(), String> {
    let mut test = cargo::cargo();
    test.args(words);
    if std::env::var_os(Python::VARIABLE).is_none() {
        test.env(Python::VARIABLE, Python::home().join("bin/python"));
    }
    cargo::run(&mut test)
}

#[cfg(test)]
mod tests {
    use super::commands;

    fn shown(arguments: &[&str]) -> Vec<String> {
        let arguments: Vec<String> = arguments.iter().map(|word| (*word).to_owned()).collect();
        commands(&arguments).iter().map(|words| words.join(" ")).collect()
    }

    #[test]
    fn everything_is_every_target_and_every_example_in_the_documentation() {
        let all = "test --workspace --all-targets -- --include-ignored";
        assert_eq!(shown(&[]), [all, "test --workspace --doc"]);
    }

    #[test]
    fn a_choice_runs_with_the_tests_that_need_servers() {
        let expected = ["test --all-targets -p protean-redis -- --include-ignored"];
        assert_eq!(shown(&["-p", "protean-redis"]), expected);
        let expected = ["test --test faults -- loss --include-ignored"];
        assert_eq!(shown(&["--test", "faults", "--", "loss"]), expected);
    }
}
