//! The contract every adapter passes, on a file of its own each time.

use protean_conformance::store::Subject;
use protean_port::port::{Location, Provider};
use protean_sqlite::Sqlite;

async fn fresh() -> Subject {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let uri = format!("sqlite://{}", folder.path().join("test.db").display());
    let location = Location { uri: Some(uri), ..Location::default() };
    Subject::new(Sqlite.open(&location).await.expect("a store")).keeping(folder)
}

protean_conformance::store_suite!(fresh);
protean_conformance::own_sql_suite!(fresh);
