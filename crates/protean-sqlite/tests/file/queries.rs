//! Which indexes queries use, and how long pages of a large table take.

use protean_port::port::Wanted;

use crate::prepared;
use crate::samples::queries::{
    books, every_order_uses_its_index, indexes_go_along_with_a_rebuild,
    indexes_of_a_long_name_come_and_go, plain_books, put, queries, time_of_a_page,
};

#[tokio::test]
async fn orders_and_pages_use_the_index_that_is_made_for_them() {
    let folder = tempfile::tempdir().unwrap();
    let store = prepared(&folder.path().join("a.db"), &[plain_books()]).await;
    put(&*store, &plain_books(), 0..3_000).await;
    store.prepare(&[books()], &[]).await.unwrap();
    every_order_uses_its_index(&*store).await;
    // Without ranges nothing is left to sort.
    for (query, _) in queries().into_iter().filter(|(query, _)| query.after.is_none()) {
        let plan = store.explain(&books(), &query, Wanted::Rows).await.unwrap();
        assert!(!plan.contains("TEMP B-TREE"), "{plan}");
    }
}

#[tokio::test]
async fn indexes_go_along() {
    let folder = tempfile::tempdir().unwrap();
    let store = prepared(&folder.path().join("a.db"), &[]).await;
    indexes_go_along_with_a_rebuild(&*store).await;
    indexes_of_a_long_name_come_and_go(&*store).await;
}

#[tokio::test]
#[ignore = "needs a minute: cargo xtask test"]
async fn pages_of_300_000_rows() {
    let folder = tempfile::tempdir().unwrap();
    let store = prepared(&folder.path().join("a.db"), &[plain_books()]).await;
    put(&*store, &plain_books(), 0..300_000).await;
    let begun = std::time::Instant::now();
    store.prepare(&[books()], &[]).await.unwrap();
    println!("four indexes: {:?}", begun.elapsed());
    for (query, _) in queries() {
        let plan = store.explain(&books(), &query, Wanted::Rows).await.unwrap();
        println!(
            "{:?} with the way there and back\n{plan}\n",
            time_of_a_page(&*store, &query).await
        );
    }
}
