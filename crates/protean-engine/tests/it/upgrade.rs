//! What an earlier release has left behind, opened and served by this one.

#[path = "../fixtures/harbour/mod.rs"]
#[allow(dead_code, unused_imports, reason = "the program that made the fixtures uses all")]
mod harbour;
#[path = "../fixtures/manifest.rs"]
mod manifest;

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use flate2::read::GzDecoder;
use protean::Domain;
use protean::{Id, Timestamp};
use protean_engine::DeadLetters;
use protean_test_servers::{Database, Postgres, RedisServer};

use harbour::{
    Cargo, Chronometer, RADIO, Radio, Ship, Sky, harbour, on_file, on_server, serve_until, settings,
};
use manifest::{Loads, Manifest, Tables, accounts, berths, rows, streams};

const DAY: Duration = Duration::from_secs(86_400);
/// Commands of the backlog whose deadline has passed when they are handled.
const LATE: u64 = 10;

/// A file of a release.
fn fixture(release: &str, name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    folder.join(release).join(name)
}

fn unpack(file: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    let packed = std::fs::File::open(file).unwrap();
    GzDecoder::new(packed).read_to_end(&mut bytes).unwrap();
    bytes
}

fn manifest_of(release: &str, name: &str) -> Manifest {
    serde_json::from_slice(&std::fs::read(fixture(release, name)).unwrap()).unwrap()
}

/// A store that was left behind, and what is known of it.
struct Found<'a> {
    manifest: Manifest,
    config: String,
    tables: Tables<'a>,
    redis: Option<&'a RedisServer>,
}

impl Found<'_> {
    /// The harbour so long after it was left.
    fn domain(&self, later: Duration) -> Domain {
        let clock = Chronometer::from(Timestamp::from_micros(self.manifest.time) + later);
        let builder = harbour(&self.config, &clock, &Sky::default());
        let builder = if self.redis.is_some() { builder.register(Radio) } else { builder };
        builder.build().unwrap()
    }

    fn number(&self, sql: &str) -> u64 {
        self.tables.ask(sql)[0].parse().unwrap()
    }

    fn counted(&self, group: &str, term: &str) -> u64 {
        self.number(&format!(
            "SELECT coalesce(sum(count), 0) FROM counters WHERE grp = '{group}' AND term = '{term}'"
        ))
    }

    /// What waits for another try for longer than a day, from when it was left.
    fn waiting(&self) -> Vec<String> {
        let tomorrow = (Timestamp::from_micros(self.manifest.time) + DAY).as_micros();
        self.tables.ask(&format!(
            "SELECT grp, position, attempts, due, reason FROM parked WHERE due > {tomorrow} \
             ORDER BY grp, position"
        ))
    }

    /// Nothing is on the way, and nothing waits for a try before `due`.
    async fn is_at_rest(&self, domain: &Domain, due: Timestamp) -> bool {
        let due = due.as_micros();
        let soon = self.number(&format!("SELECT count(*) FROM parked WHERE due <= {due}"));
        let length = |redis: &RedisServer| redis.command(&["XLEN", RADIO]);
        let called = self.redis.is_some_and(|redis| length(redis) != "0");
        let groups = protean_engine::accounts(domain).await.unwrap();
        soon == 0 && !called && groups.iter().all(|group| group.on_the_way == 0)
    }

    async fn serve(&self, domain: &Domain) {
        let due = domain.clock().now() + DAY;
        serve_until(domain, async || self.is_at_rest(domain, due).await).await;
    }

    /// Everything is as the manifest says, by the tables and by the program.
    async fn is_as_it_was_left(&self) {
        let manifest = &self.manifest;
        assert_eq!(self.tables.all(), manifest.tables);
        assert_eq!(self.redis.map(streams).unwrap_or_default(), manifest.streams);
        let domain = self.domain(Duration::ZERO);
        assert_eq!(accounts(&domain).await, manifest.accounts);
        assert_eq!(self.tables.ships(), manifest.ships);
        assert_eq!(loaded(&domain, &manifest.ships).await, manifest.ships);
        // Release 0.1 wrote a decimal with this many digits as a number.
        let [number, text] = ["12345678901234567890.12", "\"12345678901234567890.12\""];
        let now = |rows: &Vec<String>| -> Vec<String> {
            rows.iter().map(|row| row.replace(number, text)).collect()
        };
        let expected = manifest.rows.iter().map(|(of, rows)| (of.clone(), now(rows))).collect();
        assert_eq!(rows(&domain).await, expected);
        assert_eq!(berths(&domain).await, now(&manifest.berths));
    }

    /// Each command had its effect once, and each event its own.
    async fn agrees(&self, domain: &Domain) {
        accounts(domain).await;
        let events = self.number(
            "SELECT count(*) FROM messages WHERE category = 'harbour::ship' \
             AND type <> 'Harbour.Loaded.v1'",
        );
        assert_eq!(events, self.counted("harbour.ShipCommands", "handled"));
        let ships = self.tables.ships();
        assert_eq!(loaded(domain, &ships).await, ships);
        let cargo = domain.repository::<Cargo>().await.unwrap();
        for (ship, loads) in &ships {
            let row = cargo.get(&Id::from(ship.as_str())).await.unwrap();
            assert_eq!((row.tonnes, row.worth), (loads.tonnes, loads.worth), "{ship}");
        }
        let sailed = self.number("SELECT count(*) FROM messages WHERE type LIKE '%.Sailed.v1'");
        let moored = self.number("SELECT count(*) FROM messages WHERE type LIKE '%.Moored.v1'");
        assert_eq!(moored, sailed);
        assert_eq!(rows(domain).await["berths"], berths(domain).await);
    }
}

/// The ships, as they are loaded.
async fn loaded(domain: &Domain, ships: &BTreeMap<String, Loads>) -> BTreeMap<String, Loads> {
    let repository = domain.repository::<Ship>().await.unwrap();
    let mut loads = BTreeMap::new();
    for name in ships.keys() {
        let ship = repository.get(&Id::from(name.as_str())).await.unwrap();
        let of_ship = Loads { count: ship.loads, tonnes: ship.tonnes, worth: ship.worth };
        loads.insert(name.clone(), of_ship);
    }
    loads
}

/// The store goes on where it was left: the backlog, the tries that wait, the dead.
async fn goes_on(found: &Found<'_>) {
    found.is_as_it_was_left().await;
    let (waiting, expired) = (found.waiting(), found.counted("harbour.ShipCommands", "expired"));
    assert!(waiting.len() > 10, "{waiting:#?}");

    let domain = found.domain(Duration::ZERO);
    found.serve(&domain).await;
    found.agrees(&domain).await;
    assert_eq!(found.counted("harbour.ShipCommands", "expired"), expired + LATE);
    assert_eq!(found.waiting(), waiting, "it is not their time yet");

    let domain = found.domain(30 * DAY);
    found.serve(&domain).await;
    found.agrees(&domain).await;
    assert_eq!(found.waiting(), Vec::<String>::new());
    let behind = "SELECT count(*) FROM parked WHERE stream NOT IN \
                  (SELECT stream FROM dead WHERE dead.grp = parked.grp)";
    assert_eq!(found.number(behind), 0, "what is held is behind what is dead");

    for group in domain.groups() {
        DeadLetters::of(&domain, group).await.unwrap().replay_all().await.unwrap();
    }
    found.serve(&domain).await;
    found.agrees(&domain).await;
    assert_eq!(found.number("SELECT count(*) FROM parked"), 0);
    let dead = found.tables.ask("SELECT DISTINCT reason FROM dead WHERE grp LIKE '%Commands'");
    assert_eq!(dead.len(), 2, "what was refused is refused again: {dead:?}");
    assert_eq!(found.number("SELECT count(*) FROM dead WHERE grp LIKE 'harbour.%an'"), 0);
    assert_eq!(found.number("SELECT count(*) FROM dead WHERE grp = 'harbour.Pilot'"), 0);
}

/// The numbers that hexadecimal digits stand for.
fn bytes(digits: &str) -> Vec<u8> {
    let byte = |at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap();
    (0..digits.len()).step_by(2).map(byte).collect()
}

/// A file of release 0.1, in a folder of its own.
fn unpacked_file() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("harbour.db");
    std::fs::write(&file, unpack(&fixture("0.1", "sqlite.db.gz"))).unwrap();
    (folder, file)
}

/// Servers of that release may be at work on it.
#[tokio::test]
async fn a_program_that_only_looks_leaves_the_layout_as_it_is() {
    let (_folder, file) = unpacked_file();
    let tables = Tables::File(&file);
    let layout = tables.ask("PRAGMA user_version");
    let clock = Chronometer::from(Timestamp::from_micros(0));
    let domain = harbour(&settings(&on_file(&file), None), &clock, &Sky::default());
    let domain = domain.build().unwrap();
    protean::require_database(&domain).await.unwrap();
    let failed = protean_engine::verify(&domain).await.unwrap_err().to_string();
    assert!(failed.contains("run `db setup`"), "{failed}");
    assert_eq!(tables.ask("PRAGMA user_version"), layout);
    protean::migrate(&domain).await.unwrap();
    assert_ne!(tables.ask("PRAGMA user_version"), layout);
}

/// While servers of the earlier release go on with the program's tables as they are.
#[tokio::test]
async fn a_rebuild_steps_the_layout_forward() {
    let (_folder, file) = unpacked_file();
    let tables = Tables::File(&file);
    const SCHEMA: &str = "SELECT sql FROM sqlite_schema WHERE name = 'cargo'";
    let before = (tables.ask("PRAGMA user_version"), tables.ask(SCHEMA));
    let clock = Chronometer::from(Timestamp::from_micros(0));
    let domain = harbour(&settings(&on_file(&file), None), &clock, &Sky::default());
    let domain = domain.build().unwrap();
    let rebuild = protean_engine::Rebuild::of(&domain, "Cargo").await.unwrap();
    assert_eq!(rebuild.progress().await.unwrap().settled, 0);
    let after = (tables.ask("PRAGMA user_version"), tables.ask(SCHEMA));
    assert!(before.0 != after.0 && before.1 == after.1, "{before:?}, {after:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_of_release_0_1_goes_on() {
    let (folder, file) = unpacked_file();
    let manifest = manifest_of("0.1", "sqlite.json");
    let notes = folder.path().join("harbour.db-claims");
    std::fs::create_dir(&notes).unwrap();
    for (name, digits) in &manifest.notes {
        std::fs::write(notes.join(name), bytes(digits)).unwrap();
    }
    let config = settings(&on_file(&file), None);
    goes_on(&Found { manifest, config, tables: Tables::File(&file), redis: None }).await;
}

/// Runs a dump a part at a time: all of it is more than one call takes.
fn restore(database: &Database, dump: &str) {
    let statements = dump.split_inclusive(";\n").map(|statement| {
        let lines = statement.lines().filter(|line| !line.starts_with('\\'));
        lines.collect::<Vec<_>>().join("\n")
    });
    let mut part = String::new();
    for statement in statements {
        if part.len() + statement.len() > 100_000 {
            database.run(&std::mem::take(&mut part));
        }
        part += &statement;
    }
    database.run(&part);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL and Redis: cargo xtask test"]
async fn a_database_and_a_broker_of_release_0_1_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let snapshot = unpack(&fixture("0.1", "redis.rdb.gz"));
    std::fs::write(folder.path().join("dump.rdb"), snapshot).unwrap();
    let redis = RedisServer::start(&format!("dir {}", folder.path().display()));
    let database = Postgres::shared().database();
    let dump = String::from_utf8(unpack(&fixture("0.1", "postgres.sql.gz"))).unwrap();
    restore(&database, &dump);
    let manifest = manifest_of("0.1", "servers.json");
    let config = settings(&on_server(&database.uri()), Some(&redis.uri()));
    let tables = Tables::Server(&database);
    goes_on(&Found { manifest, config, tables, redis: Some(&redis) }).await;
}
