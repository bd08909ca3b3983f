//! The tables that aggregates and projections declare.

use super::sort_key::with_key;
use super::{Direction, SortKey, Value};

/// The tables and views of the store itself, in an order in which they can be dropped.
/// Aggregates and projections cannot use these names.
pub const RESERVED: [&str; 20] = [
    "outbox",
    "messages",
    "progress",
    "cursors",
    "done",
    "parked",
    "dead",
    "counters",
    "enrolments",
    "idempotency",
    "removed",
    "outbox_queue",
    "log_id",
    "group_names",
    "message_counts",
    "protean.correlations",
    "protean.scheduled",
    "protean_intake",
    "protean_intake_rejects",
    SNAPSHOTS,
];

/// The table of snapshots. The domain declares it, like the tables of its aggregates, when
/// an aggregate is event-sourced.
pub const SNAPSHOTS: &str = "snapshots";

/// The table of one state-stored aggregate or projection.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    /// The name in snake case: `account_summary`.
    pub name: String,
    /// The index of the column that holds the identity.
    pub key: usize,
    /// The columns, in the order of the fields.
    pub columns: Vec<Column>,
    /// The indexes, beside those of the key and of unique columns.
    pub indexes: Vec<Index>,
}

/// An index of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Index {
    /// What its entries are sorted by, the most significant first.
    pub columns: Vec<SortKey>,
    /// True when no two rows may have the same values in all its columns. A row without a value in
    /// one of them never conflicts.
    pub unique: bool,
}

impl Index {
    /// An index as it is declared, with these names of its columns: `index(author, title desc)`.
    pub fn label<'n>(&self, names: impl IntoIterator<Item = &'n str>) -> String {
        let entries = self.columns.iter().zip(names).map(|(key, name)| match key.direction {
            Direction::Ascending => name.to_owned(),
            Direction::Descending => format!("{name} desc"),
        });
        let entries: Vec<String> = entries.collect();
        format!("{}({})", if self.unique { "unique" } else { "index" }, entries.join(", "))
    }
}

/// The column that holds the version of a row.
pub const VERSION_COLUMN: &str = "_version";

/// The most bytes of a name: PostgreSQL cuts longer ones.
const MAX_NAME_BYTES: usize = 63;

/// The maximum number of columns of an index, without the key: PostgreSQL allows 32 with it.
const MAX_INDEX_COLUMNS: usize = 31;

/// How names of the databases' own tables begin.
const RESERVED_PREFIXES: [&str; 2] = ["pg_", "sqlite_"];

/// Columns that PostgreSQL adds to every table.
const SYSTEM_COLUMNS: [&str; 6] = ["tableoid", "xmin", "cmin", "xmax", "cmax", "ctid"];

impl Table {
    /// Why a database cannot have a table of these names; the same for every database, so that a
    /// domain can move from one to another. Statements are composed of the names, so anything but a
    /// plain one is refused.
    pub fn name_fault(&self) -> Option<String> {
        let table = self.name.as_str();
        let is_reserved = RESERVED.contains(&table) && table != SNAPSHOTS;
        if is_reserved || RESERVED_PREFIXES.iter().any(|prefix| table.starts_with(prefix)) {
            return Some(format!(
                "a table cannot be called '{table}', the name is reserved: rename it"
            ));
        }
        let columns = || self.columns.iter().map(|column| column.name.as_str());
        let named = || std::iter::once(table).chain(columns()).chain(self.former_names());
        if let Some(odd) = named().find(|name| !is_plain(name)) {
            return Some(format!(
                "'{odd}' in the table '{table}' is not a valid name: use lowercase letters, digits \
                 and '_', beginning with a letter or '_', and at most {MAX_NAME_BYTES} bytes"
            ));
        }
        let is_taken = |name: &&str| *name == VERSION_COLUMN || SYSTEM_COLUMNS.contains(name);
        if let Some(taken) = columns().find(is_taken) {
            return Some(format!(
                "the column name '{taken}' of the table '{table}' is reserved: rename the field"
            ));
        }
        let repeated = columns()
            .enumerate()
            .find(|(index, name)| self.columns[..*index].iter().any(|other| other.name == *name));
        if let Some((_, repeated)) = repeated {
            return Some(format!(
                "the table '{table}' has a second column '{repeated}': rename the field"
            ));
        }
        if let Some(former) = self.former_names().find(|name| self.position(name).is_some()) {
            return Some(format!(
                "the table '{table}' has a column '{former}', and another column was renamed from \
                 it: choose another name for the new one, or remove `renamed_from = \"{former}\"` \
                 once every database was opened with it"
            ));
        }
        let former: Vec<&str> = self.former_names().collect();
        if let Some(at) = (1..former.len()).find(|at| former[..*at].contains(&former[*at])) {
            let twice = former[at];
            return Some(format!(
                "two columns of the table '{table}' were renamed from '{twice}': remove one \
                 `renamed_from`"
            ));
        }
        if self.key >= self.columns.len() {
            return Some(format!("the table '{table}' has no column for its identity"));
        }
        self.index_fault()
    }

    fn index_fault(&self) -> Option<String> {
        let table = &self.name;
        let in_indexes = self.indexes.iter().flat_map(|index| &index.columns);
        let in_indexes = in_indexes.filter_map(|key| self.columns.get(key.column));
        let unique = self.columns.iter().filter(|column| column.unique);
        if let Some(json) = unique.chain(in_indexes).find(|column| column.kind == ColumnKind::Json)
        {
            return Some(format!(
                "'{}' of the table '{table}' holds JSON, which is neither compared nor sorted: \
                 remove `unique` and `index`",
                json.name
            ));
        }
        for (number, index) in self.indexes.iter().enumerate() {
            let name = self.index_label(index);
            if self.indexes[..number].contains(index) {
                return Some(format!("the table '{table}' has {name} twice: remove one"));
            }
            let columns = || index.columns.iter().map(|key| key.column);
            let repeats = |at| columns().take(at).any(|column| Some(column) == columns().nth(at));
            if (0..index.columns.len()).any(repeats) {
                return Some(format!("{name} of the table '{table}' names a column twice"));
            }
            if index.columns.is_empty() || index.columns.len() > MAX_INDEX_COLUMNS {
                return Some(format!(
                    "{name} of the table '{table}' has {} columns: an index has 1 to \
                     {MAX_INDEX_COLUMNS}",
                    index.columns.len()
                ));
            }
        }
        None
    }

    /// An index as it is declared: `index(author, title desc)`.
    pub fn index_label(&self, index: &Index) -> String {
        let name = |key: &SortKey| self.columns.get(key.column).map_or("?", |column| &*column.name);
        index.label(index.columns.iter().map(name))
    }

    /// The columns whose values no two rows may share, each set on its own; without the key.
    pub fn unique_sets(&self) -> Vec<Vec<usize>> {
        let of_columns = self.columns.iter().enumerate();
        let of_columns = of_columns
            .filter(|(at, column)| column.unique && *at != self.key)
            .map(|(at, _)| vec![at]);
        let of_indexes = self.indexes.iter().filter(|index| index.unique);
        let of_indexes =
            of_indexes.map(|index| index.columns.iter().map(|key| key.column).collect());
        of_columns.chain(of_indexes).collect()
    }

    /// What the entries of an index are sorted by. One that is not unique ends with the key, as the
    /// orders of queries do.
    pub fn index_keys(&self, index: &Index) -> Vec<SortKey> {
        if index.unique { index.columns.clone() } else { with_key(&index.columns, self.key) }
    }

    /// The names that its columns had before.
    fn former_names(&self) -> impl Iterator<Item = &str> {
        self.columns.iter().flat_map(|column| column.renamed_from.iter().map(String::as_str))
    }

    /// The column that holds the identity.
    pub fn key_column(&self) -> &Column {
        &self.columns[self.key]
    }

    /// The index of the column with this name.
    pub fn position(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.name == name)
    }
}

/// A column of a table.
#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    /// The name of the field; `address_street` for the field `street` of a value object `address`.
    pub name: String,
    /// The type of its values.
    pub kind: ColumnKind,
    /// True when a row may have no value here.
    pub nullable: bool,
    /// True when no two rows may have the same value.
    pub unique: bool,
    /// The value of rows that were there before the column; those written later name theirs.
    pub default: Option<Value>,
    /// The names that it had before. A column of such a name is renamed when the store is prepared.
    pub renamed_from: Vec<String>,
}

/// The type of the values in a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnKind {
    /// `true` or `false`.
    Bool,
    /// An integer of 64 bits.
    Integer,
    /// A floating-point number of 64 bits.
    Real,
    /// An exact decimal number.
    Decimal,
    /// Text of any length.
    Text,
    /// A moment in UTC, to the microsecond.
    Timestamp,
    /// A day without a time.
    Date,
    /// A JSON value as text.
    Json,
}

fn is_plain(name: &str) -> bool {
    let first = |c: char| c.is_ascii_lowercase() || c == '_';
    let plain = name.starts_with(first) && name.chars().all(|c| first(c) || c.is_ascii_digit());
    plain && name.len() <= MAX_NAME_BYTES
}

#[cfg(test)]
mod tests {
    use super::{Column, ColumnKind, Table};

    fn table(name: &str, columns: &[&str]) -> Table {
        let column = |name: &&str| Column {
            name: (*name).into(),
            kind: ColumnKind::Text,
            nullable: false,
            unique: false,
            default: None,
            renamed_from: Vec::new(),
        };
        let columns = columns.iter().map(column).collect();
        Table { name: name.into(), key: 0, columns, indexes: Vec::new() }
    }

    #[test]
    fn a_name_of_before_that_is_taken_or_given_twice_is_a_fault() {
        for (first, second, why) in [
            (&["id"][..], &[][..], "has a column 'id'"),
            (&["was"], &["was"], "two columns of the table 'users'"),
            (&["was", "was"], &[], "two columns"),
            (&["Was"], &[], "'Was' in the table 'users' is not a valid name"),
        ] {
            let mut table = table("users", &["id", "mail", "phone"]);
            for (column, names) in [(1, first), (2, second)] {
                table.columns[column].renamed_from = names.iter().map(|&n| n.into()).collect();
            }
            let fault = table.name_fault().unwrap_or_default();
            assert!(fault.contains(why), "{first:?} {second:?}: {fault}");
        }
        let mut table = table("users", &["id", "mail"]);
        table.columns[1].renamed_from = vec!["was".into(), "was_once".into()];
        assert_eq!(table.name_fault(), None);
    }

    #[test]
    fn names_that_are_taken_repeated_or_more_than_a_name_are_faults() {
        let long = "a".repeat(64);
        for (name, columns, why) in [
            ("messages", &["id"][..], "reserved"),
            ("pg_users", &["id"], "reserved"),
            ("sqlite_users", &["id"], "reserved"),
            ("Users", &["id"], "not a valid name"),
            ("users", &["id", "na\"me"], "not a valid name"),
            ("users", &[&long], "at most 63 bytes"),
            ("users", &["id", "id"], "second column 'id'"),
            ("users", &["id", "_version"], "'_version' of the table 'users' is reserved"),
            ("users", &["id", "xmin"], "'xmin' of the table 'users' is reserved"),
            ("users", &[], "no column for its identity"),
        ] {
            let fault = table(name, columns).name_fault().unwrap_or_default();
            assert!(fault.contains(why), "{name} {columns:?}: {fault}");
        }
        assert_eq!(table("snapshots", &["id", "_name7", &long[1..]]).name_fault(), None);
    }
}
