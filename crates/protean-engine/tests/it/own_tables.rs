//! Handlers that read and write the user's own tables: the same statements on both databases.

use protean::port::Statement;
use protean::prelude::*;
use protean::{Error, aggregate, aggregate_impl, command, command_handler};
use protean_engine::verify;
use serde::Deserialize;

use crate::harness::{Harness, On};
use crate::intake::settle;

#[command(part_of = Sale)]
pub(crate) struct Sell {
    #[field(identifier)]
    sale: Id,
    count: i64,
}

#[aggregate(commands(Sell))]
pub(crate) struct Sale {
    root: Root<Sale>,
    left: i64,
}

#[aggregate_impl]
impl Sale {}

#[derive(Deserialize)]
struct Stock {
    sku: String,
    count: i64,
    note: Option<String>,
}

fn stock() -> Statement {
    Statement::new("SELECT sku, count, note FROM stock WHERE sku = ?1").bind("'?1'")
}

pub(crate) struct Seller;

#[command_handler(part_of = Sale)]
impl Seller {
    #[handle]
    async fn sell(&self, command: Sell, ctx: &Context) -> Handled {
        let stock: Vec<Stock> = ctx.fetch(stock()).await?;
        let left = stock[0].count - command.count;
        if left < 0 {
            return Err(Failure::rejected("it is sold out"));
        }
        let taken = Statement::new("UPDATE stock SET count = ?1 WHERE sku = ?2");
        ctx.execute(taken.bind(left).bind(stock[0].sku.as_str()))?;
        let note = Statement::new("INSERT INTO sold (sale, count) VALUES (?1, ?2)");
        ctx.execute(note.bind(&command.sale).bind(command.count))?;
        let root = Root::with_id(command.sale);
        Ok(ctx.repository::<Sale>().add(Sale { root, left }).await?)
    }
}

async fn shop(harness: &Harness) -> Domain {
    let shop = protean::domain("shop").config(harness.settings());
    let shop = shop.aggregate::<Sale>().register(Seller).build().unwrap();
    shop.store().await.unwrap();
    harness.run_sql("CREATE TABLE stock (sku text, count bigint, note text)");
    harness.run_sql("CREATE TABLE sold (sale text, count bigint)");
    harness.run_sql("INSERT INTO stock VALUES ('''?1''', 40, NULL)");
    shop
}

async fn fetched<T: serde::de::DeserializeOwned + Send>(
    shop: &Domain,
    statement: Statement,
) -> Result<Vec<T>> {
    shop.unit_of_work(async |ctx| ctx.fetch(statement.clone()).await).await
}

#[derive(Deserialize)]
struct Sum {
    sum: i64,
    sales: i64,
}

crate::on! { Sqlite in sqlite, Streams in streams, Production in production: {
    what_handlers_read_holds_when_they_commit
    a_unit_that_is_left_out_writes_nothing
    statements_that_cannot_run_are_refused_with_the_reason
} }

async fn what_handlers_read_holds_when_they_commit(on: On) {
    let harness = Harness::new(on);
    let shop = shop(&harness).await;
    for number in 0..60 {
        let sell = Sell { sale: format!("s-{number}").into(), count: 1 };
        let priority = if number % 2 == 0 { Priority::NORMAL } else { Priority::BULK };
        shop.process(sell).priority(priority).asynchronous().await.unwrap();
    }
    settle(&shop).await;
    let left: Vec<Stock> = fetched(&shop, stock()).await.unwrap();
    assert_eq!((left.len(), left[0].count, &left[0].note), (1, 0, &None));
    let sum = "SELECT sum(count) AS sum, count(*) AS sales FROM sold;";
    let sold: Vec<Sum> = fetched(&shop, Statement::new(sum)).await.unwrap();
    assert_eq!((sold[0].sum, sold[0].sales), (40, 40));
    let report = verify(&shop).await.unwrap();
    assert!(report.closes, "{report:?}");
    assert_eq!(report.groups.iter().map(|group| group.dead).sum::<u64>(), 20);
}

async fn a_unit_that_is_left_out_writes_nothing(on: On) {
    let harness = Harness::new(on);
    let shop = shop(&harness).await;
    let failed: Result = shop
        .unit_of_work(async |ctx| {
            ctx.execute(Statement::new("DELETE FROM stock"))?;
            ctx.execute(Statement::new("INSERT INTO nowhere VALUES (1)"))
        })
        .await;
    let error = failed.unwrap_err();
    assert!(error.is_invalid() && error.to_string().contains("nowhere"), "{error}");
    let left: Vec<Stock> = fetched(&shop, stock()).await.unwrap();
    assert_eq!(left[0].count, 40);
    // A concurrent change is seen when the handler runs again.
    let runs = std::cell::Cell::new(0);
    let seen = shop.unit_of_work(async |ctx| {
        let stock: Vec<Stock> = ctx.fetch(stock()).await?;
        if runs.replace(runs.get() + 1) == 0 {
            harness.run_sql("UPDATE stock SET count = 39");
        }
        Ok(stock[0].count)
    });
    assert_eq!((seen.await.unwrap(), runs.get()), (39, 2));
}

async fn statements_that_cannot_run_are_refused_with_the_reason(on: On) {
    let harness = Harness::new(on);
    let shop = shop(&harness).await;
    let refused = async |sql: &str| -> Error {
        let fetched: Result<Vec<Stock>> = fetched(&shop, Statement::new(sql)).await;
        fetched.err().unwrap_or_else(|| panic!("{sql} was run"))
    };
    for (sql, reason) in [
        ("SELECT * FROM nowhere", "nowhere"),
        ("SELECT * FROM stock WHERE sku = ?1", "parameter"),
        ("DELETE FROM stock", "must be a SELECT"),
        ("WITH x AS (SELECT 1) DELETE FROM stock", ""),
        ("SELECT 1; DELETE FROM stock", ""),
        ("COMMIT", "must be a SELECT"),
        ("SELECT sku FROM stock", "does not fit its type"),
    ] {
        let error = format!("{:#}", refused(sql).await);
        assert!(error.contains(reason), "{sql}: {error}");
    }
    let left: Vec<Stock> = fetched(&shop, stock()).await.unwrap();
    assert_eq!(left[0].count, 40);
}

#[tokio::test]
async fn in_memory_there_is_no_sql() {
    let harness = Harness::new(On::Memory);
    let shop = protean::domain("shop").config(harness.settings()).build().unwrap();
    let refused: Result<Vec<Stock>> = fetched(&shop, stock()).await;
    let error = refused.err().unwrap();
    assert!(error.to_string().contains("in a test, use SQLite in a file"), "{error}");
}
