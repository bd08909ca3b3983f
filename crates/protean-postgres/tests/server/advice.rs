//! What a server is said to be short of.

use protean_port::port::Provider;
use protean_postgres::Postgres;
use protean_test_servers as servers;

use crate::location;

const ROOMY: &str = "-c fsync=on -c full_page_writes=on -c min_wal_size=5GB -c max_wal_size=6GB";

/// The settings that are named, in order.
async fn named(uri: &str) -> Vec<String> {
    let advice = Postgres.advice(&location(uri)).await.unwrap();
    let setting = |advice: &String| advice.split_once(": ").unwrap().0.to_owned();
    advice.iter().map(setting).collect()
}

#[tokio::test]
#[ignore = "needs PostgreSQL: cargo xtask test"]
async fn names_what_a_server_is_short_of_as_its_user_sees_it() {
    let roomy = servers::Postgres::start(ROOMY);
    let database = roomy.own_database();
    assert!(named(&database.uri()).await.is_empty());
    database.run("CREATE ROLE hasty LOGIN; ALTER ROLE hasty SET synchronous_commit = off");
    assert_eq!(named(&database.uri_as("hasty")).await, ["synchronous_commit = off"]);
    let tight = servers::Postgres::start(
        "-c fsync=off -c full_page_writes=off -c min_wal_size=80MB -c max_wal_size=1GB",
    );
    assert_eq!(
        named(&tight.own_database().uri()).await,
        ["min_wal_size = 80MB", "max_wal_size = 1GB", "fsync = off", "full_page_writes = off"]
    );
}

#[tokio::test]
async fn a_server_that_cannot_be_reached_is_an_error_without_a_password() {
    let asked = Postgres.advice(&location("postgresql://bob:canary@127.0.0.1:1/bank")).await;
    let error = asked.unwrap_err();
    assert!(error.is_unavailable() && !format!("{error:#}").contains("canary"), "{error:#}");
}
