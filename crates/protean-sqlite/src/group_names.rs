//! The groups that are known, and the ids of those that have another one than their name.

use protean_port::Result;
use protean_port::message::Category;
use protean_port::port::{BoxFuture, GroupIds, GroupNames, GroupVersions, Naming, RegisteredGroup};
use rusqlite::{Connection, Row};

use crate::connection::Settings;
use crate::error;
use crate::store::{SqliteStore, alter};

impl GroupNames for SqliteStore {
    fn registered_groups(&self) -> BoxFuture<'_, Result<Vec<RegisteredGroup>>> {
        Box::pin(self.readers.read(|view| {
            let mut statement = view.prepare_cached(include_str!("sql/read_registrations.sql"))?;
            let read = |row: &Row<'_>| {
                let category = Category::named(row.get::<_, String>(1)?);
                let versions = GroupVersions::read(row.get_ref(2)?.as_str()?).unwrap_or_default();
                Ok(RegisteredGroup { group: row.get(0)?, category, versions })
            };
            statement.query_map([], read)?.collect()
        }))
    }

    fn group_ids(&self) -> BoxFuture<'_, Result<GroupIds>> {
        Box::pin(self.readers.read(|view| match read(view) {
            Err(error) if error::is_unprepared(&error) => Ok(GroupIds::default()),
            ids => ids,
        }))
    }

    fn rename_group<'a>(&'a self, name: &'a str, to: &'a str) -> BoxFuture<'a, Result<()>> {
        let (name, to) = (name.to_owned(), to.to_owned());
        Box::pin(self.writer.run(move |committer| {
            alter(committer, |connection, settings| rename(connection, settings, &name, &to))
        }))
    }
}

/// The ids that the store keeps.
pub(crate) fn read(view: &Connection) -> rusqlite::Result<GroupIds> {
    let mut statement = view.prepare_cached(include_str!("sql/read_group_names.sql"))?;
    let mut ids = GroupIds::default();
    let read = |row: &Row<'_>| {
        let naming = match row.get_ref(1)?.as_str_or_null()? {
            Some(id) => Naming::Id(id.into()),
            None => Naming::RenamedTo(row.get_ref(2)?.as_str()?.into()),
        };
        Ok((row.get::<_, String>(0)?, naming))
    };
    for named in statement.query_map([], read)? {
        let (name, naming) = named?;
        ids.insert(name, naming);
    }
    Ok(ids)
}

/// Keeps what a name means.
pub(crate) fn write(connection: &Connection, name: &str, naming: &Naming) -> rusqlite::Result<()> {
    let (id, renamed_to) = match naming {
        Naming::Id(id) => (Some(&**id), None),
        Naming::RenamedTo(to) => (None, Some(&**to)),
    };
    let sql = include_str!("sql/write_group_name.sql");
    connection.prepare_cached(sql)?.execute((name, id, renamed_to)).map(drop)
}

fn rename(connection: &Connection, settings: &Settings, name: &str, to: &str) -> Result {
    let explain = |e| settings.explain(e);
    let ids = read(connection).map_err(explain)?;
    let changes = ids.renaming(name, to)?;
    if !changes.is_empty() && ids.id(name) != to {
        let sql = include_str!("sql/has_group_state.sql");
        let has_state = connection.query_row(sql, [to], |row| row.get(0)).map_err(explain)?;
        GroupIds::check_unused(to, has_state)?;
        let registered = connection.execute(include_str!("sql/unregister_group.sql"), [to]);
        registered.map_err(explain)?;
    }
    changes.iter().try_for_each(|(name, naming)| write(connection, name, naming)).map_err(explain)
}
