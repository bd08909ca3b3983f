//! The contract every adapter passes, in a database of its own each time.

#![cfg(unix)]

use protean_conformance::store::Subject;
use protean_port::port::{Location, Provider};
use protean_postgres::Postgres;
use protean_test_servers as servers;

async fn fresh() -> Subject {
    let database = servers::Postgres::shared().database();
    let location = Location { uri: Some(database.uri()), pool_size: 5, ..Location::default() };
    Subject::new(Postgres.open(&location).await.expect("a store")).keeping(database)
}

protean_conformance::store_suite!(
    #[ignore = "needs PostgreSQL: cargo xtask test"]
    fresh
);

protean_conformance::own_sql_suite!(
    #[ignore = "needs PostgreSQL: cargo xtask test"]
    fresh
);
