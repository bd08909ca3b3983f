//! Whatever was read survives a crash of the server.

use std::sync::Arc;

use protean_port::message::Lane;
use protean_port::port::Store;
use protean_test_servers::Postgres;

use crate::stores::follow;
use crate::{account, commit, ids, is_committed, open, prepared, unit};

/// A slow disk: each flush takes a fifth of a second.
const SLOW_DISK: &str =
    "-c fsync=on -c commit_delay=100000 -c commit_siblings=0 -c wal_writer_delay=10s";

/// Commits while another store reads, and crashes the server once it has read something.
async fn crash_once_seen(server: &Postgres, writer: &Arc<dyn Store>, reader: &dyn Store) {
    let mut seen = ids(reader, &account("a")).await.len() as u64;
    let committing = tokio::spawn({
        let writer = Arc::clone(writer);
        async move { commit(&*writer, vec![unit(Lane::Primary, &account("a"))]).await }
    });
    while follow(reader, &mut seen).await.is_empty() {}
    tokio::task::block_in_place(|| server.stop("immediate"));
    server.resume();
    let outcome = committing.await.unwrap().remove(0);
    assert!(is_committed(&outcome), "{outcome:?}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL: cargo xtask test"]
async fn messages_that_were_read_survive_a_crash() {
    let server = Postgres::start(SLOW_DISK);
    let database = server.own_database();
    let (writer, reader) = (prepared(&database.uri(), &[]).await, open(&database.uri()).await);
    for expected in 1..=3 {
        crash_once_seen(&server, &writer, &*reader).await;
        let fresh = open(&database.uri()).await;
        assert_eq!(ids(&*fresh, &account("a")).await.len(), expected);
    }
}
