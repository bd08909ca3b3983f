//! Operators rebuild a projection, stop amid that, and rename its handler.

use std::io::Read;
use std::process::{Output, Stdio};
use std::time::{Duration, Instant};

use fidelis::account::{Account, AccountCommandHandler, AccountOpened, MakeDeposit};
use fidelis::summary::{AccountSummary, AccountSummaryProjector};
use protean::{Context, Domain, Handled, On, Priority, projector};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::bank::{Bank, Server, WAIT_LIMIT, transcript};

fn run(bank: &Bank, words: &[&str]) -> Output {
    bank.program().args(words).output().unwrap()
}

/// The command is refused with this exit code and a reason.
#[track_caller]
fn is_refused(output: &Output, code: i32, parts: &[&str]) {
    assert_eq!(output.status.code(), Some(code), "{}", transcript(output));
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(stderr.starts_with("error: "), "{stderr}");
    for part in parts {
        assert!(stderr.contains(part), "no '{part}' in: {stderr}");
    }
}

#[track_caller]
fn said(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(0), "{}", transcript(output));
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn run_sql(bank: &Bank, sql: &str) {
    rusqlite::Connection::open(bank.database()).unwrap().execute_batch(sql).unwrap();
}

/// The only projection of the bank.
fn status(bank: &Bank) -> Value {
    bank.ask(&["projection", "status"])["data"][0].clone()
}

fn closes(bank: &Bank) -> bool {
    bank.ask(&["verify"])["data"]["closes"] == true
}

const REBUILD: [&str; 3] = ["projection", "rebuild", "AccountSummary"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_projection_is_rebuilt_beside_a_server() {
    let bank = Bank::new();
    let _server = bank.serve();
    bank.await_logged("ready");
    assert_eq!(bank.send(0..300, Priority::NORMAL).await, 300);
    bank.await_accounts(300);
    run_sql(
        &bank,
        "UPDATE account_summary SET balance = '0'; DELETE FROM account_summary WHERE account_number < 'T-000100'",
    );
    let text = said(&run(&bank, &REBUILD));
    let last = text.lines().last().unwrap();
    assert!(last.starts_with("AccountSummary is rebuilt: 300 messages in "), "{text}");
    assert_eq!(bank.await_accounts(300)["total_balance"], 3003.0);
    let expected = "Projection      Table            Built  Rebuild\n\
                    AccountSummary  account_summary      2  -\n";
    assert_eq!(said(&run(&bank, &["projection", "status"])), expected);
    assert_eq!(bank.send(300..350, Priority::BULK).await, 50);
    bank.await_accounts(350);
    let rebuilt = &bank.ask(&REBUILD)["data"];
    assert_eq!(
        (&rebuilt["projection"], &rebuilt["rebuilt"]),
        (&"AccountSummary".into(), &true.into())
    );
    assert_eq!((&rebuilt["settled"], &rebuilt["missing"]), (&350.into(), &0.into()));
    let status = status(&bank);
    assert_eq!((&status["generation"], &status["rebuild"]), (&3.into(), &Value::Null));
    assert_eq!(bank.send(350..400, Priority::NORMAL).await, 50);
    assert_eq!(bank.await_accounts(400)["total_balance"], 4004.0);
    assert!(closes(&bank));
    let status = &bank.ask(&["subscriptions", "status"]);
    assert!(!status.to_string().contains("#3"), "ids are nobody's business: {status}");
    assert!(status["diagnostics"].as_array().is_none_or(Vec::is_empty), "{status}");
}

#[test]
fn what_cannot_be_rebuilt_is_refused() {
    let bank = Bank::new();
    is_refused(&run(&bank, &REBUILD), 1, &["does not exist, and nothing was created"]);
    is_refused(&run(&bank, &["projection", "status"]), 1, &["nothing was created"]);
    assert_eq!(bank.ask(&["db", "setup"])["status"], "pass");
    let unknown = run(&bank, &["projection", "rebuild", "AccountSumary"]);
    is_refused(&unknown, 2, &["no projector keeps a projection 'AccountSumary'", "AccountSummary"]);
    let memory = fidelis::SETTINGS.replace("provider = \"sqlite\"", "provider = \"memory\"");
    let memory: String = memory
        .lines()
        .filter(|line| !line.contains("DATABASE_URI"))
        .map(|line| format!("{line}\n"))
        .collect();
    let path = bank.settings(&memory);
    let words = ["--config", path.to_str().unwrap(), "projection", "rebuild", "AccountSummary"];
    is_refused(&run(&bank, &words), 2, &["a database in memory belongs to its program alone"]);
    run_sql(&bank, "CREATE VIEW rich AS SELECT * FROM account_summary");
    is_refused(&run(&bank, &REBUILD), 1, &["the view 'rich'", "drop it, and create it again"]);
    assert_eq!(status(&bank)["rebuild"], Value::Null);
}

/// A bank with so many accounts and their summaries, and no server.
async fn filled(accounts: u64) -> Bank {
    let bank = Bank::new();
    assert_eq!(bank.send(0..accounts, Priority::BULK).await, accounts);
    let _server = bank.serve();
    bank.await_accounts(accounts);
    bank
}

/// A rebuild that has settled so many messages and has not ended.
fn amid_a_rebuild(bank: &Bank, settled: u64) -> Server {
    let database = rusqlite::Connection::open(bank.database()).unwrap();
    // One row is filled by each message.
    let filled = || {
        let count = "SELECT count(*) FROM account_summary__g2";
        database.query_row(count, [], |row| row.get::<_, i64>(0)).unwrap_or(0).cast_unsigned()
    };
    let mut program = bank.program();
    program.args(REBUILD).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut rebuild = Server(program.spawn().unwrap());
    let began = Instant::now();
    while filled() < settled {
        assert!(rebuild.0.try_wait().unwrap().is_none(), "it was too fast for this test");
        assert!(began.elapsed() < WAIT_LIMIT);
        std::thread::sleep(Duration::from_millis(1));
    }
    rebuild
}

/// How far each thread of a process steps back from the cores.
#[cfg(target_os = "linux")]
fn niceness(process: &str) -> i32 {
    let of_thread = |stat: String| {
        let (_, fields) = stat.rsplit_once(')').unwrap();
        // The state of the thread is the third field of the file, its niceness the nineteenth.
        fields.split_whitespace().nth(16).unwrap().parse::<i32>().unwrap()
    };
    let threads = std::fs::read_dir(format!("/proc/{process}/task")).unwrap();
    let stats = threads.filter_map(|thread| {
        // It may have ended meanwhile.
        std::fs::read_to_string(thread.unwrap().path().join("stat")).ok()
    });
    stats.map(of_thread).min().unwrap()
}

fn kill(mut rebuild: Server, signal: Signal) -> Output {
    kill_process(Pid::from_child(&rebuild.0), signal).unwrap();
    let status = rebuild.0.wait().unwrap();
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    rebuild.0.stdout.take().unwrap().read_to_end(&mut stdout).unwrap();
    rebuild.0.stderr.take().unwrap().read_to_end(&mut stderr).unwrap();
    Output { status, stdout, stderr }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rebuild_that_was_stopped_or_killed_goes_on() {
    let bank = filled(6000).await;
    let stopped = kill(amid_a_rebuild(&bank, 200), Signal::INT);
    assert_eq!(stopped.status.code(), Some(1), "{}", transcript(&stopped));
    let text = transcript(&stopped);
    assert!(text.contains("The same command goes on from there"), "{text}");
    assert!(text.contains("AccountSummary is not rebuilt yet"), "{text}");
    let before = status(&bank)["rebuild"]["settled"].as_u64().unwrap();
    assert!(before >= 200 && status(&bank)["rebuild"]["missing"].as_u64().unwrap() > 0);
    let killed = kill(amid_a_rebuild(&bank, before + 500), Signal::KILL);
    assert_eq!(killed.status.code(), None);
    let after = status(&bank)["rebuild"]["settled"].as_u64().unwrap();
    assert!(after >= before + 500, "{after} after {before}");
    assert_eq!(bank.ask(&REBUILD)["data"]["settled"], 6000);
    assert_eq!(status(&bank)["generation"], 2);
    let stats = bank.await_accounts(6000);
    assert_eq!(stats["total_balance"], 60060.0);
    assert!(closes(&bank));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rebuild_is_cancelled() {
    let bank = filled(3000).await;
    let cancel = [&REBUILD[..], &["--cancel"]].concat();
    let running = amid_a_rebuild(&bank, 100);
    #[cfg(target_os = "linux")]
    assert_eq!(niceness(&running.0.id().to_string()), (niceness("self") + 10).min(19));
    is_refused(&run(&bank, &cancel), 1, &["another process rebuilds AccountSummary now"]);
    is_refused(&run(&bank, &REBUILD), 1, &["another process rebuilds AccountSummary now"]);
    is_refused(&run(&bank, &["db", "drop", "--yes"]), 1, &["rebuild"]);
    kill(running, Signal::KILL);
    for _ in 0..2 {
        let text = said(&run(&bank, &cancel));
        assert_eq!(text, "What a rebuild of AccountSummary had filled is deleted.\n");
        assert_eq!(status(&bank)["rebuild"], Value::Null);
    }
    assert_eq!(
        (&status(&bank)["generation"], bank.ask(&["stats"])["summaries"].as_u64()),
        (&1.into(), Some(3000))
    );
    assert_eq!(bank.ask(&cancel)["data"]["projection"], "AccountSummary");
    assert!(closes(&bank));
    kill(amid_a_rebuild(&bank, 100), Signal::KILL);
    assert_eq!(bank.ask(&["db", "drop", "--yes"])["status"], "pass");
    let shell = rusqlite::Connection::open(bank.database()).unwrap();
    let left = "SELECT count(*) FROM sqlite_schema WHERE name NOT LIKE 'sqlite%'";
    assert_eq!(shell.query_row(left, [], |row| row.get::<_, i64>(0)).unwrap(), 0);
}

/// The projector as an earlier version of the bank had it.
struct Earlier;

#[projector(projection = AccountSummary, name = "Summaries")]
impl Earlier {
    #[on]
    async fn opened(&self, event: AccountOpened, ctx: &Context) -> Handled {
        AccountSummaryProjector.on(event, ctx).await
    }
}

fn earlier(bank: &Bank) -> Domain {
    let domain = protean::domain("fidelis").config(&fidelis::settings_on(&bank.uri()));
    let domain = domain.aggregate::<Account>().register(AccountCommandHandler).register(Earlier);
    domain.build().unwrap()
}

/// A bank whose projector had another name, with so many accounts.
async fn of_an_earlier_version(accounts: u64) -> Bank {
    let bank = Bank::new();
    let commands: Vec<_> = (0..accounts).map(crate::bank::account).collect();
    let earlier = earlier(&bank);
    assert_eq!(earlier.process_all(commands).await.unwrap().accepted, accounts);
    serve_until(&earlier, accounts).await;
    bank
}

/// Serves until the summaries have settled so many messages.
async fn serve_until(earlier: &Domain, settled: u64) {
    let store = earlier.store().await.unwrap();
    let group = earlier.groups().iter().find(|group| group.handler == "Summaries").unwrap();
    let served = protean_engine::Server::new(earlier.clone()).run(async {
        while store.group_status(&group.name, &group.category).await.unwrap().settled() < settled {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
    tokio::time::timeout(WAIT_LIMIT, served).await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_projector_that_takes_another_event_asks_once_for_a_rebuild() {
    const ASKS: &str = "run `projection rebuild AccountSummary`";
    let bank = of_an_earlier_version(2).await;
    let earlier = earlier(&bank);
    let summaries = earlier.repository::<AccountSummary>().await.unwrap();
    let account_id = summaries.query().first().await.unwrap().unwrap().account_id.clone();
    let deposit = MakeDeposit { account_id, amount: 1.into(), reference: None };
    earlier.process(deposit).asynchronous().await.unwrap();
    serve_until(&earlier, 3).await;
    said(&run(&bank, &["subscriptions", "rename", "Summaries", "AccountSummaryProjector"]));
    let server = bank.serve();
    let log = bank.await_logged("server ready");
    let line = log.lines().find(|line| line.contains(ASKS)).unwrap_or_else(|| panic!("{log}"));
    assert!(line.contains("DepositMade") && line.contains("passed_over=1"), "{line}");
    drop(server);
    let _server = bank.serve();
    assert!(!bank.await_logged("server ready").contains(ASKS), "it was said");
    said(&run(&bank, &REBUILD));
    assert_eq!(bank.await_accounts(2)["total_balance"], 21.02);
    said(&run(&bank, &["subscriptions", "promote", "--yes"]));
    let done = bank.ask(&["events", "read", "fidelis::operations", "--data"]);
    let done = done["data"]["messages"].as_array().unwrap().iter().map(|of| &of["data"]);
    let actions: Vec<_> = done.clone().map(|of| of["action"].as_str().unwrap()).collect();
    assert_eq!(actions, ["subscriptions rename", "projection rebuild", "subscriptions promote"]);
    assert!(done.clone().all(|of| of["by"] == "command line"));
    let [names, projection, _] = done.map(|of| &of["filter"]).collect::<Vec<_>>()[..] else {
        panic!("{actions:?}")
    };
    assert_eq!(names["from"], "fidelis.Summaries");
    assert_eq!(names["to"], "fidelis.AccountSummaryProjector");
    assert_eq!(projection["projection"], "AccountSummary");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_renamed_group_goes_on_under_its_new_name() {
    let bank = of_an_earlier_version(20).await;
    let rename = |words: &[&str]| run(&bank, &[&["subscriptions", "rename"], words].concat());
    is_refused(&rename(&["Summaries"]), 2, &["<NEW>"]);
    let (old, new) = ("Summaries", "AccountSummaryProjector");
    is_refused(
        &rename(&[old, "AccountSummariesProjector"]),
        2,
        &[
            "this program has no handler with the group 'fidelis.AccountSummariesProjector'",
            "AccountSummaryProjector",
        ],
    );
    is_refused(&rename(&["AccountCommands", new]), 2, &["still has a handler with the group"]);
    is_refused(
        &rename(&["Sumaries", new]),
        2,
        &["the database has no state of a group 'fidelis.Sumaries'", "Summaries"],
    );
    let text = said(&rename(&[old, new]));
    let expected = "The group fidelis.Summaries is called fidelis.AccountSummaryProjector now";
    assert!(text.starts_with(expected), "{text}");
    // As after a kill, and with the names of the groups.
    let again = bank.ask(&[
        "subscriptions",
        "rename",
        "fidelis.Summaries",
        "fidelis.AccountSummaryProjector",
    ]);
    assert_eq!(again["data"]["from"], "fidelis.Summaries");
    let _server = bank.serve();
    assert_eq!(bank.send(20..30, Priority::NORMAL).await, 10);
    assert_eq!(bank.await_accounts(30)["total_balance"], 300.3);
    let report = bank.ask(&["verify"]);
    assert_eq!(report["data"]["closes"], true);
    let summaries = report["data"]["groups"].as_array().unwrap().iter();
    let handled: Vec<_> =
        summaries.filter(|of| of["group"] == "fidelis.AccountSummaryProjector").collect();
    assert_eq!((handled.len(), &handled[0]["handled"]), (1, &30.into()), "{report}");
    let refused = earlier(&bank).store().await.err().unwrap();
    assert!(
        refused.is_misuse()
            && refused.to_string().contains("is called 'fidelis.AccountSummaryProjector' now"),
        "{refused}"
    );
    assert_eq!(bank.ask(&REBUILD)["data"]["settled"], 30);
    assert_eq!(bank.send(30..40, Priority::NORMAL).await, 10);
    assert_eq!(bank.await_accounts(40)["total_balance"], 400.4);
    assert!(closes(&bank));
    for forgotten in ["fidelis.Summaries", "fidelis.Summaries#2"] {
        let forget = run(&bank, &["subscriptions", "forget", forgotten, "--yes"]);
        is_refused(&forget, 2, &[forgotten]);
    }
    assert!(closes(&bank));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rename_that_is_killed_at_any_moment_can_be_made_again() {
    const RENAME: [&str; 4] = ["subscriptions", "rename", "Summaries", "AccountSummaryProjector"];
    let original = of_an_earlier_version(20).await;
    run_sql(&original, "PRAGMA wal_checkpoint(TRUNCATE)");
    let copy = || {
        let bank = Bank::new();
        std::fs::copy(original.database(), bank.database()).unwrap();
        bank
    };
    let began = Instant::now();
    said(&run(&copy(), &RENAME));
    let usual = began.elapsed();
    for moment in 0..16 {
        let bank = copy();
        let mut rename = bank.program();
        let rename = rename.args(RENAME).stdout(Stdio::null()).stderr(Stdio::null());
        let mut rename = Server(rename.spawn().unwrap());
        std::thread::sleep(usual * moment / 12);
        // It may have ended before.
        rename.0.kill().unwrap();
        rename.0.wait().unwrap();
        let database = rusqlite::Connection::open(bank.database()).unwrap();
        let count = "SELECT count(*) FROM group_names";
        let names: i64 = database.query_row(count, [], |row| row.get(0)).unwrap();
        assert!(names == 0 || names == 2, "the new name and the note of the old one, or neither");
        said(&run(&bank, &RENAME));
        assert!(closes(&bank), "killed at moment {moment}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_under_which_something_was_done_is_refused() {
    let bank = of_an_earlier_version(20).await;
    run_sql(
        &bank,
        "UPDATE enrolments SET grp = 'fidelis.AccountSummaryProjector' WHERE grp = 'fidelis.none'; \
        INSERT INTO progress SELECT 'fidelis.AccountSummaryProjector', stream, next FROM progress WHERE grp = 'fidelis.Summaries' LIMIT 1",
    );
    let refused = run(&bank, &["subscriptions", "rename", "Summaries", "AccountSummaryProjector"]);
    is_refused(&refused, 1, &["'fidelis.AccountSummaryProjector' has handled messages already"]);
}
