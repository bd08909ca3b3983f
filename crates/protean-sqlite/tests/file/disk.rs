//! Bulk commits that are in the file before they are on disk: nothing is answered or handed
//! out until they are. Each test runs in a process of its own, whose syncs it holds.

use std::future::Future;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use protean_port::message::{Category, Lane, Priority, Timestamp};
use protean_port::port::{
    At, Changes, DoneMark, KeyClaim, KeyWrite, LaneRead, Location, Outcome, Provider, Store,
};
use protean_sqlite::Sqlite;
use tokio::task::JoinHandle;

use crate::processes::{PART, file, spawn};
use crate::{account, append, commit, is_committed, open, prepared, unit};

const CHILD: &str = "disk::a_separate_process";
const GROUP: &str = "reader";

/// The syncs of this process, which may be made to wait or to fail.
#[derive(Default)]
struct Syncs {
    held: AtomicBool,
    count: AtomicUsize,
}

impl Syncs {
    fn watch() -> Arc<Self> {
        let syncs = Arc::new(Self::default());
        let watched = Arc::clone(&syncs);
        let wait = move || {
            watched.count.fetch_add(1, Ordering::SeqCst);
            while watched.held.load(Ordering::SeqCst) {
                std::thread::sleep(Duration::from_millis(1));
            }
        };
        fail::cfg_callback("before the sync", wait).unwrap();
        // A test that fails must not wait for ever until its store is closed.
        let (failed, report) = (Arc::clone(&syncs), std::panic::take_hook());
        std::panic::set_hook(Box::new(move |panic| {
            failed.hold(false);
            report(panic);
        }));
        syncs
    }

    fn hold(&self, held: bool) {
        self.held.store(held, Ordering::SeqCst);
    }

    fn count(&self) -> usize {
        self.count.load(Ordering::SeqCst)
    }
}

/// Runs a part of this file in a process of its own.
fn in_a_process(part: &str) {
    let folder = tempfile::tempdir().unwrap();
    let ended = spawn(CHILD, part, &folder.path().join("a.db")).wait().unwrap();
    assert!(ended.success(), "{part}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_separate_process() {
    let Some(path) = file() else { return };
    let syncs = Syncs::watch();
    match std::env::var(PART).unwrap().as_str() {
        "answers" => answers(&path, &syncs).await,
        "pages" => pages(&path, &syncs).await,
        "production" => production(&path, &syncs).await,
        "duplicates" => duplicates(&path, &syncs).await,
        "settled" => settled(&path, &syncs).await,
        "others" => others(&path, &syncs).await,
        "upward" => upward(&path, &syncs).await,
        "redone" => redone(&path, &syncs).await,
        "failure" => failure(&path, &syncs).await,
        "normal" => normal(&path, &syncs).await,
        part => panic!("{part}"),
    }
}

fn bulk(name: &str) -> Changes {
    unit(Lane::Backfill, &account(name))
}

fn under_key(changes: Changes, key: &str) -> Changes {
    let message_id = Arc::clone(&changes.appends[0].message.id);
    let (time, expires) = (Timestamp::from_micros(1), Timestamp::from_micros(i64::MAX));
    let (command, key) = ("Bank.Open.v1".into(), key.into());
    let claim = KeyClaim { command, key, message_id, output: None, time, expires };
    Changes { keys: vec![KeyWrite::Claim(claim)], ..changes }
}

fn read(range: (Priority, Priority)) -> LaneRead {
    let category = Category::of("bank", "account");
    LaneRead { group: GROUP.into(), category, range, after: Vec::new(), limit: 100 }
}

fn bulk_read() -> LaneRead {
    read((Priority::new(i32::MIN), Priority::new(-1)))
}

fn production_read() -> LaneRead {
    read((Priority::NORMAL, Priority::new(i32::MAX)))
}

/// Begins something on another task.
fn begin<T: Send + 'static>(
    store: &Arc<dyn Store>,
    run: impl AsyncFnOnce(Arc<dyn Store>) -> T + Send + 'static,
) -> JoinHandle<T>
where
    T: Send,
{
    let store = Arc::clone(store);
    let (reply, done) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        reply.send(runtime.block_on(run(store))).unwrap_or_default();
    });
    tokio::spawn(async move { done.await.unwrap() })
}

async fn waits<T>(task: &JoinHandle<T>) {
    tokio::time::sleep(Duration::from_millis(150)).await;
    assert!(!task.is_finished(), "it does not wait for the disk");
}

async fn ends<T>(task: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(10), task).await.expect("it ends")
}

#[test]
fn a_bulk_commit_is_answered_once_it_is_on_disk() {
    in_a_process("answers");
}

async fn answers(path: &Path, syncs: &Syncs) {
    let store = prepared(path, &[]).await;
    syncs.hold(true);
    let sent = begin(&store, async |store| commit(&*store, vec![bulk("a"), bulk("b")]).await);
    waits(&sent).await;
    let seen = store.stream(&account("a"), 0, 9).await.unwrap();
    assert_eq!(seen.len(), 1, "it is committed all the same");
    syncs.hold(false);
    assert!(ends(sent).await.unwrap().iter().all(is_committed));
}

#[test]
fn a_page_of_bulk_work_is_handed_out_once_it_is_on_disk() {
    in_a_process("pages");
}

async fn pages(path: &Path, syncs: &Syncs) {
    let store = prepared(path, &[]).await;
    assert!(is_committed(&commit(&*store, vec![unit(Lane::Primary, &account("p"))]).await[0]));
    syncs.hold(true);
    let sent = begin(&store, async |store| commit(&*store, vec![bulk("a")]).await);
    waits(&sent).await;
    let page = begin(&store, async |store| store.lane(bulk_read()).await.unwrap());
    waits(&page).await;
    assert_eq!(ends(store.lane(production_read())).await.unwrap().len(), 1);
    syncs.hold(false);
    assert_eq!(ends(page).await.unwrap().len(), 1);
    assert!(is_committed(&ends(sent).await.unwrap()[0]));
    let before = syncs.count();
    assert_eq!(store.lane(bulk_read()).await.unwrap().len(), 1);
    assert_eq!(syncs.count(), before, "a page that is on disk waits for nothing");
}

#[test]
fn a_production_commit_brings_the_bulk_commits_before_it_to_the_disk() {
    in_a_process("production");
}

async fn production(path: &Path, syncs: &Syncs) {
    let store = prepared(path, &[]).await;
    syncs.hold(true);
    let sent = begin(&store, async |store| commit(&*store, vec![bulk("a")]).await);
    let page = begin(&store, async |store| {
        loop {
            let page = store.lane(bulk_read()).await.unwrap();
            if !page.is_empty() {
                return page;
            }
        }
    });
    waits(&sent).await;
    waits(&page).await;
    let deposit = commit(&*store, vec![unit(Lane::Primary, &account("p"))]);
    assert!(is_committed(&ends(deposit).await[0]), "production waits for no other sync");
    assert!(is_committed(&ends(sent).await.unwrap()[0]));
    assert_eq!(ends(page).await.unwrap().len(), 1);
    syncs.hold(false);
}

#[test]
fn a_duplicate_is_answered_once_the_first_is_on_disk() {
    in_a_process("duplicates");
}

async fn duplicates(path: &Path, syncs: &Syncs) {
    let store = prepared(path, &[]).await;
    syncs.hold(true);
    let first = under_key(bulk("a"), "row-1");
    let sent = begin(&store, async |store| commit(&*store, vec![first]).await);
    waits(&sent).await;
    let again = under_key(unit(Lane::Primary, &account("b")), "row-1");
    let again = begin(&store, async |store| commit(&*store, vec![again]).await);
    let now = Timestamp::from_micros(2);
    let known =
        begin(&store, async move |store| store.known("Bank.Open.v1", "row-1", now).await.unwrap());
    waits(&again).await;
    waits(&known).await;
    syncs.hold(false);
    assert!(matches!(ends(again).await.unwrap()[0], Outcome::Duplicate { .. }));
    assert!(ends(known).await.unwrap().is_some());
    assert!(is_committed(&ends(sent).await.unwrap()[0]));
}

#[test]
fn a_settled_message_is_recalled_once_that_is_on_disk() {
    in_a_process("settled");
}

async fn settled(path: &Path, syncs: &Syncs) {
    let store = prepared(path, &[]).await;
    assert!(is_committed(&commit(&*store, vec![bulk("a"), bulk("b")]).await[0]));
    let category = Category::of("bank", "account");
    let mark = DoneMark {
        group: GROUP.into(),
        category: category.clone(),
        priority: Priority::BULK,
        at: At::Only(1),
    };
    syncs.hold(true);
    let done = Changes { marks: vec![mark], ..Changes::new(Lane::Backfill) };
    let done = begin(&store, async |store| commit(&*store, vec![done]).await);
    waits(&done).await;
    let of = category.clone();
    let recalled =
        begin(&store, async move |store| store.recall(GROUP, &of, &[1, 2]).await.unwrap().len());
    waits(&recalled).await;
    let open = ends(store.recall(GROUP, &category, &[2])).await.unwrap();
    assert_eq!(open.len(), 1, "one that is open came from the disk");
    syncs.hold(false);
    assert_eq!(ends(recalled).await.unwrap(), 1);
    assert!(is_committed(&ends(done).await.unwrap()[0]));
}

#[test]
fn what_another_process_has_committed_is_not_taken_for_durable() {
    in_a_process("others");
}

async fn others(path: &Path, syncs: &Syncs) {
    let (ours, theirs) = (prepared(path, &[]).await, open(path).await);
    assert!(is_committed(&commit(&*theirs, vec![bulk("a")]).await[0]));
    let before = syncs.count();
    for _ in 0..3 {
        assert_eq!(ours.lane(bulk_read()).await.unwrap().len(), 1);
    }
    assert_eq!(syncs.count(), before + 1, "the first page syncs, the others know that it did");
}

#[test]
fn production_messages_of_a_bulk_unit_are_on_disk_with_it() {
    in_a_process("upward");
}

async fn upward(path: &Path, syncs: &Syncs) {
    let store = prepared(path, &[]).await;
    syncs.hold(true);
    let urgent = append(&account("a"), Priority::NORMAL);
    let changes = Changes { appends: vec![urgent], ..Changes::new(Lane::Backfill) };
    assert!(is_committed(&ends(commit(&*store, vec![changes.clone()])).await[0]));
    let refused = Changes { otherwise: Some(Box::new(changes)), ..under_key(bulk("b"), "row-1") };
    let taken = under_key(unit(Lane::Primary, &account("c")), "row-1");
    assert!(is_committed(&ends(commit(&*store, vec![taken])).await[0]));
    let sent = begin(&store, async |store| commit(&*store, vec![refused]).await);
    let page = async {
        while store.lane(production_read()).await.unwrap().len() < 3 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    ends(page).await;
    syncs.hold(false);
    assert!(matches!(ends(sent).await.unwrap()[0], Outcome::Duplicate { .. }));
}

#[test]
fn work_that_is_done_again_after_a_crash_waits_for_no_disk() {
    in_a_process("redone");
}

async fn redone(path: &Path, syncs: &Syncs) {
    let store = prepared(path, &[]).await;
    syncs.hold(true);
    let category = Category::of("bank", "account");
    let mark =
        DoneMark { group: GROUP.into(), category, priority: Priority::NORMAL, at: At::UpTo(1) };
    for lane in Lane::ALL {
        let moved =
            Changes { marks: vec![mark.clone()], redone_if_lost: true, ..Changes::new(lane) };
        assert!(is_committed(&ends(commit(&*store, vec![moved])).await[0]));
    }
    syncs.hold(false);
}

#[test]
fn a_disk_that_fails_is_told_and_recovered_from() {
    in_a_process("failure");
}

async fn failure(path: &Path, syncs: &Syncs) {
    let store = prepared(path, &[]).await;
    fail::cfg("sync", "1*return").unwrap();
    let lost = ends(commit(&*store, vec![bulk("a"), bulk("b")])).await;
    for outcome in &lost {
        let Outcome::Unavailable(why) = outcome else { panic!("{outcome:?}") };
        assert!(why.contains("a.db") && why.contains("check the disk"), "{why}");
    }
    let before = syncs.count();
    assert_eq!(ends(store.lane(bulk_read())).await.unwrap().len(), 2);
    assert!(syncs.count() > before, "what a sync left out is not on disk");
    // What the failed sync left out is not part of the `-wal` file that goes on.
    let wal = || std::fs::metadata(path.with_extension("db-wal")).unwrap().len();
    assert!(is_committed(
        &ends(commit(&*store, vec![unit(Lane::Primary, &account("p"))])).await[0]
    ));
    let copied = rusqlite::Connection::open_with_flags(
        format!("file:{}?immutable=1", path.display()),
        rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY | rusqlite::OpenFlags::SQLITE_OPEN_URI,
    );
    let count = "SELECT count(*) FROM messages";
    let copied: i64 = copied.unwrap().query_row(count, [], |row| row.get(0)).unwrap();
    assert_eq!(copied, 2, "they are in the database itself");
    assert!(wal() < 64 * 1024, "the file began anew: {}", wal());
    assert!(is_committed(&ends(commit(&*store, vec![bulk("c")])).await[0]));
    assert!(syncs.count() >= 3);
}

#[test]
fn only_full_waits_for_the_disk() {
    in_a_process("normal");
}

async fn normal(path: &Path, syncs: &Syncs) {
    syncs.hold(true);
    let uri = Some(format!("sqlite://{}", path.display()));
    let location = Location { uri, synchronous: "normal".into(), ..Location::default() };
    let store = Sqlite.open(&location).await.unwrap();
    store.prepare(&[], &[]).await.unwrap();
    assert!(is_committed(&ends(commit(&*store, vec![bulk("a")])).await[0]));
    assert_eq!(ends(store.lane(bulk_read())).await.unwrap().len(), 1);
    assert_eq!(syncs.count(), 0, "nothing syncs behind a commit");
    syncs.hold(false);
}
