//! A role that uses tables without owning them.

use protean_port::message::{Category, ColumnKind, Lane, Table, Value};
use protean_port::port::{Changes, GroupRegistration, Start};
use protean_test_servers::Database;

use crate::samples::{account, column, commit, is_committed, people, person, unit};
use crate::{database, open, prepared};

/// A database, and a role that may read and write the rows of what its owner creates.
fn database_with(role: &str) -> Database {
    let database = database();
    database.run(&format!(
        "REVOKE CREATE ON SCHEMA public FROM PUBLIC; CREATE ROLE {role} LOGIN; \
         GRANT USAGE ON SCHEMA public TO {role}; \
         ALTER DEFAULT PRIVILEGES IN SCHEMA public \
             GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {role}"
    ));
    database
}

/// People without a unique column.
fn plain_people() -> Table {
    let mut people = people();
    people.columns.iter_mut().for_each(|column| column.unique = false);
    people
}

#[tokio::test]
#[ignore = "needs PostgreSQL: cargo xtask test"]
async fn a_role_that_owns_nothing_prepares_tables_that_are_current_and_writes() {
    let database = database_with("tenant");
    prepared(&database.uri(), &[people()]).await;
    let store = open(&database.uri_as("tenant")).await;
    let group =
        GroupRegistration::new("bank.Mailer", Category::of("bank", "account"), Start::Beginning);
    for _ in 0..2 {
        store.prepare(&[people()], std::slice::from_ref(&group)).await.unwrap();
    }
    let rows = vec![person("p", Value::text("e"), Value::Null)];
    let rows = Changes { rows, ..Changes::new(Lane::Primary) };
    let outcomes = commit(&*store, vec![unit(Lane::Backfill, &account("a")), rows]).await;
    assert!(outcomes.iter().all(is_committed), "{outcomes:?}");
    assert!(store.claim("bank.Mailer").await.unwrap().is_some());
    store.check_writing().await.unwrap();
    let owned = "SELECT count(*) FROM pg_class WHERE relowner = 'tenant'::regrole";
    assert_eq!(database.run(owned), "0");
}

#[tokio::test]
#[ignore = "needs PostgreSQL: cargo xtask test"]
async fn what_the_owner_has_to_make_is_named_with_the_right_and_the_command() {
    let database = database_with("guest");
    let mut grown = plain_people();
    grown.columns.push(column("age", ColumnKind::Integer));
    let older = "DROP TABLE protean_intake, protean_intake_rejects; \
                 DELETE FROM \"protean.layout\"; INSERT INTO \"protean.layout\" VALUES (7)";
    let cases: [(&str, Vec<Table>, [&str; 3]); 5] = [
        ("SELECT", vec![], ["'protean.layout'", "lacks CREATE on the schema", "`db setup`"]),
        (older, vec![], ["'protean_intake'", "lacks CREATE on the schema", "`db migrate`"]),
        (
            "SELECT",
            vec![plain_people()],
            ["'people'", "lacks CREATE on the schema", "`db migrate`"],
        ),
        ("SELECT", vec![grown], ["'people'", "does not own the table", "`db migrate`"]),
        ("SELECT", vec![people()], ["'people'", "does not own the table", "`db migrate`"]),
    ];
    for (before, tables, expected) in cases {
        database.run(before);
        let store = open(&database.uri_as("guest")).await;
        let refused = store.prepare(&tables, &[]).await.unwrap_err();
        let text = refused.to_string();
        for part in expected.into_iter().chain(["the role 'guest'"]) {
            assert!(text.contains(part), "no {part} in {text}");
        }
        assert!(!refused.is_unavailable(), "waiting does not help: {text}");
        prepared(&database.uri(), &tables).await;
        store.prepare(&tables, &[]).await.unwrap();
    }
}

#[tokio::test]
#[ignore = "needs PostgreSQL: cargo xtask test"]
async fn a_table_without_a_grant_is_not_taken_for_one_that_is_missing() {
    let database = database_with("stranger");
    prepared(&database.uri(), &[people()]).await;
    database.run("REVOKE ALL ON people FROM stranger");
    let store = open(&database.uri_as("stranger")).await;
    let refused = store.prepare(&[people()], &[]).await.unwrap_err().to_string();
    assert!(refused.contains("permission denied for table people"), "{refused}");
    assert!(refused.contains("grant the user the required rights"), "{refused}");
}
