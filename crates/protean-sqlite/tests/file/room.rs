//! A file that cannot grow: a limit on its size, or a disk that is full.

use std::path::Path;
use std::process::Command;

use protean_port::message::Lane;
use protean_port::port::{Changes, Outcome, Store};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::processes::{FILE, file};
use crate::{account, append, commit, is_committed, prepared, unit};

const LIMITED: &str = "room::a_process_whose_files_may_not_grow";

/// Two messages of 4 KiB in one unit: either both are written or neither is.
fn pair() -> Changes {
    let mut changes = unit(Lane::Primary, &account("a"));
    changes.appends.push(append(&account("b"), changes.appends[0].message.priority));
    for append in &mut changes.appends {
        append.message.data = format!("\"{}\"", "x".repeat(4096)).into();
    }
    changes
}

async fn lengths(store: &dyn Store) -> (usize, usize) {
    let a = store.stream(&account("a"), 0, 100_000).await.unwrap().len();
    (a, store.stream(&account("b"), 0, 100_000).await.unwrap().len())
}

/// Commits until there is no room; returns how many were acknowledged, and the error.
async fn fill(store: &dyn Store) -> (usize, String) {
    for acknowledged in 0..10_000 {
        match commit(store, vec![pair()]).await.remove(0) {
            Outcome::Committed(_) => {}
            Outcome::Unavailable(why) => return (acknowledged, why),
            other => panic!("{other:?}"),
        }
    }
    panic!("it never filled up");
}

/// No room, then room again; `make_room` is called in between.
async fn runs_out_of_room(store: &dyn Store, reason: &str, make_room: impl FnOnce()) {
    store.check_writing().await.unwrap();
    let (before, why) = fill(store).await;
    assert!(why.contains("a.db") && why.contains(reason), "{why}");
    assert_eq!(lengths(store).await, (before, before), "readers go on, nothing is half-applied");
    let several = commit(store, vec![pair(), pair(), pair()]).await;
    assert!(several.iter().all(|o| matches!(o, Outcome::Unavailable(_))), "{several:?}");
    assert_eq!(lengths(store).await, (before, before));
    assert!(store.check_writing().await.unwrap_err().is_unavailable());
    make_room();
    let after = commit(store, vec![pair(), pair()]).await;
    assert!(after.iter().all(is_committed), "it goes on by itself: {after:?}");
    assert_eq!(lengths(store).await, (before + 2, before + 2));
    store.check_writing().await.unwrap();
    assert!(store.broken_streams(9).await.unwrap().is_empty());
}

/// Limits the size of files, which SQLite sees as an I/O error.
#[tokio::test]
async fn a_process_whose_files_may_not_grow() {
    let Some(path) = file() else { return };
    let store = prepared(&path, &[]).await;
    let free = getrlimit(Resource::Fsize);
    setrlimit(Resource::Fsize, Rlimit { current: Some(512 * 1024), ..free }).unwrap();
    let make_room = || setrlimit(Resource::Fsize, free).unwrap();
    runs_out_of_room(&*store, "cannot be read or written", make_room).await;
}

#[test]
fn an_io_error_is_unavailable_and_the_writer_recovers() {
    let folder = tempfile::tempdir().unwrap();
    let itself = std::env::current_exe().unwrap();
    let mut process = Command::new("sh");
    // Otherwise a write beyond the limit would end the process.
    process.args(["-c", "trap '' XFSZ; exec \"$0\" --exact \"$1\""]).arg(itself).arg(LIMITED);
    let output = process.env(FILE, folder.path().join("a.db")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

/// A small disk, for users that may mount one.
struct Disk(tempfile::TempDir);

impl Disk {
    fn new() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mut mount = Command::new("mount");
        let mount = mount.args(["-t", "tmpfs", "-o", "size=4m", "tmpfs"]).arg(folder.path());
        let mounted = mount.output().is_ok_and(|output| output.status.success());
        mounted.then_some(Self(folder))
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let unmounted = Command::new("umount").arg("--lazy").arg(self.path()).status();
        assert!(unmounted.is_ok_and(|status| status.success()) || std::thread::panicking());
    }
}

#[tokio::test]
async fn a_full_disk_is_unavailable_and_goes_on_when_there_is_room() {
    let Some(disk) = Disk::new() else {
        eprintln!("skipped: only root can mount a small disk");
        return;
    };
    let ballast = disk.path().join("ballast");
    std::fs::write(&ballast, vec![0; 2 << 20]).unwrap();
    let store = prepared(&disk.path().join("a.db"), &[]).await;
    let make_room = || std::fs::remove_file(&ballast).unwrap();
    runs_out_of_room(&*store, "the disk is full", make_room).await;
    drop(store);
}
