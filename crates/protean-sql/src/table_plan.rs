//! Plans how the tables of aggregates and projections are laid out and extended.

use std::fmt::Display;

use protean_port::message::{Column, Table, VERSION_COLUMN};
use protean_port::{Error, Result};

use crate::Dialect;
use crate::name::index_name;

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

/// What brings a table to its declared form.
#[derive(Debug)]
pub struct TablePlan {
    /// The statements, in the order in which they run in one transaction.
    pub statements: Vec<String>,
    /// Set when the statements drop the table. They may then run only while it has no
    /// rows; otherwise this is the error.
    pub error_unless_empty: Option<Error>,
}

impl TablePlan {
    /// Plans how a table with the columns that were found, none if it does not exist,
    /// becomes the declared one. Its unique indexes are planned by [`unique_indexes`].
    ///
    /// # Errors
    /// When the table has a form that cannot be extended to the declared one.
    pub fn of<D: Dialect>(table: &Table, found: &[FoundColumn]) -> Result<Self> {
        if found.is_empty() {
            return Ok(Self {
                statements: vec![create_table::<D>(table)],
                error_unless_empty: None,
            });
        }
        let missing = missing_columns::<D>(table, found)?;
        // The rows there are have no value for a required column.
        let has_value = |column: &Column| column.nullable || column.default.is_some();
        if let Some(column) = missing.iter().find(|column| !has_value(column)) {
            let declared = declaration::<D>(column, true);
            let advice = "give the field a `#[field(default = …)]` for existing rows, make it \
                          optional, or add the column by hand with a default";
            let difference = Difference { found: NO_COLUMN, declared: &declared };
            let error = difference.error(table, &column.name, advice);
            let statements = vec![drop_table(table), create_table::<D>(table)];
            return Ok(Self { statements, error_unless_empty: Some(error) });
        }
        let add = |column: &&Column| {
            let (name, declared) = (&table.name, declaration::<D>(column, false));
            let default = column.default.as_ref().map(D::literal);
            let default = default.map_or_else(String::new, |value| format!(" DEFAULT {value}"));
            format!("ALTER TABLE \"{name}\" ADD COLUMN {declared}{default}")
        };
        Ok(Self { statements: missing.iter().map(add).collect(), error_unless_empty: None })
    }
}

/// The statement that drops a table, if it exists.
pub fn drop_table(table: &Table) -> String {
    format!("DROP TABLE IF EXISTS \"{}\"", table.name)
}

/// The statement that selects one row when a table has any.
pub fn has_rows(table: &Table) -> String {
    format!("SELECT 1 FROM \"{}\" LIMIT 1", table.name)
}

fn create_table<D: Dialect>(table: &Table) -> String {
    let declared = |(index, column)| declaration::<D>(column, index == table.key);
    let columns: Vec<String> = table.columns.iter().enumerate().map(declared).collect();
    format!(
        "CREATE TABLE \"{}\" ({}, \"{VERSION_COLUMN}\" {} NOT NULL, PRIMARY KEY (\"{}\")){}",
        table.name,
        columns.join(", "),
        D::VERSION_TYPE,
        table.key_column().name,
        D::TABLE_OPTIONS
    )
}

fn declaration<D: Dialect>(column: &Column, required: bool) -> String {
    let (kind, collation) = (D::declared_type(column.kind), D::declared_collation(column.kind));
    let required = if column.nullable && !required { "" } else { " NOT NULL" };
    format!("\"{}\" {kind}{collation}{required}", column.name)
}

const NO_COLUMN: &str = "no such column";

/// The declared columns that the database lacks, when it differs in nothing else.
fn missing_columns<'a, D: Dialect>(
    table: &'a Table,
    found: &[FoundColumn],
) -> Result<Vec<&'a Column>> {
    let mut missing = Vec::new();
    for (index, column) in table.columns.iter().enumerate() {
        match found.iter().find(|there| there.name == column.name) {
            Some(there) => compare::<D>(table, index, there)?,
            None if index != table.key => missing.push(column),
            None => {
                let declared = declaration::<D>(column, true);
                let difference = Difference { found: NO_COLUMN, declared: &declared };
                return Err(difference.error(
                    table,
                    &column.name,
                    "the identity column cannot be renamed",
                ));
            }
        }
    }
    if !found.iter().any(|there| there.name == VERSION_COLUMN) {
        let declared = format!("{} NOT NULL", D::VERSION_TYPE);
        let advice = "another program made the table; rename one of the two";
        let difference = Difference { found: NO_COLUMN, declared: &declared };
        return Err(difference.error(table, VERSION_COLUMN, advice));
    }
    let is_declared = |name: &str| name == VERSION_COLUMN || table.position(name).is_some();
    match found.iter().find(|f| !is_declared(&f.name) && f.required && !f.has_default) {
        Some(extra) => {
            let found = format!("{} NOT NULL", extra.kind);
            let advice = "declare the field again, or drop the column by hand";
            let difference = Difference { found: &found, declared: NO_COLUMN };
            Err(difference.error(table, &extra.name, advice))
        }
        None => Ok(missing),
    }
}

fn compare<D: Dialect>(table: &Table, index: usize, found: &FoundColumn) -> Result {
    let (column, key) = (&table.columns[index], index == table.key);
    let (kind, required) = (D::declared_type(column.kind), key || !column.nullable);
    let same_type = found.kind.eq_ignore_ascii_case(kind);
    if same_type && found.required == required && found.key == key {
        return Ok(());
    }
    let describe = |kind: &str, required: bool, key: bool| {
        let required = if required { " NOT NULL" } else { "" };
        format!("{kind}{required}{}", if key { " PRIMARY KEY" } else { "" })
    };
    let difference = Difference {
        found: &describe(&found.kind, found.required, found.key),
        declared: &describe(kind, required, key),
    };
    let advice = "declare a new field beside the old one, or convert the column by hand";
    Err(difference.error(table, &column.name, advice))
}

/// How a column differs from its declaration.
struct Difference<'a> {
    found: &'a str,
    declared: &'a str,
}

impl Difference<'_> {
    fn error(&self, table: &Table, column: &str, advice: &str) -> Error {
        let (name, Self { found, declared }) = (&table.name, self);
        Error::misused(format!(
            "the table '{name}' cannot be extended: column '{column}': found {found}, \
             declared {declared}; {advice}"
        ))
    }
}

/// The index of a column: there for a unique one, and for no other.
#[derive(Debug)]
pub struct UniqueIndex<'a> {
    /// Its name in the database.
    pub name: String,
    table: &'a Table,
    column: &'a Column,
    statement: Option<String>,
}

/// The unique indexes a table may have, one for each column.
pub fn unique_indexes<D: Dialect>(table: &Table) -> impl Iterator<Item = UniqueIndex<'_>> + Send {
    table.columns.iter().enumerate().map(|(index, column)| {
        let name = index_name::<D>(&table.name, &column.name);
        let statement = (column.unique && index != table.key).then(|| {
            let (of, value) = (&table.name, D::unique_value(column));
            format!("CREATE UNIQUE INDEX \"{name}\" ON \"{of}\" ({value})")
        });
        UniqueIndex { name, table, column, statement }
    })
}

impl UniqueIndex<'_> {
    /// The column that it keeps unique.
    pub fn column_name(&self) -> &str {
        &self.column.name
    }

    /// The statement that creates the index, when it is wanted and does not exist.
    ///
    /// # Errors
    /// When the index exists and the column is not declared unique any more.
    pub fn plan(&self, exists: bool) -> Result<Option<&str>> {
        match &self.statement {
            Some(statement) => Ok((!exists).then_some(statement)),
            None if exists => {
                let name = &self.name;
                let advice = format!("declare it unique again, or run DROP INDEX \"{name}\"");
                let difference = Difference { found: "unique", declared: "not unique" };
                Err(difference.error(self.table, &self.column.name, &advice))
            }
            None => Ok(None),
        }
    }

    /// The error for an index that cannot be created because rows share a value;
    /// `database` names the database for a person.
    pub fn shared_value(&self, database: impl Display) -> Error {
        Error::misused(format!(
            "'{}' is declared unique, but rows in the database {database} share a value; \
             make them differ first",
            self.name
        ))
    }
}

#[cfg(test)]
mod tests {
    use protean_port::message::{Column, ColumnKind, Table};

    use super::{FoundColumn, TablePlan, unique_indexes};
    use crate::dialect::tests::Plain;

    fn users() -> Table {
        let column = |name: &str, nullable| Column {
            name: name.into(),
            kind: ColumnKind::Text,
            nullable,
            unique: !nullable,
            default: None,
        };
        Table {
            name: "users".into(),
            key: 0,
            columns: vec![column("id", false), column("note", true)],
        }
    }

    fn found(name: &str, kind: &str, key: bool) -> FoundColumn {
        let (name, kind) = (name.into(), kind.into());
        FoundColumn { name, kind, required: true, has_default: false, key }
    }

    fn id_and_version() -> Vec<FoundColumn> {
        vec![found("id", "TEXT", true), found("_version", "int", false)]
    }

    #[test]
    fn a_table_is_created_extended_or_left_alone() {
        let plan = TablePlan::of::<Plain>(&users(), &[]).unwrap();
        let created = "CREATE TABLE \"users\" (\"id\" text NOT NULL, \"note\" text, \
                       \"_version\" int NOT NULL, PRIMARY KEY (\"id\"))";
        assert_eq!(plan.statements, [created]);
        let mut there = id_and_version();
        let plan = TablePlan::of::<Plain>(&users(), &there).unwrap();
        assert_eq!(plan.statements, ["ALTER TABLE \"users\" ADD COLUMN \"note\" text"]);
        there.push(FoundColumn { required: false, ..found("note", "text", false) });
        assert!(TablePlan::of::<Plain>(&users(), &there).unwrap().statements.is_empty());
    }

    #[test]
    fn a_required_column_is_added_while_there_are_no_rows() {
        let mut table = users();
        table.columns[1].nullable = false;
        let plan = TablePlan::of::<Plain>(&table, &id_and_version()).unwrap();
        assert_eq!(plan.statements[0], "DROP TABLE IF EXISTS \"users\"");
        assert!(plan.statements[1].contains("\"note\" text NOT NULL"), "{:?}", plan.statements);
        let error = plan.error_unless_empty.unwrap().to_string();
        assert!(error.contains("'note'") && error.contains("#[field(default"), "{error}");
    }

    #[test]
    fn refuses_a_table_that_differs_in_more_than_missing_columns() {
        let [id, version] = <[_; 2]>::try_from(id_and_version()).unwrap();
        let extra = found("extra", "text", false);
        for (there, why) in [
            (vec![version.clone()], "the identity column cannot be renamed"),
            (vec![id.clone()], "another program made the table"),
            (vec![found("id", "int", true), version.clone()], "found int NOT NULL PRIMARY KEY"),
            (vec![id, version, extra], "declare the field again"),
        ] {
            let error = TablePlan::of::<Plain>(&users(), &there).unwrap_err().to_string();
            assert!(error.contains(why), "{error}");
        }
    }

    #[test]
    fn unique_columns_and_no_others_have_an_index() {
        let mut table = users();
        let key = unique_indexes::<Plain>(&table).next().unwrap();
        assert_eq!(key.plan(false).unwrap(), None, "the primary key is unique already");
        assert!(unique_indexes::<Plain>(&table).nth(1).unwrap().plan(true).is_err());
        table.columns[1].unique = true;
        let note = unique_indexes::<Plain>(&table).nth(1).unwrap();
        let created = "CREATE UNIQUE INDEX \"users.note\" ON \"users\" (\"note\")";
        assert_eq!(note.plan(false).unwrap(), Some(created));
        assert_eq!(note.plan(true).unwrap(), None);
    }
}
