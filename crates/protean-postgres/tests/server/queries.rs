//! Which indexes queries use, how long pages of a large table take, and that creating an index does
//! not block writers.

use std::time::Duration;

use protean_port::port::{SchemaDifference, Wanted};

use crate::samples::queries::{
    books, every_order_uses_its_index, indexes_go_along_with_a_rebuild,
    indexes_of_a_long_name_come_and_go, plain_books, put, queries, time_of_a_page,
};
use crate::{database, open, prepared, raw};

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL: cargo xtask test"]
async fn orders_and_pages_use_the_index_that_is_made_for_them() {
    let database = database();
    let store = prepared(&database.uri(), &[plain_books()]).await;
    put(&*store, &plain_books(), 0..20_000).await;
    store.prepare(&[books()], &[]).await.unwrap();
    database.run("ANALYZE books");
    every_order_uses_its_index(&*store).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL: cargo xtask test"]
async fn indexes_go_along() {
    let database = database();
    let store = prepared(&database.uri(), &[]).await;
    indexes_go_along_with_a_rebuild(&*store).await;
    indexes_of_a_long_name_come_and_go(&*store).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL: cargo xtask test"]
async fn an_index_is_made_while_others_write() {
    let database = database();
    let store = prepared(&database.uri(), &[plain_books()]).await;
    put(&*store, &plain_books(), 0..2_000).await;
    // An open transaction that has read the table: creating the index waits for it.
    let reader = raw(&database.uri()).await;
    reader.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ").await.unwrap();
    reader.batch_execute("LOCK TABLE books IN ROW EXCLUSIVE MODE").await.unwrap();
    // It waits for longer than any other statement may take.
    let limits = "?options=-c%20lock_timeout%3D100ms%20-c%20statement_timeout%3D1s";
    let other = open(&(database.uri() + limits)).await;
    let making = tokio::spawn(async move { other.prepare(&[books()], &[]).await });
    let waits = "SELECT count(*) FROM pg_stat_activity \
                 WHERE query LIKE 'CREATE INDEX CONCURRENTLY%' AND wait_event_type = 'Lock'";
    while database.run(waits) != "1" {
        assert!(!making.is_finished(), "the index does not wait for the transaction");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    // Neither writers of the table nor another start of the program wait for the index.
    let plain = plain_books();
    let writing = put(&*store, &plain, 2_000..2_100);
    tokio::time::timeout(Duration::from_secs(5), writing).await.unwrap();
    store.prepare(&[plain], &[]).await.unwrap();
    tokio::time::sleep(Duration::from_millis(1_200)).await;
    assert!(!making.is_finished(), "the index does not wait any longer");
    reader.batch_execute("COMMIT").await.unwrap();
    making.await.unwrap().unwrap();
    assert_eq!(store.difference(&[books()]).await.unwrap(), SchemaDifference::default());
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL: cargo xtask test"]
async fn an_index_that_was_left_half_made_is_made_again() {
    let database = database();
    let store = prepared(&database.uri(), &[plain_books()]).await;
    put(&*store, &plain_books(), 0..2_000).await;
    store.prepare(&[books()], &[]).await.unwrap();
    // As if a server had died while creating the index.
    let name = "\"books.index(author, title desc)\"";
    let leave_half_made =
        format!("UPDATE pg_index SET indisvalid = false WHERE indexrelid = '{name}'::regclass");
    let (drop, create) =
        (format!("DROP INDEX CONCURRENTLY IF EXISTS {name}"), "CREATE INDEX CONCURRENTLY");
    database.run(&leave_half_made);
    let planned = store.difference(&[books()]).await.unwrap().automatic;
    assert!(planned[0] == drop && planned[1].starts_with(create), "{planned:?}");
    assert_eq!(planned.len(), 2, "{planned:?}");
    store.prepare(&[books()], &[]).await.unwrap();
    assert_eq!(store.difference(&[books()]).await.unwrap(), SchemaDifference::default());
    // It is dropped, too, once it is no longer declared.
    database.run(&leave_half_made);
    let mut fewer = books();
    fewer.indexes.remove(0);
    let planned = store.difference(std::slice::from_ref(&fewer)).await.unwrap().automatic;
    assert_eq!(planned, [drop]);
    store.prepare(std::slice::from_ref(&fewer), &[]).await.unwrap();
    assert_eq!(store.difference(&[fewer]).await.unwrap(), SchemaDifference::default());
    assert_eq!(database.run(&format!("SELECT to_regclass('{name}')")), "");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL and a minute: cargo xtask test"]
async fn pages_of_300_000_rows() {
    let database = database();
    let store = prepared(&database.uri(), &[plain_books()]).await;
    put(&*store, &plain_books(), 0..300_000).await;
    let begun = std::time::Instant::now();
    store.prepare(&[books()], &[]).await.unwrap();
    println!("four indexes: {:?}", begun.elapsed());
    database.run("VACUUM ANALYZE books");
    for (query, _) in queries() {
        let plan = store.explain(&books(), &query, Wanted::Rows).await.unwrap();
        println!(
            "{:?} with the way there and back\n{plan}\n",
            time_of_a_page(&*store, &query).await
        );
    }
    let page = "SELECT * FROM (SELECT * FROM (SELECT * FROM books WHERE author = 'a07' AND \
                title < 'title 5' ORDER BY author ASC, title DESC NULLS LAST, id DESC LIMIT 20) AS a \
                UNION ALL SELECT * FROM (SELECT * FROM books WHERE author = 'a07' AND title IS NULL \
                ORDER BY author ASC, title DESC NULLS LAST, id DESC LIMIT 20) AS b \
                UNION ALL SELECT * FROM (SELECT * FROM books WHERE author = 'a07' AND title = \
                'title 5' AND id < 'b' ORDER BY author ASC, title DESC NULLS LAST, id DESC LIMIT 20) \
                AS c) AS books ORDER BY author ASC, title DESC NULLS LAST, id DESC LIMIT 20";
    for _ in 0..3 {
        println!("{}\n", database.run(&format!("EXPLAIN (ANALYZE, BUFFERS) {page}")));
    }
}
