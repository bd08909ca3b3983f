//! Several stores and processes on one file.

use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use protean_port::message::Lane;
use protean_port::port::{Changes, Outcome, Store};

use crate::{account, commit, is_committed, open, prepared, unit};

pub(crate) const FILE: &str = "PROTEAN_SQLITE_TEST_FILE";
pub(crate) const PART: &str = "PROTEAN_SQLITE_TEST_PART";

/// The test that runs the parts of the others.
const CHILD: &str = "processes::child";

/// Runs a part of a test in a separate process.
pub(crate) fn spawn(test: &str, part: &str, path: &Path) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args([test, "--exact", "--nocapture"]).env(FILE, path).env(PART, part);
    command.stdout(std::process::Stdio::null()).spawn().unwrap()
}

/// The file that another test has given to this process.
pub(crate) fn file() -> Option<PathBuf> {
    std::env::var_os(FILE).map(PathBuf::from)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn several_stores_can_open_a_new_file_at_once() {
    let folder = tempfile::tempdir().unwrap();
    for round in 0..40 {
        let path = folder.path().join(format!("{round}.db"));
        let opened = (0..4).map(|_| {
            let path = path.clone();
            tokio::spawn(async move { open(&path).await.prepare(&[], &[]).await })
        });
        for opened in Vec::from_iter(opened) {
            opened.await.unwrap().unwrap();
        }
    }
}

/// Does nothing unless another test has started it as a process.
#[tokio::test]
async fn child() {
    let Some(path) = file() else { return };
    let store = open(&path).await;
    match std::env::var(PART).unwrap().as_str() {
        "append" => assert!(is_committed(
            &commit(&*store, vec![unit(Lane::Primary, &account("a"))]).await[0]
        )),
        "many" => {
            for number in 0..200 {
                let lane = if number % 2 == 0 { Lane::Primary } else { Lane::Backfill };
                insist(&*store, &unit(lane, &account("a"))).await;
            }
        }
        "bulk" => {
            let units: Vec<_> =
                (0..2000).map(|n| unit(Lane::Backfill, &account(&n.to_string()))).collect();
            loop {
                commit(&*store, units.clone()).await;
            }
        }
        "claim" => {
            let _claim = store.claim("g").await.unwrap().unwrap();
            std::fs::write(path.with_extension("claimed"), "").unwrap();
            std::thread::sleep(Duration::from_secs(60));
        }
        part => panic!("{part}"),
    }
}

/// Commits, however long a busy machine keeps the file locked.
async fn insist(store: &dyn Store, unit: &Changes) {
    loop {
        match &commit(store, vec![unit.clone()]).await[0] {
            Outcome::Unavailable(_) => {}
            outcome => return assert!(is_committed(outcome), "{outcome:?}"),
        }
    }
}

/// A process that is killed when the test ends.
pub(crate) struct Killed(pub(crate) Child);

impl Drop for Killed {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

#[tokio::test]
async fn processes_that_write_at_once_lose_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let store = prepared(&path, &[]).await;
    let children: Vec<_> = (0..4).map(|_| spawn(CHILD, "many", &path)).collect();
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    assert_eq!(store.stream(&account("a"), 0, 1000).await.unwrap().len(), 800);
    assert!(store.broken_streams(9).await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_of_another_process_is_announced() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let store = prepared(&path, &[]).await;
    let mut commits = store.commits();
    commits.mark_unchanged();
    let mut child = spawn(CHILD, "append", &path);
    tokio::time::timeout(Duration::from_secs(10), commits.changed()).await.unwrap().unwrap();
    let read = store.stream(&account("a"), 0, 9).await.unwrap();
    assert_eq!(read.len(), 1);
    assert!(child.wait().unwrap().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn commits_of_another_store_are_announced_soon() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let (ours, theirs) = (prepared(&path, &[]).await, prepared(&path, &[]).await);
    let (mut waits, mut commits) = (Vec::new(), ours.commits());
    for number in 0..100 {
        // Our own commits must not hide any of theirs.
        if number % 3 == 0 {
            commit(&*ours, vec![unit(Lane::Primary, &account("ours"))]).await;
        }
        let before = *commits.borrow_and_update();
        commit(&*theirs, vec![unit(Lane::Primary, &account("theirs"))]).await;
        let begun = Instant::now();
        let announced = commits.wait_for(|now| *now > before);
        tokio::time::timeout(Duration::from_secs(5), announced).await.unwrap().unwrap();
        waits.push(begun.elapsed());
        assert_eq!(ours.stream(&account("theirs"), number, 9).await.unwrap().len(), 1);
    }
    waits.sort();
    eprintln!("announced after p50 {:?}, p99 {:?}", waits[50], waits[98]);
    assert!(waits[50] < Duration::from_millis(50), "{waits:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn production_does_not_wait_for_a_bulk_writer() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let store = prepared(&path, &[]).await;
    let _bulk = Killed(spawn(CHILD, "bulk", &path));
    let mut commits = store.commits();
    commits.changed().await.unwrap();
    let mut waits = Vec::new();
    for _ in 0..200 {
        let begun = Instant::now();
        insist(&*store, &unit(Lane::Primary, &account("p"))).await;
        waits.push(begun.elapsed());
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    waits.sort();
    let bulk = store.stream(&account("0"), 0, 10_000).await.unwrap().len();
    eprintln!("beside a bulk process: p50 {:?}, p99 {:?}, {bulk} lists", waits[100], waits[197]);
    // The machine may be busy with other tests: what typically happens decides.
    assert!(waits[100] < Duration::from_millis(60), "{:?}", waits[100]);
}

#[tokio::test(flavor = "multi_thread")]
async fn production_does_not_wait_for_bulk_in_its_own_process() {
    let folder = tempfile::tempdir().unwrap();
    let store = prepared(&folder.path().join("a.db"), &[]).await;
    let units: Vec<_> =
        (0..20_000).map(|n| unit(Lane::Backfill, &account(&n.to_string()))).collect();
    let bulk = tokio::spawn({
        let store = std::sync::Arc::clone(&store);
        async move { commit(&*store, units).await }
    });
    let mut waits = Vec::new();
    while !bulk.is_finished() {
        let begun = Instant::now();
        assert!(is_committed(&commit(&*store, vec![unit(Lane::Primary, &account("p"))]).await[0]));
        waits.push(begun.elapsed());
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert!(bulk.await.unwrap().iter().all(is_committed));
    waits.sort();
    let p99 = waits[waits.len() * 99 / 100];
    let p50 = waits[waits.len() / 2];
    eprintln!("beside bulk of its own: {} commits, p50 {p50:?}, p99 {p99:?}", waits.len());
    assert!(waits.len() >= 10, "only {} commits came through beside it", waits.len());
    assert!(p50 < Duration::from_millis(60), "{p50:?}");
}

#[tokio::test]
async fn a_claim_is_one_claim_whatever_the_name_of_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let [path, link] = ["it.db", "link.db"].map(|name| folder.path().join(name));
    let store = prepared(&path, &[]).await;
    std::os::unix::fs::symlink(&path, &link).unwrap();
    let linked = open(&link).await;
    let claim = store.claim("g").await.unwrap().unwrap();
    assert!(linked.claim("g").await.unwrap().is_none());
    drop(claim);
    assert!(linked.claim("g").await.unwrap().is_some());
}

#[tokio::test]
async fn a_link_may_lead_to_a_file_that_is_not_there_yet() {
    let folder = tempfile::tempdir().unwrap();
    let link = folder.path().join("link.db");
    std::fs::create_dir(folder.path().join("data")).unwrap();
    std::os::unix::fs::symlink("data/it.db", &link).unwrap();
    let first = prepared(&link, &[]).await;
    let _claim = first.claim("g").await.unwrap().unwrap();
    let second = open(&link).await;
    assert!(second.claim("g").await.unwrap().is_none());
    assert!(folder.path().join("data/it.db-claims").is_dir());
}

#[tokio::test]
async fn a_claim_ends_with_its_process() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let store = prepared(&path, &[]).await;
    let child = Killed(spawn(CHILD, "claim", &path));
    while !path.with_extension("claimed").exists() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(store.claim("g").await.unwrap().is_none());
    assert!(store.claim("h").await.unwrap().is_some());
    drop(child);
    assert!(store.claim("g").await.unwrap().is_some());
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_dropped_store_leaves_no_thread_and_no_wal() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    for _ in 0..50 {
        drop(prepared(&path, &[]).await);
        assert!(!folder.path().join("a.db-wal").exists());
    }
    let named = |entry: std::io::Result<std::fs::DirEntry>| {
        std::fs::read_to_string(entry.ok()?.path().join("comm")).ok()
    };
    let tasks = std::fs::read_dir("/proc/self/task").unwrap().filter_map(named);
    // Other tests of this process have stores of their own.
    let ours = tasks.filter(|name| name.starts_with("sqlite-")).count();
    assert!(ours < 60, "{ours} threads of 50 stores");
}

#[tokio::test]
async fn a_dropped_store_first_writes_what_is_queued() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let store = prepared(&path, &[]).await;
    let units: Vec<_> = (0..3000).map(|_| unit(Lane::Backfill, &account("a"))).collect();
    drop(store.commit(units.into()));
    drop(store);
    assert_eq!(open(&path).await.stream(&account("a"), 0, 9999).await.unwrap().len(), 3000);
}

#[tokio::test]
async fn checkpoints_copy_commits_without_delaying_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let store = prepared(&path, &[]).await;
    let length = || std::fs::metadata(&path).unwrap().len();
    let before = length();
    // Far too few for the connection that writes to copy them itself.
    for number in 0..40 {
        let unit = unit(Lane::Primary, &account(&number.to_string()));
        assert!(is_committed(&commit(&*store, vec![unit]).await[0]));
    }
    let copied = async {
        while length() == before {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(5), copied).await.unwrap();
    assert_eq!(store.stream(&account("39"), 0, 9).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_few_commits_do_not_cause_a_checkpoint() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let store = prepared(&path, &[]).await;
    let before = std::fs::metadata(&path).unwrap().len();
    for _ in 0..3 {
        commit(&*store, vec![unit(Lane::Primary, &account("a"))]).await;
    }
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(std::fs::metadata(&path).unwrap().len(), before);
}

#[tokio::test]
async fn a_file_locked_for_long_is_unavailable_and_recovers() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let store = prepared(&path, &[]).await;
    let shell = rusqlite::Connection::open(&path).unwrap();
    shell.execute_batch("BEGIN IMMEDIATE").unwrap();
    let instead = unit(Lane::Primary, &account("instead"));
    let late = Changes { otherwise: Some(Box::new(instead)), ..unit(Lane::Primary, &account("a")) };
    let outcomes = commit(&*store, vec![late]).await;
    let Outcome::Unavailable(why) = &outcomes[0] else { panic!("{outcomes:?}") };
    assert!(why.contains("a.db") && why.contains("locked"), "{why}");
    shell.execute_batch("ROLLBACK").unwrap();
    assert!(store.stream(&account("instead"), 0, 9).await.unwrap().is_empty());
    assert!(is_committed(&commit(&*store, vec![unit(Lane::Primary, &account("a"))]).await[0]));
}

/// The time until `store` hears of a commit that is made now.
async fn heard(store: &dyn Store, commit: impl Future<Output = ()>) -> Duration {
    let mut commits = store.commits();
    let before = *commits.borrow_and_update();
    commit.await;
    let begun = Instant::now();
    let announced = commits.wait_for(|now| *now > before);
    tokio::time::timeout(Duration::from_secs(5), announced).await.unwrap().unwrap();
    begun.elapsed()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_gives_no_notice_is_noticed_all_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let store = prepared(&path, &[]).await;
    let shell = rusqlite::Connection::open(&path).unwrap();
    heard(&*store, async { shell.execute_batch("CREATE TABLE own (id INTEGER)").unwrap() }).await;
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn notices_go_on_after_their_file_was_removed_and_end_with_the_tables() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let (ours, theirs) = (prepared(&path, &[]).await, prepared(&path, &[]).await);
    let notices = folder.path().join("a.db-commits");
    let deposit = async || drop(commit(&*theirs, vec![unit(Lane::Primary, &account("a"))]).await);
    std::fs::remove_file(&notices).unwrap();
    let mut waits = Vec::new();
    for _ in 0..40 {
        waits.push(heard(&*ours, deposit()).await);
        tokio::time::sleep(Duration::from_millis(7)).await;
    }
    assert!(notices.exists(), "the next commit makes it again");
    // Polling alone takes 100 ms; the machine may be busy with other tests.
    let last = &mut waits[20..];
    last.sort();
    assert!(last[10] < Duration::from_millis(30), "{last:?}");
    theirs.destroy(&[]).await.unwrap();
    drop((ours, theirs));
    assert!(!notices.exists());
}
