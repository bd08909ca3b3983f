//! Where a new domain gets Protean from: the registry, or a checkout of the repository.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use protean_cli::{Error, Result};

/// The version of this program, and so of the packages it was built with.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The folder that this program was built in.
const BUILT_IN: &str = env!("CARGO_MANIFEST_DIR");

/// A package that a new domain depends on.
struct Package {
    /// The name by which the domain depends on it.
    name: &'static str,
    /// Its name in the registry.
    registered: &'static str,
    /// Its folder in the repository.
    folder: &'static str,
}

const PACKAGES: [Package; 3] = [
    Package { name: "protean", registered: "protean-rs", folder: "crates/protean" },
    Package { name: "protean-cli", registered: "protean-cli", folder: "crates/protean-cli" },
    Package {
        name: "protean-testing",
        registered: "protean-testing",
        folder: "crates/protean-testing",
    },
];

/// Where a new domain gets Protean from.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// The registry, which has this version.
    Registry,
    /// A checkout that was given.
    Checkout(PathBuf),
    /// The checkout that this program was built from.
    OwnCheckout(PathBuf),
}

impl Source {
    /// The source of the packages that this program was built with.
    ///
    /// # Errors
    /// When it was built from a checkout that is not there any more.
    pub(crate) fn of_this_build() -> Result<Self> {
        Self::of_build_in(Path::new(BUILT_IN))
    }

    fn of_build_in(folder: &Path) -> Result<Self> {
        // The registry's sources lie in folders named for package and version.
        if folder.file_name().is_some_and(|name| name == format!("protean-cli-{VERSION}").as_str())
        {
            return Ok(Self::Registry);
        }
        let checkout = folder.ancestors().nth(2).unwrap_or(folder);
        whole(checkout).map(Self::OwnCheckout).ok_or_else(|| {
            let message = format!(
                "the checkout that this program was built from is gone: '{}'",
                checkout.display()
            );
            Error::usage(message).advice(format!(
                "name another checkout with --path, or write --registry to use version {VERSION} \
                 from the registry"
            ))
        })
    }

    /// A checkout at this path.
    ///
    /// # Errors
    /// When a package is missing there.
    pub(crate) fn checkout(path: &Path) -> Result<Self> {
        whole(path).map(Self::Checkout).ok_or_else(|| {
            let message = format!("'{}' is not a checkout of Protean", path.display());
            let folder = PACKAGES[0].folder;
            Error::usage(message).advice(format!("give the folder that contains {folder}"))
        })
    }

    /// Each package with its line in the manifest of the domain.
    ///
    /// # Errors
    /// When the path of the checkout is not UTF-8.
    pub(crate) fn dependencies(&self) -> Result<Vec<(&'static str, String)>> {
        let line = |package: &Package| {
            let Package { name, registered, folder } = package;
            let place = match self.folder() {
                None => format!("version = \"{VERSION}\""),
                // A JSON string is a TOML string as well.
                Some(checkout) => {
                    format!("path = {}", serde_json::to_string(&checkout.join(folder))?)
                }
            };
            let place = match name == registered {
                true => place,
                false => format!("package = \"{registered}\", {place}"),
            };
            Ok((*name, format!("{name} = {{ {place} }}")))
        };
        PACKAGES.iter().map(line).collect()
    }

    /// The lock file of the checkout: with the versions that its tests ran with, which are on this
    /// machine already.
    pub(crate) fn lock_file(&self) -> Option<PathBuf> {
        self.folder().map(|checkout| checkout.join("Cargo.lock")).filter(|file| file.is_file())
    }

    fn folder(&self) -> Option<&Path> {
        match self {
            Self::Registry => None,
            Self::Checkout(checkout) | Self::OwnCheckout(checkout) => Some(checkout),
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Registry => write!(f, "version {VERSION} of Protean from the registry"),
            Self::Checkout(checkout) => {
                write!(f, "the checkout of Protean in {}", checkout.display())
            }
            Self::OwnCheckout(checkout) => write!(
                f,
                "the checkout of Protean in {}, which this program was built from",
                checkout.display()
            ),
        }
    }
}

/// The absolute path of a checkout that has every package.
fn whole(checkout: &Path) -> Option<PathBuf> {
    let checkout = fs::canonicalize(checkout).ok()?;
    let mut manifests = PACKAGES.iter().map(|package| checkout.join(package.folder));
    manifests.all(|folder| folder.join("Cargo.toml").is_file()).then_some(checkout)
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use super::{BUILT_IN, Source, VERSION};

    #[test]
    fn a_program_from_the_registry_uses_the_registry() {
        let folder = PathBuf::from(format!("registry/src/index/protean-cli-{VERSION}"));
        assert_eq!(Source::of_build_in(&folder).unwrap(), Source::Registry);
        let lines = Source::Registry.dependencies().unwrap();
        let expected = format!("protean = {{ package = \"protean-rs\", version = \"{VERSION}\" }}");
        assert_eq!(lines[0], ("protean", expected));
        assert_eq!(Source::Registry.lock_file(), None);
    }

    #[test]
    fn a_program_from_a_checkout_uses_that_checkout_and_says_so() {
        let source = Source::of_this_build().unwrap();
        let checkout = Path::new(BUILT_IN).join("../..").canonicalize().unwrap();
        assert_eq!(source, Source::OwnCheckout(checkout.clone()));
        assert!(source.to_string().ends_with("which this program was built from"), "{source}");
        assert_eq!(source.lock_file(), Some(checkout.join("Cargo.lock")));
    }

    #[test]
    fn a_checkout_that_is_gone_is_reported_with_the_ways_out() {
        let error = Source::of_build_in(Path::new("gone/crates/protean-cli")).unwrap_err();
        let text = error.to_string();
        for part in ["is gone: 'gone'", "--path", "--registry"] {
            assert!(text.contains(part), "{text}");
        }
    }
}
