//! A table as it is in the database.

use protean_port::message::Table;
use protean_port::port::without_generation;

/// A column as it is in the database.
#[derive(Clone, Debug)]
pub struct FoundColumn {
    /// The name of the column.
    pub name: String,
    /// Its type, as the database writes it.
    pub kind: String,
    /// True when it may not be null.
    pub required: bool,
    /// True when rows that do not name it get a value.
    pub has_default: bool,
    /// True when it is the primary key, or part of it.
    pub key: bool,
}

/// A table as it is in the database.
#[derive(Clone, Debug, Default)]
pub struct FoundTable {
    /// Its columns; none when it does not exist.
    pub columns: Vec<FoundColumn>,
    /// The names of its indexes.
    pub indexes: Vec<String>,
    /// The names of indexes whose creation failed or has not ended, where the database has such:
    /// they serve no query.
    pub invalid_indexes: Vec<String>,
    /// True when it has a row.
    pub has_rows: bool,
    /// The names that columns had before, and the ones they were given.
    pub renamed: Vec<(String, String)>,
}

impl FoundTable {
    /// The former names of declared columns that have to be noted, each with the present one.
    pub fn names_to_note<'t>(
        &self,
        table: &'t Table,
    ) -> impl Iterator<Item = (&'t String, &'t String)> {
        let names = table.columns.iter().flat_map(|column| {
            column.renamed_from.iter().map(move |former| (former, &column.name))
        });
        names.filter(|(former, present)| {
            !self.renamed.iter().any(|(from, to)| (from, to) == (*former, *present))
        })
    }

    /// The column of this name.
    pub(crate) fn column(&self, name: &str) -> Option<&FoundColumn> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// The index of this name, by the one it has: where an index keeps its name when its table takes
    /// the place of another, the generation of the table is in it.
    pub(crate) fn index(&self, name: &str) -> Option<&String> {
        self.indexes.iter().find(|index| {
            let parts = index.split_once('.');
            let own =
                parts.map(|(table, column)| format!("{}.{column}", without_generation(table)));
            *index == name || own.is_some_and(|own| own == name)
        })
    }

    /// The column that had this name before, in a version of the program that knew its new name.
    pub(crate) fn successor(&self, name: &str) -> Option<&FoundColumn> {
        let mut name = name;
        // Names may have been given in turn, so there is an end to it.
        for _ in &self.renamed {
            name = &self.renamed.iter().find(|(from, _)| from == name)?.1;
            if let Some(found) = self.column(name) {
                return Some(found);
            }
        }
        None
    }
}
