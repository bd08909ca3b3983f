//! `protean new`: creates a small domain to start from.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use protean_cli::{Error, Result};

/// The files of a new domain: path and template. `{name}` and the like are filled in.
const FILES: [(&str, &str); 7] = [
    ("Cargo.toml", include_str!("../../starter/manifest.toml")),
    ("domain.toml", include_str!("../../starter/domain.toml")),
    (".gitignore", "/target\n*.db*\n"),
    ("src/lib.rs", include_str!("../../starter/lib.rs")),
    ("src/main.rs", include_str!("../../starter/main.rs")),
    ("src/task.rs", include_str!("../../starter/task.rs")),
    ("tests/tasks.rs", include_str!("../../starter/tests.rs")),
];

/// The packages that a new domain depends on, each with its folder in this repository.
const PACKAGES: [(&str, &str); 3] = [
    ("protean", "crates/protean"),
    ("protean-cli", "crates/protean-cli"),
    ("protean-testing", "crates/protean-testing"),
];

/// The domain to create.
#[derive(Args)]
pub(crate) struct Options {
    /// The name of the domain and of its folder: letters, digits, '_' and '-'
    name: String,
    /// Uses a checkout of Protean's repository instead of the registry
    #[arg(long, value_name = "CHECKOUT")]
    path: Option<PathBuf>,
}

pub(crate) fn make(options: &Options) -> Result {
    let Options { name, path } = options;
    let folder = Path::new(name);
    check(name, folder)?;
    let dependencies = dependencies(path.as_deref())?;
    for (file, text) in FILES {
        let mut text = text.replace("{name}", name).replace("{crate}", &name.replace('-', "_"));
        for (package, source) in &dependencies {
            text = text.replace(&format!("{{{package}}}"), source);
        }
        write(&folder.join(file), &text)?;
    }
    // A closed stdout is not an error.
    let _ = writeln!(
        std::io::stdout(),
        "Created the domain '{name}'. Next:\n  cd {name}\n  cargo test\n  protean server --domain={name}"
    );
    Ok(ExitCode::SUCCESS)
}

fn check(name: &str, folder: &Path) -> Result<()> {
    let fits = |letter: char| letter.is_ascii_alphanumeric() || "_-".contains(letter);
    let begins = name.starts_with(|first: char| first.is_ascii_alphabetic());
    if !begins || !name.chars().all(fits) || PACKAGES.iter().any(|(package, _)| *package == name) {
        let message = format!("'{name}' cannot be the name of a domain");
        let advice = "begin with a letter, go on with letters, digits, '_' and '-', and avoid \
                      the names of Protean's packages";
        return Err(Error::usage(message).advice(advice));
    }
    if folder.exists() {
        let message = format!("the folder '{name}' exists already");
        return Err(
            Error::usage(message).advice("choose another name, or change to another folder")
        );
    }
    Ok(())
}

/// The packages, each with the source of its dependency.
fn dependencies(checkout: Option<&Path>) -> Result<Vec<(&'static str, String)>> {
    let Some(checkout) = checkout else {
        let version = format!("version = \"{}\"", env!("CARGO_PKG_VERSION"));
        return Ok(PACKAGES.map(|(package, _)| (package, version.clone())).to_vec());
    };
    let source = |(package, folder): (&'static str, &str)| {
        let path = fs::canonicalize(checkout.join(folder));
        let path = path.ok().filter(|path| path.join("Cargo.toml").is_file()).ok_or_else(|| {
            let message = format!("'{}' is not a checkout of Protean", checkout.display());
            Error::usage(message).advice(format!("give the folder that contains {folder}"))
        })?;
        // A JSON string is a TOML string as well.
        Ok((package, format!("path = {}", serde_json::to_string(&path)?)))
    };
    PACKAGES.into_iter().map(source).collect()
}

fn write(path: &Path, text: &str) -> Result<()> {
    let written = path.parent().map_or(Ok(()), fs::create_dir_all);
    written.and_then(|()| fs::write(path, text)).map_err(|error| {
        Error::failed(format!("'{}' cannot be written: {error}", path.display()))
            .advice("make the folder writable, or change to another one")
    })
}
