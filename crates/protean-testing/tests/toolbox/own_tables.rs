//! A handler that runs SQL of its own, on a file.

use protean_testing::TestDomain;
use sale::{Sale, Sell, Seller, TABLES};

#[path = "../../../protean-engine/tests/fixtures/sale.rs"]
mod sale;

#[test]
fn a_handler_reads_and_writes_its_own_tables() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("shop.db");
    let builder = protean::domain("shop").aggregate::<Sale>().register(Seller);
    let tables = rusqlite::Connection::open(&file).unwrap();
    tables.execute_batch(&TABLES.join(";")).unwrap();
    let shop = TestDomain::in_file(builder, &file);
    let sell = |sale: &str| Sell { sale: sale.into(), count: 40 };
    shop.when(sell("1")).then_state("1", |sale: &Sale| assert_eq!(sale.left, 0));
    shop.when(sell("2")).then_error(|error| assert!(error.to_string().contains("sold out")));
    let count = |row: &rusqlite::Row<'_>| row.get::<_, i64>(0);
    let left = tables.query_row("SELECT count FROM stock", [], count).unwrap();
    assert_eq!(left, 0);
}
