//! Plain programs in Python and in Rust with sqlx, which enqueue commands in transactions of their own
//! while servers are killed. The guide shows these programs.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::JoinHandle;
use std::time::Duration;

use protean::Domain;
use protean::Intake;
use protean_engine::{Server, verify};
use protean_test_servers::{Database, Postgres, Python};

use crate::child;
use crate::intake::{logged, office, serve_until};

const SERVING: &str = "plain_programs::a_server_until_it_is_killed";
/// How many transactions each program begins; every third one is rolled back.
const TRANSACTIONS: usize = 200;

fn settings(uri: &str) -> String {
    format!(
        "[databases.default]\nprovider = \"postgresql\"\ndatabase_uri = '{uri}'\n\
         [server]\nlease_seconds = 1\n[server.priority_lanes]\nenabled = true\n"
    )
}

/// The process that is killed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_until_it_is_killed() {
    let Some(uri) = child::file() else { return };
    let office = office(&settings(uri.to_str().unwrap()));
    Server::new(office).run(std::future::pending()).await.unwrap();
}

/// A role that may only INSERT, and a table of the application.
fn add_role(database: &Database) {
    database.run(
        "CREATE ROLE clerk LOGIN; CREATE TABLE orders (ledger text, number bigint); \
         GRANT INSERT ON orders, protean_intake TO clerk;",
    );
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/plain_programs")
}

/// The program that uses sqlx is not a member of the workspace, whose programs link a version of
/// SQLite that sqlx does not allow.
const MANIFEST: &str = r#"[package]
name = "enqueue"
edition = "2024"

[workspace]

[[bin]]
name = "enqueue"
path = "enqueue.rs"

[dependencies]
serde_json = "1"
sqlx = { version = "0.9", default-features = false, features = ["postgres", "runtime-tokio"] }
tokio = { version = "1", features = ["macros", "rt"] }

[profile.dev]
debug = false
"#;

/// Builds the program that uses sqlx.
fn sqlx_program() -> PathBuf {
    let package = Path::new(env!("CARGO_TARGET_TMPDIR")).join("plain-programs");
    std::fs::create_dir_all(&package).unwrap();
    std::fs::write(package.join("Cargo.toml"), MANIFEST).unwrap();
    for file in ["enqueue.rs", "Cargo.lock"] {
        std::fs::copy(folder().join(file), package.join(file)).unwrap();
    }
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--locked", "--target-dir", "target"]).current_dir(&package);
    let built = cargo.status().unwrap();
    assert!(built.success(), "the program that uses sqlx cannot be built");
    package.join("target/debug/enqueue")
}

/// Runs a program for a ledger; gives what it prints.
fn run(mut program: Command, uri: &str, ledger: &str) -> JoinHandle<Vec<String>> {
    program.args([uri, ledger, &TRANSACTIONS.to_string()]);
    std::thread::spawn(move || {
        let output = program.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
    })
}

/// The lines of all transactions that were committed, each in its order.
fn committed() -> Vec<String> {
    let numbers = (0..TRANSACTIONS).filter(|number| number % 3 != 2);
    numbers.flat_map(|number| (0..3).map(move |step| format!("{number}.{step}"))).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL, Python and crates.io: cargo xtask test"]
async fn programs_that_may_only_insert_enqueue_commands_while_servers_are_killed() {
    let database = Postgres::shared().database();
    let office = office(&settings(&database.uri()));
    office.store().await.unwrap();
    add_role(&database);
    let (uri, sqlx) = (database.uri_as("clerk"), sqlx_program());
    let python = || {
        let mut python = Python::with_protean().unwrap().command();
        python.arg(folder().join("enqueue.py"));
        python
    };
    // Without SELECT on the id, only RETURNING is refused.
    let mut refused = Command::new(&sqlx);
    let refused = refused.args([&uri, "refused", "1"]).output().unwrap();
    let error = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(error.contains("permission denied for table protean_intake"), "{error}");
    database.run("GRANT SELECT (id) ON protean_intake TO clerk");

    let programs = [run(python(), &uri, "python"), run(Command::new(&sqlx), &uri, "sqlx")];
    for _ in 0..8 {
        let mut server = child::spawn(SERVING, Path::new(&database.uri()), &[]);
        tokio::time::sleep(Duration::from_millis(400)).await;
        server.kill();
    }
    let [printed, ids] = programs.map(|program| program.join().unwrap());
    assert_eq!((printed.len(), ids.len()), (0, 3 * TRANSACTIONS));
    let handled = async |ledger: &str| crate::intake::lines(&office, ledger).await.len();
    let expected = committed();
    let all = async || {
        handled("python").await + handled("sqlx").await >= 2 * expected.len()
            && Intake::of(&office).waiting(0, 1).await.unwrap().is_empty()
    };
    serve_until(&office, all).await;

    for ledger in ["python", "sqlx"] {
        assert_eq!(logged(&office, ledger).await, expected, "{ledger}");
        assert_eq!(handled(ledger).await, expected.len(), "{ledger}");
        let orders = format!("SELECT count(*) FROM orders WHERE ledger = '{ledger}'");
        assert_eq!(database.run(&orders), (expected.len() / 3).to_string());
    }
    assert_returned(&office, &ids).await;
    let rejects = Intake::of(&office).rejects(0, 9).await.unwrap();
    let reasons: Vec<&str> = rejects.iter().map(|reject| &*reject.reason).collect();
    for (reason, expected) in
        reasons.iter().zip(["EOF", "not a command", "not allowed", "missing field"])
    {
        assert!(reason.contains(expected), "{reasons:?}");
    }
    assert_eq!(reasons.len(), 4, "{reasons:?}");
    let report = verify(&office).await.unwrap();
    assert!(report.closes, "{report:?}");
}

/// The returned ids are those of the commands.
async fn assert_returned(office: &Domain, ids: &[String]) {
    let store = office.store().await.unwrap();
    for (at, id) in ids.iter().enumerate().step_by(97) {
        let find = protean::port::Find {
            message_id: Some(id.as_str().into()),
            ..protean::port::Find::first(1)
        };
        let is_there = !store.find(find).await.unwrap().is_empty();
        assert_eq!(is_there, at / 3 % 3 != 2, "{id}");
    }
}
