//! Databases that cannot be opened.

use protean_core::port::Provider;
use protean_postgres::Postgres;

use crate::{database, location};

async fn refused(uri: &str) -> String {
    let error = Postgres.open(&location(uri)).await.err().unwrap_or_else(|| panic!("{uri} opens"));
    let (told, shown) = (error.to_string(), format!("{error:?}"));
    assert!(!told.contains("canary") && !shown.contains("canary"), "{shown}");
    assert!(!told.contains('\n'), "{told}");
    assert!(error.is_unavailable(), "{told}");
    told
}

#[tokio::test]
async fn a_database_that_cannot_be_opened_is_named_with_what_to_change() {
    let database = database();
    database.run("CREATE ROLE guarded LOGIN PASSWORD 'right'");
    let told = refused(&database.uri_as("guarded:canary")).await;
    assert!(told.contains("refuses the password") && told.contains("database_uri"), "{told}");
    let told = refused(&database.uri_as("guarded")).await;
    assert!(told.contains("asks for a password"), "{told}");
    let told = refused(&database.uri_as("nobody_here:canary")).await;
    assert!(told.contains("refuses the user") && told.contains("nobody_here"), "{told}");
    let told = refused(&format!("{}_not", database.uri_as("postgres:canary"))).await;
    assert!(told.contains("is not there") && told.contains("createdb"), "{told}");
    let told = refused("postgresql://postgres:canary@127.0.0.1:1/bank").await;
    assert!(told.contains("'bank' at 127.0.0.1:1") && told.contains("cannot be reached"), "{told}");
    Postgres.open(&location(&database.uri_as("guarded:right"))).await.unwrap();
    database.run("DROP ROLE guarded");
}

#[tokio::test]
async fn a_database_that_keeps_no_unicode_is_refused() {
    let database = database();
    let name = format!("{}_ascii", database.uri().rsplit('/').next().unwrap());
    database.run(&format!("CREATE DATABASE {name} ENCODING 'SQL_ASCII' TEMPLATE template0"));
    let told = refused(&format!("{}_ascii", database.uri())).await;
    assert!(told.contains("SQL_ASCII") && told.contains("UTF8"), "{told}");
    database.run(&format!("DROP DATABASE {name} WITH (FORCE)"));
}
