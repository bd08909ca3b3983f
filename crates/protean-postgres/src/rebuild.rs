//! Replaces the table of a projection by one that was filled anew.

use protean_port::Result;
use protean_port::message::{Lane, Table};
use protean_port::port::{BoxFuture, Naming, Rebuilds, TableSwap};
use protean_sql::{
    AddedIndex, drop_table, is_own_index, limit, own_index_names, rename_table, suffixed, unsigned,
};

use crate::connection::Session;
use crate::dialect::PostgresDialect;
use crate::error::Fault;
use crate::schema::end;
use crate::store::PostgresStore;
use crate::table::{LIMIT_LOCK_WAIT, columns, not_changed};
use crate::value::Text;
use crate::{forget, group_names, turnstile, wake};

/// What leaves out what is under way for a group, and makes its account close: few rows. The rest is
/// deleted in time.
const RETIREMENT: [&str; 4] = [
    include_str!("sql/retire_group.sql"),
    include_str!("sql/forget_all_parked.sql"),
    include_str!("sql/forget_all_dead.sql"),
    include_str!("sql/forget_all_counters.sql"),
];
/// How many rows of a table one transaction deletes.
const ROWS_PER_TRANSACTION: usize = 1000;

impl Rebuilds for PostgresStore {
    fn dependents<'a>(&'a self, table: &'a str) -> BoxFuture<'a, Result<Vec<String>>> {
        Box::pin(async move {
            let session = self.readers.one().await?;
            self.explained(texts(&session, include_str!("sql/dependents.sql"), &[table]).await)
        })
    }

    fn equip<'a>(&'a self, swap: &'a TableSwap) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let session = self.readers.one().await?;
            let (table, successor) = (&*swap.table.name, &*swap.successor);
            for index in self.explained(added_indexes(&session, &swap.table).await)? {
                let name = suffixed::<PostgresDialect>(&index.name, swap.suffix());
                let statement = index.on(successor, &name)?;
                self.explained(session.batch(&statement).await)?;
            }
            let sql = include_str!("sql/grants.sql");
            for statement in self.explained(texts(&session, sql, &[table, successor]).await)? {
                self.explained(session.batch(&statement).await)?;
            }
            self.explained(session.batch(&analyze(successor)).await)
        })
    }

    fn swap<'a>(&'a self, swap: &'a TableSwap) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let session = self.readers.alone().await?;
            let done = match turnstile::begin(&session, Lane::Primary).await {
                Ok(()) => self.replace(&session, swap).await,
                Err(fault) => Err(self.settings.explain(fault)),
            };
            end(&session, &self.settings, done).await?;
            self.announce();
            Ok(())
        })
    }

    fn clear<'a>(&'a self, swap: &'a TableSwap) -> BoxFuture<'a, Result<bool>> {
        Box::pin(async move {
            let session = self.readers.one().await?;
            let [rest @ .., _registration] = &forget::GROUP_STATEMENTS;
            let former = Table { name: swap.former.clone(), ..swap.table.clone() };
            let groups = swap.groups.iter().map(|group| &*group.before);
            let groups = self.explained(without_name(&session, groups).await)?;
            self.explained(delete(&session, &former, rest, &groups).await)
        })
    }

    fn abandon<'a>(&'a self, swap: &'a TableSwap) -> BoxFuture<'a, Result<bool>> {
        Box::pin(async move {
            let session = self.readers.one().await?;
            let groups = swap.groups.iter().map(|group| &*group.after);
            let groups = self.explained(without_name(&session, groups).await)?;
            // Without them, what is left is not taken for a successor to go on with.
            for group in &groups {
                let sql = include_str!("sql/unregister_group.sql");
                self.explained(session.execute(sql, &[&Text(group)]).await)?;
            }
            let statements = &forget::GROUP_STATEMENTS;
            self.explained(delete(&session, &swap.successor(), statements, &groups).await)
        })
    }
}

impl PostgresStore {
    async fn replace(&self, session: &Session, swap: &TableSwap) -> Result {
        let table = &*swap.table.name;
        swap.check_ids(&self.explained(group_names::read(session).await)?)?;
        let dependents = texts(session, include_str!("sql/dependents.sql"), &[table]).await;
        swap.check_dependents(&self.explained(dependents)?)?;
        for group in &swap.groups {
            let (parked, dead) = self.explained(count_held(session, &group.after).await)?;
            group.check_held(parked, dead)?;
        }
        let renamed = rename_all(session, swap).await;
        renamed.map_err(|fault| not_changed(table, fault, &self.settings))?;
        self.explained(wake::notify(session, &self.settings).await)
    }
}

/// Without statistics the first queries after the swap are planned for an empty table. A tenth of the
/// usual sample does, and takes no core from production for a tenth of a second; the server takes
/// the rest in time.
fn analyze(table: &str) -> String {
    format!("SET LOCAL default_statistics_target = 10; ANALYZE \"{table}\"")
}

/// Those of the ids that no group has.
async fn without_name<'a>(
    session: &Session,
    ids: impl Iterator<Item = &'a str>,
) -> Result<Vec<&'a str>, Fault> {
    let known = group_names::read(session).await?;
    Ok(ids.filter(|id| known.name(id).is_none()).collect())
}

/// Deletes a table, which takes no longer for many rows, then some of what is stored about groups;
/// true when there was something to delete.
async fn delete(
    session: &Session,
    table: &Table,
    statements: &[&str],
    groups: &[&str],
) -> Result<bool, Fault> {
    session.batch(&drop_table(table)).await?;
    let name = Text(&table.name);
    session.execute(include_str!("sql/forget_renamed_columns.sql"), &[&name]).await?;
    let removed = include_str!("sql/forget_some_removed.sql");
    if session.execute(removed, &[&name, &limit(ROWS_PER_TRANSACTION)]).await? > 0 {
        return Ok(true);
    }
    for sql in statements {
        for group in groups {
            if forget::some(session, sql, group).await? > 0 {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

async fn rename_all(session: &Session, swap: &TableSwap) -> Result<(), Fault> {
    let table = &*swap.table.name;
    session.batch(LIMIT_LOCK_WAIT).await?;
    let added = added_indexes(session, &swap.table).await?;
    let mut renames = Vec::new();
    for (from, to) in [(table, &*swap.former), (&*swap.successor, table)] {
        // A projection that is new has no table yet.
        let is_new = from == table && columns(session, table).await?.is_empty();
        if !is_new {
            session.batch(&rename_table(from, to)).await?;
        }
        let moved = include_str!("sql/move_removed.sql");
        session.execute(moved, &[&Text(from), &Text(to)]).await?;
        let named = |name: &str| Table { name: name.to_owned(), ..swap.table.clone() };
        let (from, to) = (named(from), named(to));
        let indexes = own_index_names::<PostgresDialect>(&from);
        let indexes = indexes.zip(own_index_names::<PostgresDialect>(&to));
        renames.extend(indexes.map(|(index, renamed)| rename_index(&index, &renamed)));
    }
    // So that an older program adds none of the columns again.
    let (successor, table) = (Text(&swap.successor), Text(table));
    session.execute(include_str!("sql/copy_renamed_columns.sql"), &[&successor, &table]).await?;
    session.execute(include_str!("sql/forget_renamed_columns.sql"), &[&successor]).await?;
    for index in &added {
        let named = |suffix| suffixed::<PostgresDialect>(&index.name, suffix);
        renames.push(rename_index(&index.name, &named(swap.former_suffix())));
        renames.push(rename_index(&named(swap.suffix()), &index.name));
    }
    session.batch(&renames.join(";")).await?;
    for group in &swap.groups {
        for sql in RETIREMENT {
            session.execute(sql, &[&Text(&group.before)]).await?;
        }
        let naming = Naming::Id(group.after.as_str().into());
        group_names::write(session, &group.name, &naming).await?;
    }
    Ok(())
}

fn rename_index(name: &str, to: &str) -> String {
    format!("ALTER INDEX IF EXISTS \"{name}\" RENAME TO \"{to}\"")
}

async fn added_indexes(session: &Session, table: &Table) -> Result<Vec<AddedIndex>, Fault> {
    let rows = session.query(include_str!("sql/indexes_of.sql"), &[&table.name]).await?;
    let read =
        rows.iter().map(|row| Ok(AddedIndex { name: row.try_get(0)?, statement: row.try_get(1)? }));
    let mut indexes = read.collect::<Result<Vec<_>, Fault>>()?;
    indexes.retain(|index| !is_own_index::<PostgresDialect>(table, &index.name));
    Ok(indexes)
}

async fn count_held(session: &Session, group: &str) -> Result<(u64, u64), Fault> {
    let counted = session.first(include_str!("sql/count_held.sql"), &[&Text(group)]).await?;
    let Some(row) = counted else { return Ok((0, 0)) };
    Ok((unsigned(row.try_get(0)?), unsigned(row.try_get(1)?)))
}

/// The texts that a statement returns for these names.
async fn texts(session: &Session, sql: &str, names: &[&str]) -> Result<Vec<String>, Fault> {
    let names: Vec<_> =
        names.iter().map(|name| name as &(dyn tokio_postgres::types::ToSql + Sync)).collect();
    let rows = session.query(sql, &names).await?;
    rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
}
