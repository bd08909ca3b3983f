//! The indexes that a table has by its declaration.

use protean_port::message::{Column, Direction, Index, Table};
use protean_port::port::without_generation;

use crate::Dialect;
use crate::name::{index_name, names};

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
        Self {
            name: names.next().unwrap_or_default(),
            former: names.collect(),
            is_unique: true,
            entries: D::unique_value(column),
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
        let mut names = renamings(table, index)
            .into_iter()
            .map(|table| index_name::<D>(&table.name, &table.index_label(index)));
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

/// What an index on several columns, or one that keeps nothing unique, is called after its table,
/// when a declaration has asked for it: `index(author, title desc)`.
pub(crate) fn own_label<'i>(table: &Table, index: &'i str) -> Option<&'i str> {
    let (of, label) = index.split_once('.')?;
    let is_own = label.starts_with(PLAIN) || label.starts_with(UNIQUE);
    (is_own && without_generation(of) == table.name).then_some(label)
}

/// Prefix of the labels of non-unique indexes.
pub(crate) const PLAIN: &str = "index(";

/// Prefix of the labels of unique indexes on several columns.
const UNIQUE: &str = "unique(";

/// The table as it is, and with every former name of the columns of an index.
fn renamings(table: &Table, index: &Index) -> Vec<Table> {
    let mut tables = vec![table.clone()];
    for key in &index.columns {
        let former = &table.columns[key.column].renamed_from;
        let renamed = tables.iter().flat_map(|table| {
            former.iter().map(|name| {
                let mut table = table.clone();
                table.columns[key.column].name.clone_from(name);
                table
            })
        });
        let renamed: Vec<Table> = renamed.collect();
        tables.extend(renamed);
    }
    tables
}
