//! The groups that are known, and the ids of those that have another one than their name.

use protean_port::Result;
use protean_port::message::{Category, Lane};
use protean_port::port::{BoxFuture, GroupIds, GroupNames, GroupVersions, Naming, RegisteredGroup};

use crate::connection::Session;
use crate::error::Fault;
use crate::schema::end;
use crate::store::PostgresStore;
use crate::turnstile;
use crate::value::{Text, text};
use crate::wake::notify;

impl GroupNames for PostgresStore {
    fn registered_groups(&self) -> BoxFuture<'_, Result<Vec<RegisteredGroup>>> {
        Box::pin(async move {
            let rows = self.read(include_str!("sql/read_registrations.sql"), &[]).await?;
            let registered = |row| {
                let (group, category) = (text(row, 0)?.into(), Category::named(&*text(row, 1)?));
                let versions = GroupVersions::read(&text(row, 2)?).unwrap_or_default();
                Ok(RegisteredGroup { group, category, versions })
            };
            self.explained(rows.iter().map(registered).collect())
        })
    }

    fn group_ids(&self) -> BoxFuture<'_, Result<GroupIds>> {
        Box::pin(async move {
            let session = self.readers.one().await?;
            match read(&session).await {
                Err(fault) if fault.is_unprepared() => Ok(GroupIds::default()),
                ids => self.explained(ids),
            }
        })
    }

    fn rename_group<'a>(&'a self, name: &'a str, to: &'a str) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let session = self.readers.alone().await?;
            let done = match turnstile::begin(&session, Lane::Primary).await {
                Ok(()) => self.rename(&session, name, to).await,
                Err(fault) => Err(self.settings.explain(fault)),
            };
            end(&session, &self.settings, done).await?;
            self.announce();
            Ok(())
        })
    }
}

impl PostgresStore {
    async fn rename(&self, session: &Session, name: &str, to: &str) -> Result {
        let ids = self.explained(read(session).await)?;
        let changes = ids.renaming(name, to)?;
        if !changes.is_empty() && ids.id(name) != to {
            let found = session.first(include_str!("sql/has_group_state.sql"), &[&Text(to)]).await;
            let found = self.explained(found)?.is_some_and(|row| row.try_get(0).unwrap_or(true));
            GroupIds::check_unused(to, found)?;
            let sql = include_str!("sql/unregister_group.sql");
            self.explained(session.execute(sql, &[&Text(to)]).await)?;
        }
        for (name, naming) in &changes {
            self.explained(write(session, name, naming).await)?;
        }
        self.explained(notify(session, &self.settings).await)
    }
}

/// The ids that the store keeps.
pub(crate) async fn read(session: &Session) -> Result<GroupIds, Fault> {
    let mut ids = GroupIds::default();
    for row in session.query(include_str!("sql/read_group_names.sql"), &[]).await? {
        let naming = match row.try_get::<_, Option<&str>>(1)? {
            Some(id) => Naming::Id(id.into()),
            None => Naming::RenamedTo(row.try_get::<_, &str>(2)?.into()),
        };
        ids.insert(row.try_get::<_, &str>(0)?, naming);
    }
    Ok(ids)
}

/// Keeps what a name means.
pub(crate) async fn write(session: &Session, name: &str, naming: &Naming) -> Result<(), Fault> {
    let (id, renamed_to) = match naming {
        Naming::Id(id) => (Some(Text(id)), None),
        Naming::RenamedTo(to) => (None, Some(Text(to))),
    };
    let sql = include_str!("sql/write_group_name.sql");
    session.execute(sql, &[&Text(name), &id, &renamed_to]).await.map(drop)
}
