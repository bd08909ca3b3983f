//! The indexes that a table has by its declaration.

use protean_port::message::{Column, Direction, Index, SortKey, Table};
use protean_port::port::without_generation;

use crate::Dialect;
use crate::name::{index_name, is_cut, names, suffixed};

/// An index that the declaration of a table asks for.
pub(crate) struct OwnIndex {
    /// Its name: what is indexed, so that another index has another name.
    pub(crate) name: String,
    /// The names it may have had before its columns were renamed.
    pub(crate) former: Vec<String>,
    /// True when it keeps values unique.
    pub(crate) is_unique: bool,
    /// Its entries, as SQL.
    entries: String,
}

impl OwnIndex {
    fn of_column<D: Dialect>(table: &Table, column: &Column) -> Self {
        let mut names = names(column).map(|name| index_name::<D>(&table.name, name));
        let nulls = if column.nullable { D::index_nulls(Direction::Ascending) } else { "" };
        Self {
            name: names.next().unwrap_or_default(),
            former: names.collect(),
            is_unique: true,
            entries: format!("{}{nulls}", D::unique_value(column)),
        }
    }

    fn of_index<D: Dialect>(table: &Table, index: &Index) -> Self {
        let entries = table.index_keys(index).into_iter().map(|key| {
            let column = &table.columns[key.column];
            let value = match index.unique {
                true => D::unique_value(column),
                false => format!("\"{}\"{}", column.name, D::compared_collation(column.kind)),
            };
            let may_be_null = column.nullable && key.column != table.key;
            let nulls = if may_be_null { D::index_nulls(key.direction) } else { "" };
            let direction = if key.direction == Direction::Descending { " DESC" } else { "" };
            format!("{value}{direction}{nulls}")
        });
        let entries = entries.collect::<Vec<_>>().join(", ");
        let mut names =
            labels(table, index).map(|label| labelled::<D>(&table.name, index.unique, &label));
        let name = names.next().unwrap_or_default();
        Self { name, former: names.collect(), is_unique: index.unique, entries }
    }

    /// The statement that creates it.
    pub(crate) fn create<D: Dialect>(&self, table: &Table, concurrently: bool) -> String {
        let unique = if self.is_unique { "UNIQUE " } else { "" };
        let concurrently = if concurrently { D::CONCURRENTLY } else { "" };
        let (name, of, entries) = (&self.name, &table.name, &self.entries);
        format!("CREATE {unique}INDEX{concurrently} \"{name}\" ON \"{of}\" ({entries})")
    }
}

/// The indexes that the declaration of a table asks for, without the one of the key.
pub(crate) fn own_indexes<D: Dialect>(table: &Table) -> impl Iterator<Item = OwnIndex> {
    let columns = table.columns.iter().enumerate();
    let unique = columns.filter(|(at, column)| column.unique && *at != table.key);
    let unique = unique.map(|(_, column)| OwnIndex::of_column::<D>(table, column));
    unique.chain(table.indexes.iter().map(|index| OwnIndex::of_index::<D>(table, index)))
}

/// The names of the indexes that keep columns unique, or would, and of the declared ones.
pub fn own_index_names<D: Dialect>(table: &Table) -> impl Iterator<Item = String> + Send {
    let columns = table.columns.iter().map(|column| index_name::<D>(&table.name, &column.name));
    let declared = table.indexes.iter().map(|index| OwnIndex::of_index::<D>(table, index).name);
    columns.chain(declared)
}

/// True for the name of an index that the declaration of this table has asked for, and which no
/// person has added.
pub fn is_own_index<D: Dialect>(table: &Table, index: &str) -> bool {
    let of_table =
        index.split_once('.').is_some_and(|(of, _)| without_generation(of) == table.name);
    of_table
        || own_label(table, index).is_some()
        || own_index_names::<D>(table).any(|own| own == index)
}

/// What an index on several columns, or one that keeps nothing unique, is called.
pub(crate) struct OwnLabel<'i> {
    /// True when it keeps values unique.
    pub(crate) is_unique: bool,
    /// The declaration, `index(author, title desc)`, or the whole name where that is cut.
    pub(crate) label: &'i str,
}

/// The label of an index of this table, when a declaration has asked for it.
pub(crate) fn own_label<'i>(table: &Table, index: &'i str) -> Option<OwnLabel<'i>> {
    let is_of = |kind: &str| {
        let label = index.strip_suffix(kind).and_then(|name| name.strip_suffix('.'));
        if label.is_some_and(is_cut) {
            return Some(index);
        }
        let (of, label) = index.split_once('.')?;
        let is_own = label.strip_prefix(kind).is_some_and(|rest| rest.starts_with('('));
        (is_own && without_generation(of) == table.name).then_some(label)
    };
    let own = |is_unique| Some(OwnLabel { is_unique, label: is_of(kind(is_unique))? });
    own(false).or_else(|| own(true))
}

/// How the labels of indexes begin.
fn kind(is_unique: bool) -> &'static str {
    if is_unique { "unique" } else { "index" }
}

/// The name of an index with a label. One that is too long is cut, and ends with its kind.
fn labelled<D: Dialect>(table: &str, is_unique: bool, label: &str) -> String {
    let name = format!("{table}.{label}");
    match D::MAX_NAME_BYTES.is_some_and(|most| name.len() > most) {
        true => suffixed::<D>(&name, &format!(".{}", kind(is_unique))),
        false => name,
    }
}

/// The most names that an index is looked for under: all of them when up to ten of its columns were
/// renamed once.
const MAX_LABELS: usize = 1 << 10;

/// The label of an index, and those that it had before its columns were renamed.
fn labels(table: &Table, index: &Index) -> impl Iterator<Item = String> {
    let names_of = |key: &SortKey| names(&table.columns[key.column]).collect::<Vec<_>>();
    let columns: Vec<Vec<&String>> = index.columns.iter().map(names_of).collect();
    let count = columns.iter().fold(1, |count: usize, names| count.saturating_mul(names.len()));
    (0..count.min(MAX_LABELS)).map(move |number| {
        let mut rest = number;
        let names = columns.iter().map(|names| {
            let name = names[rest % names.len()];
            rest /= names.len();
            name.as_str()
        });
        index.label(names)
    })
}

#[cfg(test)]
mod tests {
    use protean_port::message::{Column, ColumnKind, Index, SortKey, Table};

    use super::{own_indexes, own_label};
    use crate::dialect::tests::Plain;

    /// A table whose columns were renamed, with an index on all of them.
    fn table(name: &str, columns: usize, unique: bool) -> Table {
        let column = |number: usize| Column {
            name: format!("c{number}"),
            kind: ColumnKind::Text,
            nullable: true,
            unique: false,
            default: None,
            renamed_from: vec![format!("b{number}"), format!("a{number}")],
        };
        let index = Index { columns: (1..columns).map(SortKey::descending).collect(), unique };
        let columns = (0..columns).map(column).collect();
        Table { name: name.into(), key: 0, columns, indexes: vec![index] }
    }

    #[test]
    fn an_index_is_looked_for_under_each_former_name() {
        let own = own_indexes::<Plain>(&table("t", 2, false)).next().unwrap();
        assert_eq!(own.name, "t.index(c1 desc)");
        assert_eq!(own.former, ["t.index(b1 desc)", "t.index(a1 desc)"]);
        let own = own_indexes::<Plain>(&table("t", 3, false)).next().unwrap();
        assert_eq!(own.former.len(), 8);
        let own = own_indexes::<Plain>(&table("t", 32, false)).next().unwrap();
        assert_eq!(own.former.len(), 1023);
    }

    #[test]
    fn a_name_that_is_cut_tells_its_kind() {
        for (unique, kind) in [(false, ".index"), (true, ".unique")] {
            let table = table("a_table_of_a_long_name", 2, unique);
            let own = own_indexes::<Plain>(&table).next().unwrap();
            assert!(own.name.len() <= 24 && own.name.ends_with(kind), "{}", own.name);
            let label = own_label(&table, &own.name).unwrap();
            assert_eq!((label.is_unique, label.label), (unique, &*own.name));
        }
        let table = table("t", 2, false);
        assert_eq!(own_label(&table, "t.unique(a, b)").unwrap().label, "unique(a, b)");
        for other in ["t.index", "t.unique", "of~somebody.index", "u.index(a)", "t.indexes"] {
            assert!(own_label(&table, other).is_none(), "{other}");
        }
    }
}
