//! Processes that end during a commit, and what the file then contains.

use std::path::Path;
use std::process::Child;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use protean_port::message::{Id, Lane, Timestamp};
use protean_port::port::{Changes, KeyClaim, KeyWrite, Outcome, Store};
use rustix::process::{Pid, Signal, WaitOptions, kill_process, waitpid};

use crate::processes::{Killed, PART, file, spawn};
use crate::{account, commit, is_committed, open, prepared, unit};

const SENDER: &str = "sudden::a_separate_sender";

/// One message under the idempotency key `row-<number>`.
fn named(number: u64) -> (Changes, String) {
    let mut changes = unit(Lane::Primary, &account("a"));
    let id = Id::new().to_string();
    changes.appends[0].message.id = id.as_str().into();
    let (message_id, time) = (id.as_str().into(), Timestamp::from_micros(1));
    let (command, key) = ("Bank.Open.v1".into(), format!("row-{number}").into());
    let expires = Timestamp::from_micros(i64::MAX);
    changes.keys =
        vec![KeyWrite::Claim(KeyClaim { command, key, message_id, output: None, time, expires })];
    (changes, id)
}

/// Sends until it aborts at the given step, and records what was acknowledged in a file
/// beside the database.
#[tokio::test]
async fn a_separate_sender() {
    let Some(path) = file() else { return };
    let step = std::env::var(PART).unwrap();
    let store = open(&path).await;
    let left = AtomicU32::new(20);
    let end = move || {
        if left.fetch_sub(1, Ordering::SeqCst) == 1 {
            std::process::abort();
        }
    };
    fail::cfg_callback(step, end).unwrap();
    let mut acknowledged = String::new();
    for number in 0.. {
        let (changes, id) = named(number);
        assert!(is_committed(&commit(&*store, vec![changes]).await[0]));
        acknowledged += &format!("{id}\n");
        // The file is replaced, so that a reader sees all of it or nothing.
        let draft = path.with_extension("draft");
        std::fs::write(&draft, &acknowledged).unwrap();
        std::fs::rename(draft, path.with_extension("acknowledged")).unwrap();
    }
}

fn acknowledged(path: &Path) -> Vec<String> {
    let ids = std::fs::read_to_string(path.with_extension("acknowledged")).unwrap_or_default();
    ids.lines().map(str::to_owned).collect()
}

async fn ids(store: &dyn Store) -> Vec<String> {
    let messages = store.stream(&account("a"), 0, 1_000_000).await.unwrap();
    messages.iter().map(|recorded| recorded.message.id.to_string()).collect()
}

/// Sends again everything that the sender may have sent, and returns the outcome of the
/// one message that was not acknowledged.
async fn send_again(path: &Path) -> Outcome {
    let (store, known) = (open(path).await, acknowledged(path));
    let found = ids(&*store).await;
    assert_eq!(found[..known.len()], known, "what was acknowledged is there");
    assert!(found.len() <= known.len() + 1, "one message was on its way: {found:?} {known:?}");
    for (number, id) in (0..).zip(&known) {
        let outcome = commit(&*store, vec![named(number).0]).await.remove(0);
        let Outcome::Duplicate { message_id, .. } = outcome else { panic!("{outcome:?}") };
        assert_eq!(*message_id, **id);
    }
    let (again, id) = named(known.len() as u64);
    let outcome = commit(&*store, vec![again]).await.remove(0);
    match &outcome {
        Outcome::Duplicate { message_id, .. } => {
            assert_eq!(found.get(known.len()).map(String::as_str), Some(&**message_id));
        }
        Outcome::Committed(_) => assert_eq!(ids(&*store).await.last(), Some(&id)),
        other => panic!("{other:?}"),
    }
    assert_eq!(ids(&*store).await.len(), known.len() + 1, "each key was used once");
    assert!(store.broken_streams(9).await.unwrap().is_empty());
    outcome
}

#[tokio::test]
async fn sending_again_with_the_same_key_shows_whether_an_interrupted_commit_was_applied() {
    for (step, applied) in [
        ("before BEGIN", false),
        ("after the appends", false),
        ("before COMMIT", false),
        ("after COMMIT", true),
        ("after the reply", true),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db");
        drop(prepared(&path, &[]).await);
        assert!(!spawn(SENDER, step, &path).wait().unwrap().success(), "{step}");
        let outcome = send_again(&path).await;
        // After the reply the sender may already know, and the next message has not begun.
        let expected = applied && step == "after COMMIT";
        let duplicate = matches!(outcome, Outcome::Duplicate { .. });
        assert!(duplicate == expected || step == "after the reply", "{step}: {outcome:?}");
    }
}

async fn until_acknowledged(path: &Path, count: usize) {
    let began = Instant::now();
    while acknowledged(path).len() < count {
        assert!(began.elapsed() < Duration::from_secs(30), "nothing is acknowledged");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test]
async fn sending_again_after_a_kill_neither_loses_nor_repeats_a_message() {
    for round in 0..8_u64 {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db");
        drop(prepared(&path, &[]).await);
        let sender = Killed(spawn(SENDER, "never", &path));
        until_acknowledged(&path, 10).await;
        tokio::time::sleep(Duration::from_micros(round * 397)).await;
        drop(sender);
        send_again(&path).await;
    }
}

/// Stops a process, so that its files are those of one moment.
struct Still<'a>(&'a Child);

impl<'a> Still<'a> {
    fn hold(child: &'a Child) -> Self {
        let pid = Pid::from_child(child);
        kill_process(pid, Signal::STOP).unwrap();
        waitpid(Some(pid), WaitOptions::UNTRACED).unwrap();
        Self(child)
    }
}

impl Drop for Still<'_> {
    fn drop(&mut self) {
        kill_process(Pid::from_child(self.0), Signal::CONT).unwrap();
    }
}

/// The files of one moment are what remains when all processes end. A power failure is up
/// to SQLite's `synchronous = FULL` and cannot be tested with copies, because the system
/// reads them from memory.
#[tokio::test]
async fn a_copy_of_the_files_has_every_acknowledged_event() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    drop(prepared(&path, &[]).await);
    let sender = Killed(spawn(SENDER, "never", &path));
    for moment in 1..=12_usize {
        until_acknowledged(&path, moment * 20).await;
        tokio::time::sleep(Duration::from_micros(moment as u64 * 397)).await;
        let copy = folder.path().join(format!("copy-{moment}.db"));
        let still = Still::hold(&sender.0);
        let known = acknowledged(&path);
        std::fs::copy(&path, &copy).unwrap();
        let wal = |of: &Path| std::path::PathBuf::from(format!("{}-wal", of.display()));
        std::fs::copy(wal(&path), wal(&copy)).unwrap();
        drop(still);
        let store = open(&copy).await;
        let found = ids(&*store).await;
        assert_eq!(found[..known.len()], known, "moment {moment}");
        assert!(found.len() <= known.len() + 1, "moment {moment}");
        assert!(store.broken_streams(9).await.unwrap().is_empty());
    }
}
