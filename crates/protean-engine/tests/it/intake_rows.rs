//! Rows of the intake as SQL writes them: how urgent they may be, and the id that comes back.

use protean::Intake;
use protean::message::Priority;
use protean::port::Find;

use crate::harness::{Harness, On};
use crate::intake::{logged, office, settle};

crate::on! { Sqlite in sqlite, Production in production: {
    a_raised_limit_lets_urgent_rows_in
    an_insert_returns_the_id_of_its_command
} }

/// A row of this priority for the ledger `a`, and what to give back.
fn insert(line: &str, priority: i32, returning: &str) -> String {
    format!(
        "INSERT INTO protean_intake (type, data, priority) \
         VALUES ('Enter', '{{\"ledger\": \"a\", \"line\": \"{line}\"}}', {priority}) {returning}"
    )
}

async fn a_raised_limit_lets_urgent_rows_in(on: On) {
    let harness = Harness::configured(on, "[intake]\nmax_priority = 50\n", |builder| builder);
    let office = office(harness.settings());
    let store = office.store().await.unwrap();
    for (line, priority) in [("usual", 0), ("urgent", 50), ("too urgent", 51)] {
        harness.run_sql(&insert(line, priority, ""));
    }
    settle(&office).await;
    let commands = store.find(Find::first(9)).await.unwrap();
    let priority = |line: &str| {
        let found = commands.iter().find(|found| found.message.data.contains(line));
        found.map(|found| found.message.priority)
    };
    assert_eq!(priority("\"usual"), Some(Priority::NORMAL));
    assert_eq!(priority("\"urgent"), Some(Priority::new(50)));
    let rejects = Intake::of(&office).rejects(0, 9).await.unwrap();
    assert_eq!(rejects.len(), 1);
    let reason = &rejects[0].reason;
    assert!(reason.contains("the priority 51 is above intake.max_priority = 50"), "{reason}");
}

async fn an_insert_returns_the_id_of_its_command(on: On) {
    let harness = Harness::new(on);
    let office = office(harness.settings());
    let store = office.store().await.unwrap();
    let sql = insert("1", 0, "RETURNING id");
    let id = match on {
        On::Sqlite => {
            let file = rusqlite::Connection::open(harness.folder().join("harness.db")).unwrap();
            file.query_row(&sql, [], |row| row.get::<_, String>(0)).unwrap()
        }
        _ => harness.database().run(&sql).trim().to_owned(),
    };
    settle(&office).await;
    assert_eq!(logged(&office, "a").await, ["1"]);
    let command = store.find(Find::first(1)).await.unwrap().remove(0).message;
    assert_eq!(*command.id, *id);
}
