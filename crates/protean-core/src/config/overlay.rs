//! Laying `[production.…]` over the base, table by table.

use super::document::{Entry, Table, Value};
use super::fault::Report;
use crate::nearest::nearest;

/// A file taken apart.
pub(super) struct Layers {
    /// The base, with the section of the active environment laid over it.
    pub(super) active: Table,
    /// The sections of the other environments.
    pub(super) inactive: Vec<Table>,
}

/// The names that distinguish the section of an environment from any other table.
pub(super) struct Names {
    /// Tables of the base, which are never environments.
    pub(super) sections: Vec<String>,
    /// Everything that the top of the file may hold.
    pub(super) all: Vec<String>,
}

impl Names {
    fn is_environment(&self, name: &str, entry: &Entry, active: Option<&str>) -> bool {
        match &entry.value {
            Value::Table(_) if self.sections.iter().any(|section| section == name) => false,
            Value::Table(table) => {
                active == Some(name) || table.keys().any(|key| self.all.contains(key))
            }
            _ => false,
        }
    }
}

/// Lays the section of `environment` over the base and separates those of the others.
pub(super) fn apply(
    mut document: Table,
    environment: Option<&str>,
    names: &Names,
    report: &mut Report,
) -> Layers {
    let found: Vec<_> = document
        .extract_if(.., |name, entry| names.is_environment(name, entry, environment))
        .collect();
    if let Some(wanted) = environment {
        warn_of_a_near_miss(wanted, &found, report);
    }
    let mut layers = Layers { active: document, inactive: Vec::new() };
    for (name, entry) in found {
        let Value::Table(table) = entry.value else { continue };
        if environment == Some(name.as_str()) {
            lay_over(&mut layers.active, table);
        } else {
            layers.inactive.push(table);
        }
    }
    layers
}

fn lay_over(base: &mut Table, over: Table) {
    for (name, mut entry) in over {
        match (base.get_mut(&name), entry.value) {
            (Some(Entry { value: Value::Table(below), .. }), Value::Table(above)) => {
                lay_over(below, above);
            }
            (_, value) => {
                (entry.overlaid, entry.value) = (true, value);
                base.insert(name, entry);
            }
        }
    }
}

fn warn_of_a_near_miss(wanted: &str, found: &[(String, Entry)], report: &mut Report) {
    let names: Vec<_> = found.iter().map(|(name, _)| name.as_str()).collect();
    if names.contains(&wanted) {
        return;
    }
    let near = nearest(wanted, &names);
    if let Some((_, entry)) = found.iter().find(|(name, _)| Some(name.as_str()) == near) {
        let message = format!(
            "is not used, because the environment is '{wanted}'; did you mean this section?"
        );
        report.warn(Some(entry.line), &entry.path, message);
    }
}
