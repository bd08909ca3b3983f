//! Settings of the server that make production wait or weaken what a commit promises.

use protean_port::Result;
use tokio::runtime::Handle;

use crate::connection::Settings;
use crate::error::Fault;

/// With less the server makes WAL files of 16 MB inside commits while bulk work runs.
const MIN_WAL_GB: i64 = 5;
/// With less bulk work brings on a checkpoint every few seconds.
const MAX_WAL_GB: i64 = 6;

/// What was found of the server's settings, as the user of the location sees them.
#[derive(Clone, Debug)]
struct Found {
    min_wal_bytes: i64,
    max_wal_bytes: i64,
    min_wal_size: String,
    max_wal_size: String,
    fsync: String,
    full_page_writes: String,
    synchronous_commit: String,
}

/// Asks the server, and says what to change about it.
pub(crate) async fn ask(settings: &Settings) -> Result<Vec<String>> {
    match found(settings).await {
        Ok(found) => Ok(advice(&found)),
        Err(fault) => Err(settings.explain(fault)),
    }
}

async fn found(settings: &Settings) -> Result<Found, Fault> {
    let session = settings.connect(&Handle::current()).await?;
    let rows = session.query(include_str!("sql/tail_settings.sql"), &[]).await?;
    let row = rows.first().ok_or_else(|| Fault::Unusable("the server gives no settings".into()))?;
    Ok(Found {
        min_wal_bytes: row.try_get(0)?,
        max_wal_bytes: row.try_get(1)?,
        min_wal_size: row.try_get(2)?,
        max_wal_size: row.try_get(3)?,
        fsync: row.try_get(4)?,
        full_page_writes: row.try_get(5)?,
        synchronous_commit: row.try_get(6)?,
    })
}

fn advice(found: &Found) -> Vec<String> {
    let gib = |bytes: i64| bytes >> 30;
    let mut advice = Vec::new();
    if gib(found.min_wal_bytes) < MIN_WAL_GB {
        advice.push(format!(
            "min_wal_size = {}: while bulk work runs, commits wait up to 90 ms for the server to \
             make a new WAL file of 16 MB; set min_wal_size = {MIN_WAL_GB}GB, so that used files \
             are kept for reuse",
            found.min_wal_size
        ));
    }
    if gib(found.max_wal_bytes) < MAX_WAL_GB {
        advice.push(format!(
            "max_wal_size = {}: bulk work writes some 50 MB of WAL a second, and each \
             max_wal_size of it brings on a checkpoint, which delays production; set \
             max_wal_size = {MAX_WAL_GB}GB",
            found.max_wal_size
        ));
    }
    if found.fsync == "off" {
        advice.push("fsync = off: a power failure can destroy the database; set fsync = on".into());
    }
    if found.full_page_writes == "off" {
        let why = "a power failure can leave pages half written; set full_page_writes = on";
        advice.push(format!("full_page_writes = off: {why}"));
    }
    if found.synchronous_commit == "off" {
        advice.push(
            "synchronous_commit = off: a command is answered before it is on disk, and a crash of \
             the server loses what was answered last; set synchronous_commit = on"
                .into(),
        );
    }
    advice
}

#[cfg(test)]
mod tests {
    use super::{Found, advice};

    fn found() -> Found {
        Found {
            min_wal_bytes: 5 << 30,
            max_wal_bytes: 6 << 30,
            min_wal_size: "5GB".into(),
            max_wal_size: "6GB".into(),
            fsync: "on".into(),
            full_page_writes: "on".into(),
            synchronous_commit: "on".into(),
        }
    }

    #[test]
    fn nothing_is_said_of_a_server_with_the_recommended_settings() {
        for synchronous_commit in ["on", "local", "remote_apply"] {
            let found = Found { synchronous_commit: synchronous_commit.into(), ..found() };
            assert_eq!(advice(&found), [""; 0]);
        }
    }

    #[test]
    fn each_setting_is_named_with_what_was_found_and_what_to_set() {
        let small = Found { min_wal_bytes: 80 << 20, min_wal_size: "80MB".into(), ..found() };
        let few = Found { max_wal_bytes: 1 << 30, max_wal_size: "1GB".into(), ..found() };
        for (found, parts) in [
            (small, ["min_wal_size = 80MB: ", "set min_wal_size = 5GB"]),
            (few, ["max_wal_size = 1GB: ", "set max_wal_size = 6GB"]),
            (Found { fsync: "off".into(), ..found() }, ["fsync = off: ", "set fsync = on"]),
            (
                Found { full_page_writes: "off".into(), ..found() },
                ["full_page_writes = off: ", "set full_page_writes = on"],
            ),
            (
                Found { synchronous_commit: "off".into(), ..found() },
                ["synchronous_commit = off: ", "set synchronous_commit = on"],
            ),
        ] {
            let said = advice(&found);
            assert!(said.len() == 1 && said[0].starts_with(parts[0]), "{said:?}");
            assert!(said[0].contains(parts[1]), "{said:?}");
        }
    }
}
