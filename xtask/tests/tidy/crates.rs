//! Each crate depends only on crates below it.

use crate::offence::Offence;
use crate::tree::File;

/// Each crate with those of ours that it may depend on.
const BELOW: &[(&str, &[&str])] = &[
    ("protean-port", &[]),
    ("protean-macros", &[]),
    ("protean-core", &["protean-port"]),
    ("protean-sql", &["protean-port"]),
    ("protean-sqlite", &["protean-port", "protean-sql"]),
    ("protean-postgres", &["protean-port", "protean-sql"]),
    ("protean-redis", &["protean-port"]),
    ("protean-otlp", &["protean-port"]),
    ("protean-engine", &["protean-core", "protean-port"]),
    ("protean-observatory", &["protean-core", "protean-engine", "protean-port"]),
    ("protean-testing", &["protean-core", "protean-port"]),
    ("protean-conformance", &["protean-port"]),
    ("protean-test-servers", &[]),
    (
        "protean",
        &[
            "protean-core",
            "protean-port",
            "protean-macros",
            "protean-engine",
            "protean-observatory",
            "protean-sqlite",
            "protean-postgres",
            "protean-redis",
            "protean-otlp",
            "protean-testing",
        ],
    ),
    ("protean-cli", &["protean-rs", "protean-engine", "protean-observatory"]),
];

const EXAMPLES: &[&str] = &["protean-rs", "protean-cli"];

/// The benchmarks run a server in their own process as well, on the domain of an example,
/// and databases and brokers of their own.
const BENCHES: &[&str] =
    &["protean-rs", "protean-cli", "protean-engine", "protean-test-servers", "fidelis"];

const XTASK: &[&str] = &["protean-test-servers"];

/// `[dependencies]` names only crates below; what only tests need is free.
pub(crate) fn depend_only_downwards(file: &File) -> Vec<Offence> {
    let Some(home) = file.path.strip_suffix("/Cargo.toml") else { return Vec::new() };
    let allowed = match home.split_once('/') {
        Some(("examples", _)) => EXAMPLES,
        None if home == "benches" => BENCHES,
        None if home == "xtask" => XTASK,
        Some(("crates", folder)) => match BELOW.iter().find(|(name, _)| *name == folder) {
            Some((_, allowed)) => allowed,
            None => {
                let what = "an unknown crate: say in the tidy test what it may depend on";
                return vec![Offence::new(&file.path, 1, what)];
            }
        },
        _ => return Vec::new(),
    };
    let ours = dependencies(&file.text).into_iter().filter(|(_, name)| !allowed.contains(&&**name));
    let what = |name| format!("depends on `{name}`, which is not below it: turn the need around");
    ours.map(|(line, name)| Offence::new(&file.path, line, what(name))).collect()
}

/// The packages of this workspace that a manifest depends on, each with its line.
fn dependencies(manifest: &str) -> Vec<(usize, String)> {
    let mut section = String::new();
    let mut found = Vec::new();
    for (at, line) in manifest.lines().enumerate().map(|(at, line)| (at + 1, line.trim())) {
        if let Some(header) = line.strip_prefix('[').and_then(|line| line.split(']').next()) {
            section = header.to_owned();
            if let Some((table, name)) = section.rsplit_once('.').filter(|(t, _)| counts(t)) {
                found.extend(ours(name, table).map(|name| (at, name)));
            }
        } else if counts(&section) {
            let key = line.split(['.', '=', ' ']).next().unwrap_or(line);
            found.extend(ours(key, line).map(|name| (at, name)));
        } else if line.starts_with("package")
            && section.rsplit_once('.').is_some_and(|(t, _)| counts(t))
        {
            found.extend(ours("", line).map(|name| (at, name)));
        }
    }
    found
}

/// Whether what stands below this header ends in the crate itself.
fn counts(section: &str) -> bool {
    matches!(section.rsplit('.').next(), Some("dependencies" | "build-dependencies"))
}

/// The package behind a key, when it is one of this workspace.
fn ours(key: &str, value: &str) -> Option<String> {
    let renamed = value.split_once("package").and_then(|(_, rest)| rest.split('"').nth(1));
    let name = match renamed.unwrap_or(key) {
        "protean" => "protean-rs",
        name => name,
    };
    let mut words = value.split(|letter: char| !letter.is_alphanumeric() && letter != '_');
    (name.starts_with("protean-") || words.any(|word| word == "path")).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::depend_only_downwards;
    use crate::tree::File;

    fn lines(path: &str, text: &str) -> Vec<usize> {
        depend_only_downwards(&File::new(path, text)).iter().map(|o| o.line).collect()
    }

    #[test]
    fn rejects_an_engine_that_names_an_adapter() {
        let text = "[dependencies]\nprotean-core.workspace = true\nprotean-sqlite = { workspace = true }\n";
        assert_eq!(lines("crates/protean-engine/Cargo.toml", text), [3]);
    }

    #[test]
    fn rejects_a_core_that_names_the_facade_in_any_spelling() {
        let core = "crates/protean-core/Cargo.toml";
        assert_eq!(lines(core, "[dependencies]\nprotean.workspace = true"), [2]);
        assert_eq!(lines(core, "[dependencies.protean-rs]\nworkspace = true"), [1]);
        assert_eq!(lines(core, "[dependencies]\nx = { package = \"protean-cli\" }"), [2]);
        assert_eq!(lines(core, "[dependencies.x]\npackage = \"protean-cli\""), [2]);
        assert_eq!(lines(core, "[target.'cfg(unix)'.dependencies]\nprotean-engine = \"1\""), [2]);
        assert_eq!(lines(core, "[dependencies]\nfidelis = { path = \"../x\" }"), [2]);
    }

    #[test]
    fn rejects_an_example_that_reaches_behind_the_facade_and_an_unknown_crate() {
        let text = "[dependencies]\nprotean-core.workspace = true";
        assert_eq!(lines("examples/fidelis/Cargo.toml", text), [2]);
        assert_eq!(lines("benches/Cargo.toml", text), [2]);
        assert_eq!(lines("crates/protean-attic/Cargo.toml", ""), [1]);
    }

    #[test]
    fn what_is_below_and_what_only_tests_need_is_free() {
        let text = "[dependencies]\nprotean-port.workspace = true\nserde.workspace = true\n\
                    [dev-dependencies]\nprotean-testing.workspace = true\n";
        assert!(lines("crates/protean-sqlite/Cargo.toml", text).is_empty());
        let text = "[dependencies]\nprotean.workspace = true\nprotean-cli.workspace = true\n\
                    serde_path_to_error.workspace = true\n";
        assert!(lines("examples/bookshelf/Cargo.toml", text).is_empty());
    }
}
