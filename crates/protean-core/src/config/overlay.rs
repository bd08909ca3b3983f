//! `[production.…]` laid over the base, table by table.

use super::document::{Entry, Table, Value};
use super::report::Report;
use crate::nearest::nearest;

/// A file taken apart.
pub(super) struct Layers {
    /// The base, with the section of the active environment laid over it.
    pub(super) active: Table,
    /// The sections of the other environments.
    pub(super) inactive: Vec<Table>,
}

/// Names that tell the section of an environment from any other table.
pub(super) struct Names {
    /// Tables of the base; never environments.
    pub(super) sections: Vec<&'static str>,
    /// Whatever may stand at the top of the file.
    pub(super) all: Vec<&'static str>,
}

impl Names {
    fn is_environment(&self, name: &str, entry: &Entry, active: Option<&str>) -> bool {
        match &entry.value {
            Value::Table(_) if self.sections.contains(&name) => false,
            Value::Table(table) => {
                active == Some(name) || table.keys().any(|key| self.all.contains(&key.as_str()))
            }
            _ => false,
        }
    }
}

/// Lays the section of `environment` over the base and puts those of others aside.
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
        let message = format!("not in use: the environment is '{wanted}'; is this section meant?");
        report.warn(Some(entry.line), &entry.path, message);
    }
}
