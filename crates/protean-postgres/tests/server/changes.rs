//! Versions of a program that change its tables, in processes of their own.

use std::time::{Duration, Instant};

use protean_test_servers::Database;

use crate::samples::changes::{TABLES, all_is_new, all_is_old, fill};
use crate::stores::spawn;
use crate::{database, prepared, raw};

/// Waits until a statement waits for the lock of a table.
async fn until_one_waits(database: &Database) {
    let began = Instant::now();
    let waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
                   AND wait_event_type = 'Lock' AND wait_event = 'relation'";
    while database.run(waiting) == "0" {
        assert!(began.elapsed() < Duration::from_secs(30), "nothing waits for the table");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL: cargo xtask test"]
async fn a_program_killed_in_a_change_has_changed_nothing() {
    for at in TABLES {
        let database = database();
        let store = prepared(&database.uri(), &[]).await;
        fill(&*store).await;
        let reader = raw(&database.uri()).await;
        let hold = format!("BEGIN; LOCK TABLE \"{at}\" IN ACCESS SHARE MODE");
        reader.batch_execute(&hold).await.unwrap();
        let mut newer = spawn("newer", &database.uri());
        until_one_waits(&database).await;
        newer.kill().unwrap();
        newer.wait().unwrap();
        reader.batch_execute("COMMIT").await.unwrap();
        all_is_old(&*store).await;
        assert!(spawn("newer", &database.uri()).wait().unwrap().success());
        all_is_new(&*store).await;
    }
}

#[tokio::test]
#[ignore = "needs PostgreSQL: cargo xtask test"]
async fn processes_that_change_the_tables_at_once_all_succeed() {
    let database = database();
    let store = prepared(&database.uri(), &[]).await;
    fill(&*store).await;
    let children: Vec<_> = (0..4).map(|_| spawn("newer", &database.uri())).collect();
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    all_is_new(&*store).await;
}
