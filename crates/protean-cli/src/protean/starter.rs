//! `protean new`: a small domain to begin with.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use protean_cli::{Error, Result};

/// The files of a new domain, each with its place; `{name}` and the like are filled in.
const FILES: [(&str, &str); 7] = [
    ("Cargo.toml", include_str!("../../starter/manifest.toml")),
    ("domain.toml", include_str!("../../starter/domain.toml")),
    (".gitignore", "/target\n*.db*\n"),
    ("src/lib.rs", include_str!("../../starter/lib.rs")),
    ("src/main.rs", include_str!("../../starter/main.rs")),
    ("src/task.rs", include_str!("../../starter/task.rs")),
    ("tests/tasks.rs", include_str!("../../starter/tests.rs")),
];

/// The packages a new domain depends on, each with its folder here.
const PACKAGES: [(&str, &str); 3] = [
    ("protean", "crates/protean"),
    ("protean-cli", "crates/protean-cli"),
    ("protean-testing", "crates/protean-testing"),
];

/// What is to be made.
#[derive(Args)]
pub(crate) struct Options {
    /// The domain: a word of letters, digits, '_' and '-', also the name of its folder
    name: String,
    /// Takes Protean from a checkout of its repository instead of the registry
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
    // A reader that is gone has seen enough.
    let _ = writeln!(
        std::io::stdout(),
        "Made the domain '{name}'. To go on:\n  cd {name}\n  cargo test\n  protean server --domain={name}"
    );
    Ok(ExitCode::SUCCESS)
}

fn check(name: &str, folder: &Path) -> Result<()> {
    let fits = |letter: char| letter.is_ascii_alphanumeric() || "_-".contains(letter);
    let begins = name.starts_with(|first: char| first.is_ascii_alphabetic());
    if !begins || !name.chars().all(fits) || PACKAGES.iter().any(|(package, _)| *package == name) {
        let told = format!("a domain cannot be called '{name}'");
        return Err(Error::usage(told).advice("take a word of letters, digits, '_' and '-'"));
    }
    if folder.exists() {
        let told = format!("'{name}' is there already");
        return Err(Error::usage(told).advice("take another name, or work in another folder"));
    }
    Ok(())
}

/// The packages, each with what its dependency says of the source.
fn dependencies(checkout: Option<&Path>) -> Result<Vec<(&'static str, String)>> {
    let Some(checkout) = checkout else {
        let version = format!("version = \"{}\"", env!("CARGO_PKG_VERSION"));
        return Ok(PACKAGES.map(|(package, _)| (package, version.clone())).to_vec());
    };
    let source = |(package, folder): (&'static str, &str)| {
        let path = fs::canonicalize(checkout.join(folder));
        let path = path.ok().filter(|path| path.join("Cargo.toml").is_file()).ok_or_else(|| {
            let told = format!("'{}' is no checkout of Protean", checkout.display());
            Error::usage(told).advice(format!("it needs a package in {folder}"))
        })?;
        // JSON and TOML quote text alike.
        Ok((package, format!("path = {}", serde_json::to_string(&path)?)))
    };
    PACKAGES.into_iter().map(source).collect()
}

fn write(path: &Path, text: &str) -> Result<()> {
    let written = path.parent().map_or(Ok(()), fs::create_dir_all);
    written.and_then(|()| fs::write(path, text)).map_err(|error| {
        Error::failed(format!("'{}' cannot be written: {error}", path.display()))
            .advice("make the folder writable, or work in another one")
    })
}
