//! The names of tables and columns, and what is composed of them.

use protean_port::message::{Column, Table};
use protean_port::{Error, Result};

use crate::Dialect;

/// # Errors
/// When a name of a table or one of its columns is none that every database takes.
pub fn check_names(table: &Table) -> Result {
    table.name_fault().map_or(Ok(()), |fault| Err(Error::misused(fault)))
}

/// The name of a column, and those that it had before.
pub(crate) fn names(column: &Column) -> impl Iterator<Item = &String> {
    std::iter::once(&column.name).chain(&column.renamed_from)
}

/// The name of the index that keeps a column unique: `table.column`, which no declared
/// name can be. A name that is too long is cut, and a hash keeps it distinct.
pub(crate) fn index_name<D: Dialect>(table: &str, column: &str) -> String {
    suffixed::<D>(&format!("{table}.{column}"), "")
}

/// True for the beginning of a name that was cut to make room for a suffix.
pub(crate) fn is_cut(name: &str) -> bool {
    let hash = name.rsplit_once('~').map(|(_, hash)| hash);
    hash.is_some_and(|hash| hash.len() == 16 && hash.bytes().all(|one| one.is_ascii_hexdigit()))
}

/// A name with this suffix, which no other name gets. One that is too long is cut, and a hash keeps
/// it distinct.
pub fn suffixed<D: Dialect>(name: &str, suffix: &str) -> String {
    let room = D::MAX_NAME_BYTES.map(|most| most.saturating_sub(suffix.len()));
    match room.filter(|room| name.len() > *room) {
        Some(room) => {
            let cut = name.floor_char_boundary(room.saturating_sub(17));
            format!("{}~{:016x}{suffix}", &name[..cut], stable_hash(name))
        }
        None => format!("{name}{suffix}"),
    }
}

/// FNV-1a: the same in every process and release, so that names can be built on it.
pub fn stable_hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::{index_name, suffixed};
    use crate::dialect::tests::Plain;

    #[test]
    fn long_names_of_indexes_are_cut_and_stay_distinct() {
        assert_eq!(index_name::<Plain>("users", "email"), "users.email");
        let long = index_name::<Plain>("users", "address_street_one");
        assert_eq!(long.len(), 24);
        assert_ne!(long, index_name::<Plain>("users", "address_street_two"));
    }

    #[test]
    fn suffixes_fit_and_names_stay_distinct() {
        assert_eq!(suffixed::<Plain>("by_owner", "__g2"), "by_owner__g2");
        let longest = suffixed::<Plain>("by_owner_and_balance", "__g2");
        assert_eq!(longest, "by_owner_and_balance__g2");
        let cut = suffixed::<Plain>("by_owner_and_balance_1", "__g2");
        assert!(cut.len() <= 24 && cut.ends_with("__g2"), "{cut}");
        assert_ne!(cut, suffixed::<Plain>("by_owner_and_balance_2", "__g2"));
    }
}
