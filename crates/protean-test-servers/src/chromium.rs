//! Where Chromium is: a variable, `PATH`, or a distribution's folder.

use std::path::{Path, PathBuf};

/// The program of a browser that speaks Chromium's protocol: Chromium itself or Chrome.
#[derive(Debug)]
pub struct Chromium(PathBuf);

/// What systems call the program. A distribution's Chromium comes before a vendor's Chrome.
const NAMES: &[&str] =
    &["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"];

/// Programs that are not in `PATH`, and folders that `PATH` may lack.
const PLACES: &[&str] = &[
    "/usr/bin/chromium",
    "/usr/lib/chromium/chromium",
    "/usr/lib64/chromium-browser/chromium-browser",
    "/usr/local/bin/chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/run/current-system/sw/bin/chromium",
];

impl Chromium {
    /// Names the program; no other one is looked at when it is set.
    pub const VARIABLE: &str = "PROTEAN_CHROMIUM";

    /// The browser of this machine.
    ///
    /// # Errors
    /// When there is none, in a sentence that says what to do.
    pub fn of_this_machine() -> Result<Self, String> {
        if let Some(named) = Self::named() {
            return if named.is_file() {
                Ok(Self(named))
            } else {
                Err(format!("{} names {}, which is no file", Self::VARIABLE, named.display()))
            };
        }
        let path = std::env::var_os("PATH").unwrap_or_default();
        let in_path = std::env::split_paths(&path).collect::<Vec<_>>();
        find(&in_path, PLACES).map(Self).ok_or_else(|| {
            format!(
                "Chromium is not installed: neither a folder of PATH nor any place that systems \
                 use holds it; set {} to the program, or run `cargo xtask test`, which installs it",
                Self::VARIABLE
            )
        })
    }

    /// What the variable names, when it is set.
    pub fn named() -> Option<PathBuf> {
        std::env::var_os(Self::VARIABLE).map(PathBuf::from)
    }

    /// The program.
    pub fn program(&self) -> &Path {
        &self.0
    }
}

fn find(folders: &[PathBuf], places: &[&str]) -> Option<PathBuf> {
    let named = NAMES.iter().flat_map(|name| folders.iter().map(move |folder| folder.join(name)));
    named.chain(places.iter().map(PathBuf::from)).find(|program| program.is_file())
}

#[cfg(test)]
mod tests {
    use super::find;

    #[test]
    fn a_chromium_comes_before_a_chrome_wherever_it_stands_in_the_path() {
        let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let folders = [first.path().to_owned(), second.path().to_owned()];
        assert_eq!(find(&folders, &[]), None);
        std::fs::write(first.path().join("google-chrome"), "").unwrap();
        assert_eq!(find(&folders, &[]), Some(first.path().join("google-chrome")));
        std::fs::write(second.path().join("chromium"), "").unwrap();
        assert_eq!(find(&folders, &[]), Some(second.path().join("chromium")));
    }

    #[test]
    fn a_place_outside_of_the_path_counts_when_it_holds_the_program() {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("Chromium");
        let places = [program.to_str().unwrap()];
        assert_eq!(find(&[], &places), None);
        std::fs::write(&program, "").unwrap();
        assert_eq!(find(&[], &places), Some(program.clone()));
    }
}
