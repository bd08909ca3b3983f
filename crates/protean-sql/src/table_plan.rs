//! Plans how the tables of aggregates and projections are laid out and extended.

use std::fmt::Display;

use protean_port::message::{Column, Table, VERSION_COLUMN};
use protean_port::port::{ManualChange, SchemaDifference};
use protean_port::{Error, Result};

use crate::index::{OwnIndex, OwnLabel, is_own_index, own_indexes, own_label};
use crate::manual_change::ManualChanges;
use crate::name::{index_name, names};
use crate::statements::{
    add_column, create_table, drop_index, drop_invalid_index, drop_table, rename_column,
};
use crate::{Dialect, FoundColumn, FoundTable};

/// What brings a table to its declared form.
#[derive(Debug)]
pub struct TablePlan {
    /// The steps, in the order in which they run in one transaction; those that are
    /// [apart](Step::is_apart) run after it.
    pub steps: Vec<Step>,
    /// What needs a person first. While there is any, no step runs.
    pub manual: Vec<ManualChange>,
}

/// A statement that may run without a person.
#[derive(Debug)]
pub struct Step {
    /// The statement.
    pub statement: String,
    /// The index that it creates.
    pub index: Option<String>,
    /// The invalid index that it drops.
    pub invalid_index: Option<String>,
    /// True when it runs after the others are committed, outside of a transaction: it creates an
    /// index on a table that may have many rows, without blocking writers, or drops what such a
    /// creation has left.
    pub is_apart: bool,
    /// True when rows that share values make it fail.
    is_unique: bool,
}

impl TablePlan {
    /// Plans how a table that was found becomes the declared one.
    pub fn of<D: Dialect>(table: &Table, found: &FoundTable) -> Self {
        let mut plan = Self { steps: Vec::new(), manual: Vec::new() };
        if found.columns.is_empty() {
            plan.create::<D>(table);
            return plan;
        }
        let missing = plan.compare::<D>(table, found);
        let (valued, required): (Vec<_>, Vec<_>) =
            missing.into_iter().partition(|column| column.nullable || column.default.is_some());
        // No row is lost; an index or a grant that a person has added to the empty table is.
        if !required.is_empty() && !found.has_rows && plan.manual.is_empty() {
            plan.steps.clear();
            plan.step(drop_table(table));
            plan.create::<D>(table);
            return plan;
        }
        let manual = ManualChanges::<D>::of(table, found);
        plan.manual.extend(required.into_iter().map(|column| manual.value_is_needed(column)));
        valued.into_iter().for_each(|column| plan.step(add_column::<D>(table, column)));
        let indexes = plan.rename_indexes::<D>(table, found);
        plan.drop_indexes::<D>(table, found);
        plan.drop_invalid_indexes::<D>(table, found);
        plan.create_indexes::<D>(table, &indexes, !D::CONCURRENTLY.is_empty());
        plan
    }

    fn create<D: Dialect>(&mut self, table: &Table) {
        self.step(create_table::<D>(table));
        self.create_indexes::<D>(table, &[], false);
    }

    /// Makes sure that the steps may run.
    ///
    /// # Errors
    /// When something needs a person first.
    pub fn check(&self) -> Result {
        let Some(change) = self.manual.first() else { return Ok(()) };
        let (ManualChange { table, why, .. }, subject) = (change, change.subject());
        let more = match self.manual.len() {
            1 => String::new(),
            count => format!(" (and {} more)", count - 1),
        };
        Err(Error::misused(format!(
            "the table '{table}' cannot be extended: {subject}: {why}{more}; `db diff` prints \
             statements for it"
        )))
    }

    /// Adds the plan to what is known of other tables.
    pub fn add_to(self, difference: &mut SchemaDifference) {
        difference.automatic.extend(self.steps.into_iter().map(|step| step.statement));
        difference.manual.extend(self.manual);
    }

    fn step(&mut self, statement: String) {
        let (index, invalid_index, is_apart, is_unique) = (None, None, false, false);
        self.steps.push(Step { statement, index, invalid_index, is_apart, is_unique });
    }

    /// Renames columns, and notes what needs a person; returns the columns that the database lacks.
    fn compare<'t, D: Dialect>(&mut self, table: &'t Table, found: &FoundTable) -> Vec<&'t Column> {
        let (manual, mut missing, mut newer) =
            (ManualChanges::<D>::of(table, found), vec![], vec![]);
        for (index, column) in table.columns.iter().enumerate() {
            if let Some(index) = surplus_index::<D>(table, index, found) {
                self.manual.push(manual.is_no_longer_unique(&column.name, index));
            }
            let there: Vec<&FoundColumn> = names(column).filter_map(|n| found.column(n)).collect();
            match *there {
                [one] if is_alike::<D>(table, index, one) && one.name == column.name => {}
                [one] if is_alike::<D>(table, index, one) => {
                    self.step(rename_column(table, &one.name, &column.name));
                }
                [one] => self.manual.push(manual.has_another_form(index, one)),
                [one, other, ..] => self.manual.push(manual.is_there_twice(column, one, other)),
                [] => match found.successor(&column.name) {
                    Some(new) if table.position(&new.name).is_none() => {
                        newer.push(new.name.as_str());
                        self.manual.push(manual.has_a_newer_name(column, new));
                    }
                    _ if index == table.key => self.manual.push(manual.key_is_missing()),
                    _ => missing.push(column),
                },
            }
        }
        if found.column(VERSION_COLUMN).is_none() {
            self.manual.push(manual.is_of_another_program());
        }
        let key_is_there = found.column(&table.key_column().name).is_some();
        let is_extra = |extra: &&FoundColumn| {
            let name = extra.name.as_str();
            let is_known = names_of(table).any(|known| known == name) || newer.contains(&name);
            // A key under another name is reported where the declared one is missing.
            !is_known && extra.required && !extra.has_default && (key_is_there || !extra.key)
        };
        let extra = found.columns.iter().filter(is_extra);
        self.manual.extend(extra.map(|extra| manual.is_no_longer_declared(extra)));
        missing
    }

    /// Gives indexes the names that belong to the new names of their columns; returns the names of
    /// all indexes afterwards.
    fn rename_indexes<D: Dialect>(&mut self, table: &Table, found: &FoundTable) -> Vec<String> {
        let mut indexes = Vec::new();
        for OwnIndex { name, former, .. } in own_indexes::<D>(table) {
            if found.index(&name).is_some() {
                indexes.push(name);
                continue;
            }
            let Some(former) = former.iter().find_map(|former| found.index(former)) else {
                continue;
            };
            match D::rename_index(former, &name) {
                Some(statement) => {
                    self.step(statement);
                    indexes.push(name);
                }
                // It is created under its new name.
                None => self.step(drop_index(former)),
            }
        }
        indexes
    }

    /// Drops indexes that are no longer declared. Unique indexes are left to a person.
    fn drop_indexes<D: Dialect>(&mut self, table: &Table, found: &FoundTable) {
        let declared: Vec<OwnIndex> = own_indexes::<D>(table).collect();
        let is_declared = |index: &String| {
            let known =
                declared.iter().flat_map(|own| std::iter::once(&own.name).chain(&own.former));
            known.into_iter().any(|name| found.index(name) == Some(index))
        };
        for index in found.indexes.iter().filter(|index| !is_declared(index)) {
            match own_label(table, index) {
                Some(OwnLabel { is_unique: false, .. }) => self.step(drop_index(index)),
                Some(OwnLabel { label, .. }) => {
                    let manual = ManualChanges::<D>::of(table, found);
                    let change = manual.is_no_longer_unique(label, index);
                    self.manual.push(ManualChange { is_index: true, ..change });
                }
                None => {}
            }
        }
    }

    /// Drops what failed creations have left, whether the index is still declared or not.
    fn drop_invalid_indexes<D: Dialect>(&mut self, table: &Table, found: &FoundTable) {
        let own = |index: &&String| is_own_index::<D>(table, index);
        for index in found.invalid_indexes.iter().filter(own) {
            let (statement, invalid_index) = (drop_invalid_index::<D>(index), Some(index.clone()));
            let (is_apart, is_unique) = (true, false);
            self.steps.push(Step { statement, index: None, invalid_index, is_apart, is_unique });
        }
    }

    /// Creates the indexes that are not there.
    fn create_indexes<D: Dialect>(&mut self, table: &Table, indexes: &[String], is_apart: bool) {
        for own in own_indexes::<D>(table).filter(|own| !indexes.contains(&own.name)) {
            let statement = own.create::<D>(table, is_apart);
            let (index, invalid_index, is_unique) = (Some(own.name), None, own.is_unique);
            self.steps.push(Step { statement, index, invalid_index, is_apart, is_unique });
        }
    }
}

impl Step {
    /// The error for a unique index that cannot be created because rows share a value; `database`
    /// names the database for a person. `None` for any other step.
    pub fn shared_value(&self, database: impl Display) -> Option<Error> {
        let name = self.index.as_ref().filter(|_| self.is_unique)?;
        Some(Error::misused(format!(
            "'{name}' is declared unique, but rows in the database {database} share a value; \
             make them differ first"
        )))
    }
}

/// Every name that is known, present or former.
fn names_of(table: &Table) -> impl Iterator<Item = &str> {
    let declared = table.columns.iter().flat_map(names).map(String::as_str);
    declared.chain(std::iter::once(VERSION_COLUMN))
}

/// True when a column has the declared form, whatever its name is.
fn is_alike<D: Dialect>(table: &Table, index: usize, found: &FoundColumn) -> bool {
    let (column, key) = (&table.columns[index], index == table.key);
    found.kind.eq_ignore_ascii_case(D::declared_type(column.kind))
        && found.required == (key || !column.nullable)
        && found.key == key
}

/// The unique index of a column that is not declared unique.
fn surplus_index<'f, D: Dialect>(
    table: &Table,
    index: usize,
    found: &'f FoundTable,
) -> Option<&'f String> {
    let column = &table.columns[index];
    let mut of_column = names(column).map(|name| index_name::<D>(&table.name, name));
    let is_wanted = column.unique && index != table.key;
    of_column.find_map(|name| found.index(&name).filter(|_| !is_wanted))
}

#[cfg(test)]
#[path = "table_plan_tests.rs"]
mod tests;
