//! What a program does not do to a table by itself, and the statements a person may run instead.

use std::marker::PhantomData;

use protean_port::message::{
    Column, ColumnKind, Date, Decimal, Table, Timestamp, VERSION_COLUMN, Value,
};
use protean_port::port::ManualChange;

use crate::name::index_name;
use crate::statements::{declaration, drop_index, kind, rename_column};
use crate::{Dialect, FoundColumn, FoundTable, Redefinition};

const NO_COLUMN: &str = "no such column";

/// The changes of one table that need a person. The statements use the names that were found,
/// so that they can run before anything else.
pub(crate) struct ManualChanges<'a, D> {
    table: &'a Table,
    found: &'a FoundTable,
    dialect: PhantomData<D>,
}

impl<'a, D: Dialect> ManualChanges<'a, D> {
    pub(crate) fn of(table: &'a Table, found: &'a FoundTable) -> Self {
        Self { table, found, dialect: PhantomData }
    }

    /// A new column that is required has no value for the rows that are there.
    pub(crate) fn value_is_needed(&self, column: &Column) -> ManualChange {
        let advice = "give the field a `#[field(default = …)]` for existing rows, make it \
                      optional, or add the column by hand with a default";
        let (table, declared) = (&self.table.name, declaration::<D>(column, true));
        let mut statements = self.perhaps_renamed(column);
        let add = format!("ALTER TABLE \"{table}\" ADD COLUMN {declared} DEFAULT");
        if column.unique {
            statements
                .push("-- <value> differs in each row: an expression of its other columns".into());
            statements.push(format!("{add} {}", D::literal(&blank(column.kind))));
            statements.push(format!("UPDATE \"{table}\" SET \"{}\" = <value>", column.name));
        } else {
            statements.push("-- <value> is what the rows that are there get".into());
            statements.push(format!("{add} <value>"));
        }
        self.change(&column.name, NO_COLUMN, &declared, advice, statements)
    }

    /// A column that was found has another type, or may be empty where it must not, or the other
    /// way round.
    pub(crate) fn has_another_form(&self, index: usize, found: &FoundColumn) -> ManualChange {
        let (column, key) = (&self.table.columns[index], index == self.table.key);
        let required = key || !column.nullable;
        let declared = form(D::declared_type(column.kind), required, key);
        let there = form(&found.kind, found.required, found.key);
        let statements = match key || found.key {
            true => vec![
                "-- the identity of a table cannot be given another form: rename the table, and fill \
                 the new one"
                    .into(),
            ],
            false => self.redefined(column, found, required),
        };
        let advice = "declare a new field beside the old one, or convert the column by hand";
        self.change(&column.name, &there, &declared, advice, statements)
    }

    fn redefined(&self, column: &Column, found: &FoundColumn, required: bool) -> Vec<String> {
        let mut statements = Vec::new();
        if found.name != column.name {
            statements.push(rename_column(self.table, &found.name, &column.name));
        }
        if !found.kind.eq_ignore_ascii_case(D::declared_type(column.kind)) {
            statements.push(
                "-- look at what the values become, and write another expression if that is wrong"
                    .into(),
            );
        }
        let missing = (required && !found.required).then(|| match &column.default {
            Some(default) => D::literal(default),
            None => {
                statements.push("-- <value> is what the rows get that have none".into());
                "<value>".to_owned()
            }
        });
        let index = index_name::<D>(&self.table.name, &found.name);
        let change = Redefinition {
            column,
            found: &FoundColumn { name: column.name.clone(), ..found.clone() },
            // Otherwise it is dropped already.
            index: self.found.index(&index).map(String::as_str).filter(|_| column.unique),
            kind: kind::<D>(column),
            missing,
            blank: D::literal(&blank(column.kind)),
        };
        statements.extend(D::redefine(&self.table.name, &change));
        statements
    }

    /// A column is there under its name and under one that it had before, or under two of those.
    pub(crate) fn is_there_twice(
        &self,
        column: &Column,
        one: &FoundColumn,
        other: &FoundColumn,
    ) -> ManualChange {
        let (table, [new, old]) = (&self.table.name, [&one.name, &other.name]);
        let mut statements = vec![format!(
            "-- which of the two has the value of a row? Those of \"{old}\" are lost otherwise"
        )];
        let condition = match one.required {
            false => format!("\"{new}\" IS NULL"),
            true => "<condition>".to_owned(),
        };
        statements.push(format!("UPDATE \"{table}\" SET \"{new}\" = \"{old}\" WHERE {condition}"));
        statements.extend(self.dropped(old));
        let why = format!(
            "it was renamed from '{old}', but the table has '{new}' and '{old}': keep the values of \
             one and drop the other, or remove `renamed_from`"
        );
        self.manual(&column.name, why, statements)
    }

    /// A newer version of the program has renamed a column that this one declares.
    pub(crate) fn has_a_newer_name(&self, column: &Column, new: &FoundColumn) -> ManualChange {
        let (was, is) = (&column.name, &new.name);
        let mut statements =
            vec!["-- only to go back to this version, once no newer one runs".into()];
        statements.push(rename_column(self.table, is, was));
        let [from, to] = [is, was].map(|name| index_name::<D>(&self.table.name, name));
        if let Some(from) = self.found.index(&from) {
            statements.push(D::rename_index(from, &to).unwrap_or_else(|| drop_index(from)));
        }
        statements.push(format!(
            "-- if \"{was}\" is a new field under a name that was free again, instead: DELETE FROM \
             \"protean.renamed_columns\" WHERE table_name = '{}' AND former_name = '{was}'",
            self.table.name
        ));
        let why = format!(
            "a newer version of the program has renamed it to '{is}', and this version does not know \
             that: run the newer version. If it is a new field, choose another name for it"
        );
        let newer_name = Some(is.clone());
        ManualChange { newer_name, ..self.manual(was, why, statements) }
    }

    /// No column has the name of the identity.
    pub(crate) fn key_is_missing(&self) -> ManualChange {
        let key = self.table.key_column();
        let mut keys = self.found.columns.iter().filter(|column| column.key);
        let statements = match (keys.next(), keys.next()) {
            (Some(other), None) => vec![
                format!("-- if \"{}\" is the same identity under its old name", other.name),
                rename_column(self.table, &other.name, &key.name),
            ],
            _ => Vec::new(),
        };
        let advice = "the identity column cannot be renamed without \
                      `#[field(renamed_from = \"…\")]`";
        self.change(&key.name, NO_COLUMN, &declaration::<D>(key, true), advice, statements)
    }

    pub(crate) fn is_of_another_program(&self) -> ManualChange {
        let declared = format!("{} NOT NULL", D::VERSION_TYPE);
        let advice = "another program made the table; rename one of the two";
        self.change(VERSION_COLUMN, NO_COLUMN, &declared, advice, Vec::new())
    }

    /// A column that is required is declared by no field.
    pub(crate) fn is_no_longer_declared(&self, extra: &FoundColumn) -> ManualChange {
        let advice = "declare the field again, or drop the column by hand";
        let mut statements =
            vec!["-- its values are lost, and older versions of the program need it".into()];
        statements.extend(self.dropped(&extra.name));
        self.change(&extra.name, &form(&extra.kind, true, false), NO_COLUMN, advice, statements)
    }

    pub(crate) fn is_no_longer_unique(&self, column: &str, index: &str) -> ManualChange {
        let drop = drop_index(index);
        let advice = format!("declare it unique again, or run {drop}");
        self.change(column, "unique", "not unique", &advice, vec![drop])
    }

    /// The statements that drop a column, which may have an index.
    fn dropped(&self, column: &str) -> Vec<String> {
        let (table, index) = (&self.table.name, index_name::<D>(&self.table.name, column));
        let index = self.found.index(&index);
        let index = index.map(|index| format!("DROP INDEX IF EXISTS \"{index}\""));
        let column = format!("ALTER TABLE \"{table}\" DROP COLUMN \"{column}\"");
        index.into_iter().chain([column]).collect()
    }

    /// A comment that names the column which a new one may have been, when there is only one.
    fn perhaps_renamed(&self, column: &Column) -> Vec<String> {
        let is_it = |found: &&FoundColumn| {
            let declared = self.table.position(&found.name).is_some();
            let same = found.kind.eq_ignore_ascii_case(D::declared_type(column.kind));
            same && !declared && !found.key && found.name != VERSION_COLUMN
        };
        let mut there = self.found.columns.iter().filter(is_it);
        match (there.next(), there.next()) {
            (Some(FoundColumn { name, .. }), None) => vec![format!(
                "-- if it is \"{name}\" under a new name, write #[field(renamed_from = \"{name}\")] \
                 instead"
            )],
            _ => Vec::new(),
        }
    }

    fn change(
        &self,
        column: &str,
        found: &str,
        declared: &str,
        advice: &str,
        statements: Vec<String>,
    ) -> ManualChange {
        self.manual(column, format!("found {found}, declared {declared}; {advice}"), statements)
    }

    fn manual(&self, column: &str, why: String, statements: Vec<String>) -> ManualChange {
        let (table, column) = (self.table.name.clone(), column.to_owned());
        ManualChange { table, column, is_index: false, newer_name: None, why, statements }
    }
}

fn form(kind: &str, required: bool, key: bool) -> String {
    let required = if required { " NOT NULL" } else { "" };
    format!("{kind}{required}{}", if key { " PRIMARY KEY" } else { "" })
}

/// A value of a type, for the moment before a row has its own.
fn blank(kind: ColumnKind) -> Value {
    match kind {
        ColumnKind::Bool => Value::Bool(false),
        ColumnKind::Integer => Value::Integer(0),
        ColumnKind::Real => Value::Real(0.0),
        ColumnKind::Decimal => Value::Decimal(Decimal::default()),
        ColumnKind::Text => Value::text(""),
        ColumnKind::Timestamp => Value::Timestamp(Timestamp::from_micros(0)),
        ColumnKind::Date => Date::new(1970, 1, 1).map_or(Value::Null, Value::Date),
        ColumnKind::Json => Value::Json("null".into()),
    }
}
