//! How claims are taken away, from outside of the processes that hold them.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use protean::Domain;
use protean_sql::stable_hash;
use protean_test_servers::RedisServer;
use rustix::time::ClockId;

use super::record::{now, time_of};
use crate::harness::Harness;
use crate::weather::Dice;

/// Locks of a session that are held in this database, by their number.
const LOCKS: &str = "WITH locks AS (
    SELECT lock.pid, session.application_name AS name,
           (lock.classid::bigint << 32) | lock.objid::bigint AS number
    FROM pg_locks lock JOIN pg_stat_activity session USING (pid)
    WHERE lock.locktype = 'advisory' AND lock.granted AND lock.objsubid = 1
      AND lock.database = (SELECT oid FROM pg_database WHERE datname = current_database()))";

/// The claims of the groups of a domain: by group, its name.
pub(crate) type Claims = BTreeMap<String, String>;

pub(crate) fn claims(domain: &Domain) -> Claims {
    let groups = domain.groups().iter();
    groups.map(|group| (group.name.to_string(), group.claim())).collect()
}

/// The number of the advisory lock that is a claim.
fn lock(claim: &str) -> i64 {
    stable_hash(&format!("protean claim {claim}")).cast_signed()
}

/// The claims that a session holds now, with the name of its process.
pub(crate) fn holders(harness: &Harness, claims: &Claims) -> BTreeMap<String, String> {
    let rows = harness.database().run(&format!("{LOCKS} SELECT number, name FROM locks"));
    let rows = rows.lines().filter_map(|row| row.split_once('|'));
    let by_number: BTreeMap<&str, &str> = rows.collect();
    let holder = |claim: &str| by_number.get(&*lock(claim).to_string()).map(|name| (*name).into());
    claims.iter().filter_map(|(group, claim)| Some((group.clone(), holder(claim)?))).collect()
}

/// Ends the session that holds a claim, and waits until it is gone; gives the groups whose claims it held.
pub(crate) fn end_session(harness: &Harness, claims: &Claims, group: &str) -> Vec<String> {
    let number = lock(&claims[group]);
    let rows = harness.database().run(&format!(
        "{LOCKS} SELECT pid, number FROM locks
         WHERE pid = (SELECT pid FROM locks WHERE number = {number})"
    ));
    let rows: Vec<_> = rows.lines().filter_map(|row| row.split_once('|')).collect();
    if let Some((session, _)) = rows.first() {
        harness.database().run(&format!("SELECT pg_terminate_backend({session}, 5000)"));
    }
    let was_held = |claim: &str| rows.iter().any(|(_, held)| *held == lock(claim).to_string());
    claims.iter().filter(|(_, claim)| was_held(claim)).map(|(group, _)| group.clone()).collect()
}

/// The lock files of a group: that of its claim, then the one to read it from the log.
fn lock_files(harness: &Harness, group: &str) -> Vec<PathBuf> {
    let folder = harness.folder().join("harness.db-claims");
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let paths = entries.map(|entry| entry.unwrap().path());
    let is_of_group = |path: &PathBuf| {
        let name = path.file_name().unwrap().to_str().unwrap().replace('^', "");
        name.starts_with(&format!("{group}%40"))
    };
    let mut files: Vec<PathBuf> = paths.filter(is_of_group).collect();
    files.sort_by_key(|file| file.as_os_str().len());
    files
}

/// Which of these processes holds the lock file of a group, as the system says: trying to lock
/// it would get in the way of the servers.
pub(crate) fn holder_of_file(harness: &Harness, group: &str, processes: [u32; 2]) -> Option<u32> {
    let file = lock_files(harness, group).into_iter().next()?;
    let inode = std::fs::metadata(file).ok()?.ino().to_string();
    let holder = || {
        let locks = std::fs::read_to_string("/proc/locks").unwrap();
        locks.lines().find_map(|line| match *line.split_whitespace().collect::<Vec<_>>() {
            [_, "FLOCK", _, "WRITE", process, file, ..] if file.rsplit(':').next()? == inode => {
                process.parse().ok().filter(|process| processes.contains(process))
            }
            _ => None,
        })
    };
    // The list is read in parts, and may change in between so that a line is missing.
    (0..10).find_map(|_| holder())
}

/// Removes the lock file of a group, or puts another one in its place, alone or with the lock
/// to read the log.
pub(crate) fn take_file(harness: &Harness, group: &str, dice: &Dice) {
    let both = dice.roll(2) == 0;
    let files = lock_files(harness, group);
    for file in files.iter().take(if both { 2 } else { 1 }) {
        if dice.roll(2) == 0 {
            std::fs::remove_file(file).unwrap();
        } else {
            let other = harness.folder().join("other");
            File::create(&other).unwrap();
            std::fs::rename(&other, file).unwrap();
        }
    }
}

/// A search for what dead processes have left, as the broker saw it.
#[derive(Clone)]
pub(crate) struct TakeOver {
    pub(crate) at: Duration,
    pub(crate) group: String,
    /// `<handler>-<host>-<process>-<hex>`.
    pub(crate) consumer: String,
}

/// Every search for what dead processes have left, written down by the broker itself.
#[derive(Clone, Default)]
pub(crate) struct TakeOvers(Arc<Mutex<Vec<TakeOver>>>);

impl TakeOvers {
    pub(crate) fn watch(redis: &RedisServer) -> Self {
        let watched = Self::default();
        let seen = Arc::clone(&watched.0);
        // What the broker's clock, which is that of the system, is ahead of ours.
        let ahead = time_of(ClockId::Realtime) - now();
        let mut broker = TcpStream::connect(("127.0.0.1", redis.port())).unwrap();
        broker.write_all(b"MONITOR\r\n").unwrap();
        std::thread::spawn(move || {
            // Ends with the broker.
            for line in BufReader::new(broker).lines().map_while(Result::ok) {
                let words: Vec<&str> = line.split('"').collect();
                let [time, "XAUTOCLAIM", _, _, _, group, _, consumer, ..] = *words else {
                    continue;
                };
                let time = time.trim_start_matches('+').split(' ').next().unwrap();
                let at = Duration::from_secs_f64(time.parse().unwrap()) - ahead;
                let (group, consumer) = (group.to_owned(), consumer.to_owned());
                seen.lock().unwrap().push(TakeOver { at, group, consumer });
            }
        });
        watched
    }

    pub(crate) fn seen(&self) -> Vec<TakeOver> {
        self.0.lock().unwrap().clone()
    }
}

/// Gives every entry that a consumer of a group holds to another consumer, as when its lease
/// has run out.
pub(crate) fn steal_entries(redis: &RedisServer, group: &str) {
    for stream in redis.command(&["KEYS", "harness::tally*"]).lines() {
        let groups = redis.command(&["XINFO", "GROUPS", stream]);
        if !groups.lines().any(|line| line == group) {
            continue;
        }
        let held = redis.command(&["XPENDING", stream, group, "-", "+", "100"]);
        // Of each entry its id, its consumer, how long it is held, and how often it was read.
        let held: Vec<&str> = held.lines().collect();
        let consumers = redis.command(&["XINFO", "CONSUMERS", stream, group]);
        let lines: Vec<&str> = consumers.lines().collect();
        let mut names = lines.windows(2).filter(|pair| pair[0] == "name").map(|pair| pair[1]);
        let Some(first) = names.next() else { continue };
        let second = names.next().unwrap_or("nobody");
        for entry in held.chunks(4) {
            let thief = if entry[1] == first { second } else { first };
            redis.command(&["XCLAIM", stream, group, thief, "0", entry[0], "JUSTID"]);
        }
    }
}
