//! Handlers that read and write the user's own tables: the same statements on both databases.

use std::cell::Cell;
use std::time::{Duration, Instant};

use protean::port::Statement;
use protean::prelude::*;
use protean::{Error, command, command_handler};
use protean_engine::verify;
use serde::Deserialize;

use crate::harness::{Harness, On};
use crate::intake::settle;
use sale::{Sale, Sell, Seller, Stock, TABLES, stock};

#[path = "../fixtures/sale.rs"]
mod sale;

/// Sells from a row that many want at once.
#[command(part_of = Sale)]
struct SellHot {
    #[field(identifier)]
    sale: Id,
}

struct HotSeller;

#[command_handler(part_of = Sale)]
impl HotSeller {
    #[handle]
    async fn sell(&self, command: SellHot, ctx: &Context) -> Handled {
        // The CHECK of the table refuses what is sold out.
        let taken = Statement::new("UPDATE stock SET count = count - 1 WHERE sku = ?1");
        ctx.execute(taken.bind("'?1'"))?;
        let note = Statement::new("INSERT INTO sold (sale, count) VALUES (?1, 1)");
        Ok(ctx.execute(note.bind(&command.sale))?)
    }
}

async fn shop(harness: &Harness) -> Domain {
    let shop = protean::domain("shop").config(harness.settings());
    let shop = shop.aggregate::<Sale>().register(Seller).register(HotSeller).build().unwrap();
    shop.store().await.unwrap();
    TABLES.iter().for_each(|sql| harness.run_sql(sql));
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
    a_row_that_many_want_is_changed_without_a_read
    rows_without_an_order_may_come_in_another_one
    what_a_waiting_handler_has_fetched_is_not_changed_inside_it
    a_comment_at_the_end_is_not_a_statement
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
    assert_eq!((left.len(), left[0].count), (1, 0));
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
    let (nested, two) = match on {
        On::Sqlite | On::Streams => ("must be a SELECT", "Multiple statements"),
        _ => ("syntax error", "syntax error"),
    };
    for (sql, reason) in [
        ("SELECT * FROM nowhere", "nowhere"),
        ("SELECT * FROM stock WHERE sku = ?1", "parameter"),
        ("DELETE FROM stock", "must be a SELECT"),
        ("WITH x AS (SELECT 1) DELETE FROM stock", nested),
        ("SELECT 1; DELETE FROM stock", two),
        ("COMMIT", "must be a SELECT"),
        ("SELECT sku FROM stock", "does not fit its type"),
    ] {
        let error = format!("{:#}", refused(sql).await);
        assert!(error.contains(reason), "{sql}: {error}");
    }
    let left: Vec<Stock> = fetched(&shop, stock()).await.unwrap();
    assert_eq!(left[0].count, 40);
}

async fn a_row_that_many_want_is_changed_without_a_read(on: On) {
    const SALES: i64 = 500;
    let harness = Harness::new(on);
    let shop = shop(&harness).await;
    harness.run_sql("UPDATE stock SET count = 490");
    for number in 0..SALES {
        let sell = SellHot { sale: format!("s-{number}").into() };
        shop.process(sell).asynchronous().await.unwrap();
    }
    let begun = Instant::now();
    settle(&shop).await;
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    let left: Vec<Stock> = fetched(&shop, stock()).await.unwrap();
    assert_eq!(left[0].count, 0);
    let sum = Statement::new("SELECT count(*) AS sum, count(*) AS sales FROM sold");
    let sold: Vec<Sum> = fetched(&shop, sum).await.unwrap();
    assert_eq!(sold[0].sales, 490);
    let report = verify(&shop).await.unwrap();
    assert_eq!(report.groups.iter().map(|group| group.dead).sum::<u64>(), 10);
}

async fn rows_without_an_order_may_come_in_another_one(on: On) {
    let harness = Harness::new(on);
    let shop = shop(&harness).await;
    harness.run_sql("INSERT INTO stock VALUES ('b', 1, NULL)");
    // The database finds rows in the order of their storage, which this changes.
    for (order, expected) in [("", 1), (" ORDER BY note", 2)] {
        let runs = Cell::new(0);
        let read = shop.unit_of_work(async |ctx| {
            let all = format!("SELECT sku, count FROM stock{order}");
            let stock: Vec<Stock> = ctx.fetch(Statement::new(all)).await?;
            if runs.replace(runs.get() + 1) == 0 {
                let first = stock[0].sku.replace('\'', "''");
                harness.run_sql(&format!(
                    "CREATE TABLE moved AS SELECT * FROM stock WHERE sku = '{first}'"
                ));
                harness.run_sql(&format!("DELETE FROM stock WHERE sku = '{first}'"));
                harness.run_sql("INSERT INTO stock SELECT * FROM moved");
                harness.run_sql("DROP TABLE moved");
            }
            Ok(stock.len())
        });
        assert_eq!((read.await.unwrap(), runs.get()), (2, expected), "{order}");
    }
}

async fn what_a_waiting_handler_has_fetched_is_not_changed_inside_it(on: On) {
    let harness = Harness::new(on);
    let shop = shop(&harness).await;
    let runs = Cell::new(0);
    let outer: Result = shop
        .unit_of_work(async |ctx| {
            let _: Vec<Stock> = ctx.fetch(stock()).await?;
            runs.set(runs.get() + 1);
            let taken = Statement::new("UPDATE stock SET count = count - 1");
            shop.unit_of_work(async |ctx| ctx.execute(taken.clone())).await
        })
        .await;
    let error = outer.unwrap_err().to_string();
    assert!(error.contains("was fetched by the handler that waits for this"), "{error}");
    assert_eq!(runs.get(), 2);
    let left: Vec<Stock> = fetched(&shop, stock()).await.unwrap();
    assert_eq!(left[0].count, 39, "it was committed once");
}

async fn a_comment_at_the_end_is_not_a_statement(on: On) {
    let harness = Harness::new(on);
    let shop = shop(&harness).await;
    for end in ["", ";", "; -- it's all", " /* all */ ;", " -- all"] {
        let sql = format!("SELECT sku, count FROM stock{end}");
        let found: Vec<Stock> = fetched(&shop, Statement::new(sql)).await.unwrap();
        assert_eq!(found.len(), 1, "{end}");
    }
}

#[tokio::test]
#[ignore = "needs PostgreSQL and Redis: cargo xtask test"]
async fn a_read_is_planned_as_elsewhere_and_its_check_ends_soon() {
    #[derive(Deserialize)]
    struct Plan {
        setting: String,
    }
    let harness = Harness::new(On::Postgres);
    let shop = shop(&harness).await;
    let setting = "SELECT setting FROM pg_settings WHERE name = 'enable_seqscan'";
    let plan: Vec<Plan> = fetched(&shop, Statement::new(setting)).await.unwrap();
    assert_eq!(plan[0].setting, "on");
    harness.run_sql("INSERT INTO stock VALUES ('b', 0, NULL)");
    let slow = "SELECT sku, count FROM stock WHERE sku = 'b' AND pg_sleep(count) IS NOT NULL";
    let begun = Cell::new(Instant::now());
    let failed: Result = shop
        .unit_of_work(async |ctx| {
            let _: Vec<Stock> = ctx.fetch(Statement::new(slow)).await?;
            harness.run_sql("UPDATE stock SET count = 30 WHERE sku = 'b'");
            begun.set(Instant::now());
            Ok(())
        })
        .await;
    let error = failed.unwrap_err().to_string();
    assert!(error.contains("took too long"), "{error}");
    assert!(begun.get().elapsed() < Duration::from_secs(9), "{:?}", begun.get().elapsed());
    // The settings of the check end with it, and the connection goes on.
    let read: Vec<Stock> = fetched(&shop, stock()).await.unwrap();
    assert_eq!(read[0].count, 40);
}

#[tokio::test]
async fn in_memory_there_is_no_sql() {
    let harness = Harness::new(On::Memory);
    let shop = protean::domain("shop").config(harness.settings()).build().unwrap();
    let refused: Result<Vec<Stock>> = fetched(&shop, stock()).await;
    let error = refused.err().unwrap();
    assert!(error.to_string().contains("in a test, use SQLite in a file"), "{error}");
}
