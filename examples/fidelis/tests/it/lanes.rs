//! What an operator sees of the lanes with the tools of Redis, of SQL and of the bank.

use protean::Priority;
use rustix::process::{Pid, Signal, kill_process};

use crate::bank::Bank;
use crate::branch::{Branch, await_that};

const PRIMARY: &str = "fidelis::account";
const BACKFILL: &str = "fidelis::account:backfill";
const COMMANDS: &str = "fidelis::account:command";
const COMMANDS_IN_BULK: &str = "fidelis::account:command:backfill";

/// Each stream with its group.
const GROUPS: [(&str, &str); 4] = [
    (PRIMARY, "fidelis.AccountSummaryProjector"),
    (BACKFILL, "fidelis.AccountSummaryProjector"),
    (COMMANDS, "fidelis.AccountCommands"),
    (COMMANDS_IN_BULK, "fidelis.AccountCommands"),
];

/// Priority and stream of the latest messages, the last one first.
fn outbox(bank: &Bank) -> Vec<(i64, String)> {
    let file = bank.uri().strip_prefix("sqlite:").unwrap().to_owned();
    let database = rusqlite::Connection::open(file).unwrap();
    let query = "SELECT message_id, priority, stream_name FROM outbox \
                 ORDER BY created_at DESC LIMIT 10;";
    let mut statement = database.prepare(query).unwrap();
    let rows = statement.query_map((), |row| Ok((row.get(1)?, row.get(2)?))).unwrap();
    rows.map(Result::unwrap).collect()
}

/// Handler and lane of each row with its lag and its status.
fn status(branch: &Branch) -> Vec<(String, String, u64, String)> {
    let status = branch.ask(&["subscriptions", "status"]);
    let rows = status["data"]["subscriptions"].as_array().unwrap().clone();
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    let row = |row: &serde_json::Value| {
        let (stream, lag) = (text(&row["stream"]), row["lag"].as_u64().unwrap());
        (text(&row["handler_name"]), stream, lag, text(&row["status"]))
    };
    rows.iter().map(row).collect()
}

#[test]
#[ignore = "needs Redis: cargo xtask test"]
fn groups_are_on_both_streams_before_anything_is_published() {
    let branch = Branch::new();
    let there = || GROUPS.map(|(stream, group)| branch.group(stream, group).is_some());
    // The relay makes them once the server is ready, each lane by itself.
    let come = || await_that(|| there() == [true; 4], || format!("groups: {:?}", there()));
    let server = branch.serve();
    come();
    assert_eq!(GROUPS.map(|(stream, _)| branch.length(stream)), [0; 4]);
    drop(server);
    // "If no groups are listed, restart the Engine."
    branch.redis.command(&["XGROUP", "DESTROY", BACKFILL, "fidelis.AccountSummaryProjector"]);
    branch.redis.command(&["DEL", COMMANDS_IN_BULK]);
    assert_eq!(there(), [true, false, true, false]);
    let _server = branch.serve();
    come();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis: cargo xtask test"]
async fn bulk_work_grows_in_backfill_alone_and_drains() {
    let branch = Branch::new();
    let mut server = branch.serve();
    branch.send(0..20, Priority::NORMAL).await;
    branch.bank.await_accounts(20);
    kill_process(Pid::from_child(&server.0), Signal::TERM).unwrap();
    assert_eq!(server.0.wait().unwrap().code(), Some(0));
    branch.send(20..520, Priority::LOW).await;
    // Without a server as well: what waits, and where.
    let waiting = ("AccountCommandHandler".to_owned(), COMMANDS_IN_BULK.to_owned(), 500);
    let rows = status(&branch);
    let found = |(handler, stream, lag, _): &(String, String, u64, String)| {
        (handler.clone(), stream.clone(), *lag) == waiting
    };
    assert!(rows.iter().any(found), "{rows:?}");
    // A reader that is slow, so that it can be seen how the stream grows.
    branch.redis.command(&["XGROUP", "CREATE", BACKFILL, "slow", "0"]);
    let _server = branch.serve();
    branch.await_length(BACKFILL, 500);
    branch.await_length(PRIMARY, 0);
    branch.await_length(COMMANDS, 0);
    branch.redis.command(&["XGROUP", "DESTROY", BACKFILL, "slow"]);
    branch.await_length(BACKFILL, 0);
    branch.await_length(COMMANDS_IN_BULK, 0);
    branch.bank.await_accounts(520);
    let [production, bulk, commands, commands_in_bulk] =
        GROUPS.map(|(stream, _)| branch.added(stream));
    assert_eq!((production, commands), (20, 20));
    assert_eq!(bulk, 500, "somebody else reads it, so each message has an entry");
    assert!((1..500).contains(&commands_in_bulk), "{commands_in_bulk} entries for 500 messages");
    let latest = outbox(&branch.bank);
    let is_bulk = |(priority, stream): &(i64, String)| {
        *priority == -50 && stream.starts_with("fidelis::account")
    };
    assert!(latest.len() == 10 && latest.iter().all(is_bulk), "{latest:?}");
    await_that(
        || status(&branch).iter().all(|(_, _, lag, status)| (*lag, status.as_str()) == (0, "ok")),
        || format!("{:?}", status(&branch)),
    );
    let streams: Vec<_> = status(&branch).into_iter().map(|(_, stream, ..)| stream).collect();
    for (stream, _) in GROUPS {
        assert!(streams.iter().any(|found| found == stream), "no {stream} in {streams:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis: cargo xtask test"]
async fn a_renamed_lane_is_reported_and_nothing_stays_in_the_old_one() {
    let branch = Branch::new();
    let mut server = branch.serve();
    branch.send(0..20, Priority::LOW).await;
    branch.bank.await_accounts(20);
    kill_process(Pid::from_child(&server.0), Signal::TERM).unwrap();
    assert_eq!(server.0.wait().unwrap().code(), Some(0));
    let bulk = |text: String| text.replace("_suffix = \"backfill\"", "_suffix = \"bulk\"");
    let _server = branch.serve_with(bulk);
    let warning = "the backfill suffix changed, publishing again";
    branch.bank.await_logged(warning);
    for stream in [BACKFILL, COMMANDS_IN_BULK] {
        await_that(|| branch.redis.command(&["EXISTS", stream]) == "0", || stream.to_owned());
    }
    branch.send(20..30, Priority::LOW).await;
    branch.bank.await_accounts(30);
    assert_eq!(branch.added("fidelis::account:bulk"), 10);
}

#[test]
#[ignore = "needs Redis: cargo xtask test"]
fn what_cannot_be_read_stands_in_the_dead_letters_of_its_lane() {
    let branch = Branch::new();
    let _server = branch.serve();
    for (stream, entry) in [(PRIMARY, "odd"), (BACKFILL, "garbage")] {
        branch.redis.command(&["XADD", stream, "*", "data", entry]);
        let letters = format!("{stream}:dlq");
        branch.await_length(&letters, 1);
        let entries = branch.redis.command(&["XRANGE", &letters, "-", "+", "COUNT", "5"]);
        let origin = format!("\"original_stream\":\"{stream}\"");
        for part in ["_dlq_metadata", &origin, "the entry is not JSON", entry] {
            assert!(entries.contains(part), "no {part} in {entries}");
        }
        branch.await_length(stream, 0);
    }
}
