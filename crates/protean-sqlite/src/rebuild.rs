//! Replaces the table of a projection by one that was filled anew.

use protean_port::Result;
use protean_port::message::Table;
use protean_port::port::{BoxFuture, Naming, Rebuilds, TableSwap, without_generation};
use protean_sql::{
    AddedIndex, delete_some, drop_table, is_own_index, limit, rename_table, unsigned,
};
use rusqlite::{Connection, Row};

use crate::connection::Settings;
use crate::dialect::SqliteDialect;
use crate::step::reached;
use crate::store::{SqliteStore, alter};
use crate::{error, forget, group_names};

/// What is deleted at once, so that its account closes: few rows. The rest is deleted in time.
const RETIREMENT: [&str; 4] = [
    include_str!("sql/retire_group.sql"),
    include_str!("sql/forget_all_parked.sql"),
    include_str!("sql/forget_all_dead.sql"),
    include_str!("sql/forget_all_counters.sql"),
];
/// How many rows of a table one transaction deletes.
const ROWS_PER_TRANSACTION: usize = 300;

impl Rebuilds for SqliteStore {
    fn dependents<'a>(&'a self, table: &'a str) -> BoxFuture<'a, Result<Vec<String>>> {
        let table = table.to_owned();
        Box::pin(self.readers.read(move |view| dependents(view, &table)))
    }

    fn equip<'a>(&'a self, swap: &'a TableSwap) -> BoxFuture<'a, Result<()>> {
        let swap = swap.clone();
        Box::pin(self.writer.run(move |committer| {
            alter(committer, |connection, settings| {
                let added = added_indexes(connection, &swap.table);
                for index in added.map_err(|e| settings.explain(e))? {
                    let name = format!("{}{}", without_generation(&index.name), swap.suffix());
                    let statement = index.on(&swap.successor, &name)?;
                    connection.execute(&statement, []).map_err(|e| settings.explain(e))?;
                }
                Ok(())
            })
        }))
    }

    fn swap<'a>(&'a self, swap: &'a TableSwap) -> BoxFuture<'a, Result<()>> {
        let of = swap.clone();
        Box::pin(self.writer.run(move |committer| {
            alter(committer, |connection, settings| replace(connection, settings, &of))
        }))
    }

    fn clear<'a>(&'a self, swap: &'a TableSwap) -> BoxFuture<'a, Result<bool>> {
        let former = Table { name: swap.former.clone(), ..swap.table.clone() };
        let groups: Vec<_> = swap.groups.iter().map(|group| group.before.clone()).collect();
        Box::pin(self.writer.run(move |committer| {
            alter(committer, |connection, settings| {
                let [rest @ .., _registration] = &forget::GROUP_STATEMENTS;
                let groups = without_name(connection, &groups);
                let deleted = groups.and_then(|groups| delete(connection, &former, rest, &groups));
                deleted.map_err(|e| settings.explain(e))
            })
        }))
    }

    fn abandon<'a>(&'a self, swap: &'a TableSwap) -> BoxFuture<'a, Result<bool>> {
        let successor = swap.successor();
        let groups: Vec<_> = swap.groups.iter().map(|group| group.after.clone()).collect();
        Box::pin(self.writer.run(move |committer| {
            alter(committer, |connection, settings| {
                let abandoned = without_name(connection, &groups).and_then(|groups| {
                    // Without them, what is left is not taken for a successor to go on with.
                    for group in &groups {
                        connection.execute(include_str!("sql/unregister_group.sql"), [group])?;
                    }
                    delete(connection, &successor, &forget::GROUP_STATEMENTS, &groups)
                });
                abandoned.map_err(|e| settings.explain(e))
            })
        }))
    }
}

/// Those of the ids that no group has.
fn without_name<'a>(connection: &Connection, ids: &'a [String]) -> rusqlite::Result<Vec<&'a str>> {
    let known = group_names::read(connection)?;
    Ok(ids.iter().map(String::as_str).filter(|id| known.name(id).is_none()).collect())
}

/// Deletes some rows of a table, then some of what is stored about groups; true when there was
/// something to delete.
fn delete(
    connection: &Connection,
    table: &Table,
    statements: &[&str],
    groups: &[&str],
) -> rusqlite::Result<bool> {
    if delete_rows(connection, table)? {
        return Ok(true);
    }
    let removed = (&table.name, limit(ROWS_PER_TRANSACTION));
    if connection.execute(include_str!("sql/forget_some_removed.sql"), removed)? > 0 {
        return Ok(true);
    }
    for sql in statements {
        for group in groups {
            if forget::some(connection, sql, group)? > 0 {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

/// Deletes some rows of a table, or the table once it has none; false when there is no such table.
fn delete_rows(connection: &Connection, table: &Table) -> rusqlite::Result<bool> {
    let some = delete_some(&table.name, &table.key_column().name, ROWS_PER_TRANSACTION);
    let deleted = match connection.execute(&some, []) {
        Err(error) if error::is_unprepared(&error) => return Ok(false),
        deleted => deleted?,
    };
    reached("after some rows are deleted");
    if deleted == 0 {
        connection.execute(&drop_table(table), [])?;
        connection.execute(include_str!("sql/forget_renamed_columns.sql"), [&table.name])?;
    }
    Ok(true)
}

fn dependents(view: &Connection, table: &str) -> rusqlite::Result<Vec<String>> {
    let mut statement = view.prepare_cached(include_str!("sql/dependents.sql"))?;
    statement.query_map([table], |row| row.get(0))?.collect()
}

fn added_indexes(view: &Connection, table: &Table) -> rusqlite::Result<Vec<AddedIndex>> {
    let mut statement = view.prepare_cached(include_str!("sql/indexes_of.sql"))?;
    let read = |row: &Row<'_>| Ok(AddedIndex { name: row.get(0)?, statement: row.get(1)? });
    let mut indexes = statement.query_map([&table.name], read)?.collect::<Result<Vec<_>, _>>()?;
    indexes.retain(|index| !is_own_index::<SqliteDialect>(table, &index.name));
    Ok(indexes)
}

fn replace(connection: &Connection, settings: &Settings, swap: &TableSwap) -> Result {
    let explain = |e| settings.explain(e);
    let table = &*swap.table.name;
    swap.check_ids(&group_names::read(connection).map_err(explain)?)?;
    swap.check_dependents(&dependents(connection, table).map_err(explain)?)?;
    for group in &swap.groups {
        let held =
            connection.query_row(include_str!("sql/count_held.sql"), [&group.after], |row| {
                Ok((unsigned(row.get(0)?), unsigned(row.get(1)?)))
            });
        let (parked, dead) = held.map_err(explain)?;
        group.check_held(parked, dead)?;
    }
    for (from, to) in [(table, &*swap.former), (&*swap.successor, table)] {
        // A projection that is new has no table yet.
        if from == table && !connection.table_exists(None, from).map_err(explain)? {
            continue;
        }
        connection.execute(&rename_table(from, to), []).map_err(explain)?;
        let moved = connection.execute(include_str!("sql/move_removed.sql"), [from, to]);
        moved.map_err(explain)?;
        reached("after a table is renamed");
    }
    // So that an older program adds none of the columns again.
    let names = [&*swap.successor, table];
    connection.execute(include_str!("sql/copy_renamed_columns.sql"), names).map_err(explain)?;
    connection
        .execute(include_str!("sql/forget_renamed_columns.sql"), [&swap.successor])
        .map_err(explain)?;
    for group in &swap.groups {
        retire(connection, &group.before).map_err(explain)?;
        let naming = Naming::Id(group.after.as_str().into());
        group_names::write(connection, &group.name, &naming).map_err(explain)?;
    }
    reached("after the groups are swapped");
    Ok(())
}

/// Leaves out what is under way for a group.
fn retire(connection: &Connection, group: &str) -> rusqlite::Result<()> {
    RETIREMENT.iter().try_for_each(|sql| connection.execute(sql, [group]).map(drop))
}
