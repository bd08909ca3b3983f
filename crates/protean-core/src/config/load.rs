//! Finding the file, and going from its text to a [`Config`].

use std::path::{Path, PathBuf};

use super::config::{Config, IGNORED_TABLES, read};
use super::document::{self, Table, Value};
use super::fault::{Fault, Report};
use super::overlay::{self, Names};
use super::priority_lanes::spell_out;
use super::section::{Asked, read_file, survey};
use super::variables::{Variables, fill};

/// The names a configuration file may have, the preferred one first.
const FILE_NAMES: [&str; 2] = [".domain.toml", "domain.toml"];

/// The number of folders to look in: the given one and two above it.
const MAX_FOLDERS: usize = 3;

impl Config {
    /// The nearest `.domain.toml` or `domain.toml`, in this folder or up to two above it.
    pub fn find(folder: impl AsRef<Path>) -> Option<PathBuf> {
        let folder = folder.as_ref().canonicalize().ok()?;
        let folders = folder.ancestors().take(MAX_FOLDERS);
        folders
            .flat_map(|folder| FILE_NAMES.map(|name| folder.join(name)))
            .find(|file| file.is_file())
    }

    /// Reads a file; see [`Config::parse`].
    ///
    /// # Errors
    /// That the file cannot be read, or every fault in it.
    pub fn load(
        file: impl AsRef<Path>,
        environment: Option<&str>,
        variables: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, Vec<Fault>> {
        let name = file.as_ref().display().to_string();
        let text = std::fs::read_to_string(file.as_ref())
            .map_err(|error| vec![Fault::whole(&name, format!("cannot be read: {error}"))])?;
        Self::parse(&name, &text, environment, variables)
    }

    /// Reads the text of a file called `name`, with the section of `environment` laid over
    /// the rest and `${VAR|default}` filled in from `variables`.
    ///
    /// # Errors
    /// Every fault in the text, in its order.
    pub fn parse(
        name: &str,
        text: &str,
        environment: Option<&str>,
        variables: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, Vec<Fault>> {
        let mut report = Report::new(name);
        let mut config = match document::parse(text, &mut report) {
            Some(document) => {
                let environment = environment.filter(|name| !name.is_empty());
                resolve(document, environment, variables, &mut report)
            }
            None => Self::default(),
        };
        config.warnings = report.finish()?;
        Ok(config)
    }
}

fn resolve(
    mut document: Table,
    environment: Option<&str>,
    variables: Variables<'_>,
    report: &mut Report,
) -> Config {
    spell_out(&mut document);
    for entry in document.values_mut() {
        if let Value::Table(table) = &mut entry.value {
            spell_out(table);
        }
    }
    let mut layers = overlay::apply(document, environment, &names(), report);
    fill(&mut layers.active, variables, report, true);
    let config = read_file(&layers.active, report, read);
    report.partial();
    for part in &mut layers.inactive {
        fill(part, variables, report, false);
        read_file(part, report, read);
    }
    config
}

/// The names that the top of a file may hold.
fn names() -> Names {
    let mut names = Names { sections: Vec::new(), all: Vec::new() };
    for key in survey(read).into_iter().filter(|key| !key.path.contains('.')) {
        let is_ignored_table = IGNORED_TABLES.iter().any(|(table, _)| *table == key.path);
        if matches!(key.asked, Asked::Section | Asked::Free) || is_ignored_table {
            names.sections.push(key.path.clone());
        }
        names.all.push(key.path);
    }
    names
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::Config;

    #[test]
    fn takes_the_nearest_file_and_the_hidden_one_first() {
        let root = std::env::temp_dir().join(format!("domain-toml-{}", std::process::id()));
        let deep = root.join("a/b/c");
        fs::create_dir_all(&deep).expect("a folder");
        let root = root.canonicalize().expect("the folder");
        fs::write(root.join("domain.toml"), "").expect("a file");
        assert_eq!(Config::find(root.join("a/b")), Some(root.join("domain.toml")));
        assert_ne!(
            Config::find(&deep),
            Some(root.join("domain.toml")),
            "three folders up is too far"
        );
        fs::write(root.join("a/domain.toml"), "").expect("a file");
        assert_eq!(Config::find(&deep), Some(root.join("a/domain.toml")));
        fs::write(root.join("a/.domain.toml"), "").expect("a file");
        assert_eq!(Config::find(&deep), Some(root.join("a/.domain.toml")));
        assert_eq!(Config::find(root.join("nowhere")), None);
        fs::remove_dir_all(root).expect("removed");
    }
}
