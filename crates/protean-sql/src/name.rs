//! Which names tables and columns may have.

use protean_port::message::{Column, RESERVED, SNAPSHOTS, Table};
use protean_port::{Error, Result};

use crate::Dialect;

/// The column that holds the version of a row.
pub(crate) const VERSION_COLUMN: &str = "_version";

/// Checks the names of a table and its columns. Statements are composed of them, so
/// anything but a plain name is refused.
///
/// # Errors
/// When a name belongs to the store or the database, is repeated or is not plain.
pub fn check_names<D: Dialect>(table: &Table) -> Result {
    let name = &table.name;
    let reserved = RESERVED.contains(&name.as_str()) && name != SNAPSHOTS;
    if reserved || name.starts_with(D::RESERVED_PREFIX) {
        return Err(Error::misused(format!(
            "a table cannot be called '{name}': the name is reserved; rename it"
        )));
    }
    let columns = table.columns.iter().map(|column| &column.name);
    if let Some(odd) = std::iter::once(name).chain(columns).find(|name| !is_plain::<D>(name)) {
        let limit = D::MAX_NAME_BYTES.map_or(String::new(), |most| format!(", at most {most}"));
        return Err(Error::misused(format!(
            "'{odd}' in the table '{name}' is not a valid name: use lowercase letters, digits \
             and '_', beginning with a letter or '_'{limit}"
        )));
    }
    if let Some(reserved) = table.columns.iter().find(|column| column.name == VERSION_COLUMN) {
        return Err(Error::misused(format!(
            "the column name '{}' of the table '{name}' is reserved; rename the field",
            reserved.name
        )));
    }
    let is_repeated = |index: usize, column: &Column| {
        table.columns[..index].iter().any(|other| other.name == column.name)
    };
    match table.columns.iter().enumerate().find(|(index, column)| is_repeated(*index, column)) {
        Some((_, column)) => Err(Error::misused(format!(
            "the table '{name}' has a second column '{}'; rename the field",
            column.name
        ))),
        None if table.key >= table.columns.len() => {
            Err(Error::misused(format!("the table '{name}' has no column for its identity")))
        }
        None => Ok(()),
    }
}

fn is_plain<D: Dialect>(name: &str) -> bool {
    let first = |c: char| c.is_ascii_lowercase() || c == '_';
    let plain = name.starts_with(first) && name.chars().all(|c| first(c) || c.is_ascii_digit());
    plain && D::MAX_NAME_BYTES.is_none_or(|most| name.len() <= most)
}

/// The name of the index that keeps a column unique: `table.column`, which no declared
/// name can be. A name that is too long is cut, and a hash keeps it distinct.
pub(crate) fn index_name<D: Dialect>(table: &str, column: &str) -> String {
    let mut name = format!("{table}.{column}");
    if let Some(most) = D::MAX_NAME_BYTES.filter(|most| name.len() > *most) {
        let hash = stable_hash(&name);
        name.truncate(most - 17);
        name.push_str(&format!("~{hash:016x}"));
    }
    name
}

/// FNV-1a: the same in every process and release, so that names can be built on it.
pub fn stable_hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use protean_port::message::{Column, ColumnKind, Table};

    use super::{check_names, index_name};
    use crate::dialect::tests::Plain;

    fn table(name: &str, columns: &[&str]) -> Table {
        let column = |name: &&str| Column {
            name: (*name).into(),
            kind: ColumnKind::Text,
            nullable: false,
            unique: false,
        };
        Table { name: name.into(), key: 0, columns: columns.iter().map(column).collect() }
    }

    #[test]
    fn refuses_names_that_are_taken_repeated_or_more_than_a_name() {
        for (name, columns, why) in [
            ("messages", &["id"][..], "reserved"),
            ("sys_users", &["id"], "reserved"),
            ("Users", &["id"], "not a valid name"),
            ("users", &["id", "na\"me"], "at most 24"),
            ("users", &["a_name_of_twenty_five_byte"], "not a valid name"),
            ("users", &["id", "id"], "second column 'id'"),
            ("users", &["id", "_version"], "'_version' of the table 'users' is reserved"),
            ("users", &[], "no column for its identity"),
        ] {
            let error = check_names::<Plain>(&table(name, columns)).unwrap_err().to_string();
            assert!(error.contains(why), "{name} {columns:?}: {error}");
        }
        check_names::<Plain>(&table("snapshots", &["id", "_name7"])).unwrap();
    }

    #[test]
    fn long_names_of_indexes_are_cut_and_stay_distinct() {
        assert_eq!(index_name::<Plain>("users", "email"), "users.email");
        let long = index_name::<Plain>("users", "address_street_one");
        assert_eq!(long.len(), 24);
        assert_ne!(long, index_name::<Plain>("users", "address_street_two"));
    }
}
