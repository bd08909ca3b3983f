//! A handler that runs SQL of its own, on a file.

use protean::prelude::*;
use protean::{Statement, aggregate, aggregate_impl, command, command_handler};
use protean_testing::TestDomain;
use serde::Deserialize;

#[command(part_of = Sale)]
struct Sell {
    #[field(identifier)]
    sale: Id,
    sku: String,
}

#[aggregate(commands(Sell))]
struct Sale {
    root: Root<Sale>,
    left: i64,
}

#[aggregate_impl]
impl Sale {}

#[derive(Deserialize)]
struct Stock {
    count: i64,
}

struct Seller;

#[command_handler(part_of = Sale)]
impl Seller {
    #[handle]
    async fn sell(&self, command: Sell, ctx: &Context) -> Handled {
        let sku = command.sku.as_str();
        let stock = Statement::new("SELECT count FROM stock WHERE sku = ?1").bind(sku);
        let stock: Vec<Stock> = ctx.fetch(stock).await?;
        let left = stock.first().map_or(0, |stock| stock.count) - 1;
        if left < 0 {
            return Err(Failure::rejected("it is sold out"));
        }
        let taken = Statement::new("UPDATE stock SET count = ?1 WHERE sku = ?2");
        ctx.execute(taken.bind(left).bind(sku))?;
        let root = Root::with_id(command.sale);
        Ok(ctx.repository::<Sale>().add(Sale { root, left }).await?)
    }
}

#[test]
fn a_handler_reads_and_writes_its_own_tables() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("shop.db");
    let builder = protean::domain("shop").aggregate::<Sale>().register(Seller);
    let tables = rusqlite::Connection::open(&file).unwrap();
    let made = "CREATE TABLE stock (sku text, count bigint); INSERT INTO stock VALUES ('tea', 1)";
    tables.execute_batch(made).unwrap();
    let shop = TestDomain::in_file(builder, &file);
    let sell = |sale: &str| Sell { sale: sale.into(), sku: "tea".into() };
    shop.when(sell("1")).then_state("1", |sale: &Sale| assert_eq!(sale.left, 0));
    shop.when(sell("2")).then_error(|error| assert!(error.to_string().contains("sold out")));
    let count = |row: &rusqlite::Row<'_>| row.get::<_, i64>(0);
    let left = tables.query_row("SELECT count FROM stock", [], count).unwrap();
    assert_eq!(left, 0);
}
