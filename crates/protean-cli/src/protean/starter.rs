//! `protean new`: creates a small domain to start from.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use protean_cli::{Error, Result};

use crate::source::Source;

/// The files of a new domain: path and template. `{name}` and the like are filled in.
const FILES: [(&str, &str); 13] = [
    ("Cargo.toml", include_str!("../../starter/manifest.toml")),
    ("README.md", include_str!("../../starter/readme.md")),
    ("domain.toml", include_str!("../../starter/domain.toml")),
    ("customers.csv", include_str!("../../starter/customers.csv")),
    (".gitignore", "/target\n*.db*\n"),
    ("rustfmt.toml", "use_small_heuristics = \"Max\"\n"),
    ("src/lib.rs", include_str!("../../starter/lib.rs")),
    ("src/main.rs", include_str!("../../starter/main.rs")),
    ("src/account.rs", include_str!("../../starter/account.rs")),
    ("src/summary.rs", include_str!("../../starter/summary.rs")),
    ("src/http.rs", include_str!("../../starter/http.rs")),
    ("src/import.rs", include_str!("../../starter/import.rs")),
    ("tests/accounts.rs", include_str!("../../starter/tests.rs")),
];

/// Names that a package with a program cannot have: words of Rust, crates that come with it, and
/// folders that cargo makes.
const TAKEN: &str = "abstract alloc as async await become box break build const continue core \
                     crate deps do dyn else enum examples extern false final fn for gen if impl \
                     in incremental let loop macro match mod move mut override priv proc_macro \
                     pub ref return self Self static std struct super test trait true try type \
                     typeof unsafe unsized use virtual where while yield";

/// The domain to create.
#[derive(Args)]
pub(crate) struct Options {
    /// The folder to create. Its last part is the name of the domain: letters, digits, '_' and '-'
    #[arg(value_name = "NAME")]
    folder: PathBuf,
    /// Uses this checkout of Protean's repository
    #[arg(long, value_name = "CHECKOUT", conflicts_with = "registry")]
    path: Option<PathBuf>,
    /// Uses the registry, even if this program was built from a checkout
    #[arg(long)]
    registry: bool,
}

pub(crate) fn make(options: &Options) -> Result {
    let Options { folder, path, registry } = options;
    let name = name(folder)?;
    let source = match path {
        Some(checkout) => Source::checkout(checkout)?,
        None if *registry => Source::Registry,
        None => Source::of_this_build()?,
    };
    let mut values = vec![
        ("name", name.to_owned()),
        ("crate", name.replace('-', "_")),
        ("rust-version", env!("CARGO_PKG_RUST_VERSION").to_owned()),
    ];
    values.extend(source.dependencies()?);
    for (file, template) in FILES {
        write(&folder.join(file), &filled_in(template, &values))?;
    }
    if let Some(lock) = source.lock_file() {
        fs::copy(lock, folder.join("Cargo.lock")).map_err(|error| not_written(folder, &error))?;
    }
    let folder = folder.display();
    // A closed stdout is not an error.
    let _ = writeln!(
        std::io::stdout(),
        "Created the domain '{name}'. It uses {source}.\n\
         Next:\n  cd {folder}\n  cargo test\n  cargo run -- serve\nREADME.md goes on from there."
    );
    Ok(ExitCode::SUCCESS)
}

/// The name of the domain, when its folder can be created.
fn name(folder: &Path) -> Result<&str> {
    let text = folder.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let fits = |letter: char| letter.is_ascii_alphanumeric() || "_-".contains(letter);
    let begins = text.starts_with(|first: char| first.is_ascii_alphabetic());
    if !begins || !text.chars().all(fits) {
        let message = format!("'{text}' cannot be the name of a domain");
        let advice = "begin with a letter, and go on with letters, digits, '_' and '-'";
        return Err(Error::usage(message).advice(advice));
    }
    if is_taken(text) {
        let message = format!("'{text}' cannot be the name of a domain: the name is taken");
        let advice = "choose a name that is no word of Rust or cargo, and no package that a new \
                      domain depends on";
        return Err(Error::usage(message).advice(advice));
    }
    if folder.exists() {
        let message = format!("the folder '{}' exists already", folder.display());
        return Err(
            Error::usage(message).advice("choose another name, or change to another folder")
        );
    }
    Ok(text)
}

/// Whether a package of this name could not be built.
fn is_taken(name: &str) -> bool {
    let (_, manifest) = FILES[0];
    let keys = manifest.lines().filter_map(|line| line.split_once(" = "));
    let mut dependencies = keys.map(|(key, _)| key).chain(["protean", "protean-rs"]);
    dependencies.any(|key| key == name)
        || name.starts_with("protean-")
        || TAKEN.split(' ').any(|taken| taken == name.replace('-', "_"))
}

/// A template with the values in place of their names in braces.
fn filled_in(template: &str, values: &[(&str, String)]) -> String {
    values.iter().fold(template.to_owned(), |text, (name, value)| {
        text.replace(&format!("{{{name}}}"), value)
    })
}

fn write(path: &Path, text: &str) -> Result<()> {
    let written = path.parent().map_or(Ok(()), fs::create_dir_all);
    written.and_then(|()| fs::write(path, text)).map_err(|error| not_written(path, &error))
}

fn not_written(path: &Path, error: &std::io::Error) -> Error {
    Error::failed(format!("'{}' cannot be written: {error}", path.display()))
        .advice("make the folder writable, or change to another one")
}
