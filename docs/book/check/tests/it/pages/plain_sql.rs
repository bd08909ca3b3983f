use protean::prelude::*;
use protean::{Intake, Statement, aggregate, aggregate_impl, command, command_handler};
use protean_testing::TestDomain;
use serde::Deserialize;

#[command(part_of = Ledger)]
struct Enter {
    #[field(identifier)]
    ledger: Id,
    line: String,
}

#[aggregate(commands(Enter))]
struct Ledger {
    root: Root<Ledger>,
    line: String,
}

#[aggregate_impl]
impl Ledger {}

struct Clerk;

#[command_handler(part_of = Ledger)]
impl Clerk {
    #[handle]
    async fn enter(&self, command: Enter, ctx: &Context) -> Handled {
        let ledger = Ledger { root: Root::with_id(command.ledger), line: command.line };
        Ok(ctx.repository::<Ledger>().add(ledger).await?)
    }
}

/// A table that refuses what must not be.
const SQL: &str = "
CREATE TABLE stock (sku text PRIMARY KEY, count bigint NOT NULL CHECK (count >= 0));
";

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

struct Seller;

#[derive(Deserialize)]
struct Stock {
    count: i64,
}

#[command_handler(part_of = Sale)]
impl Seller {
    #[handle]
    async fn sell(&self, command: Sell, ctx: &Context) -> Handled {
        let stock = Statement::new("SELECT count FROM stock WHERE sku = ?1").bind(&command.sku);
        let stock: Vec<Stock> = ctx.fetch(stock).await?;
        let left = stock.first().map_or(0, |stock| stock.count) - 1;
        if left < 0 {
            return Err(Failure::rejected("it is sold out"));
        }
        let taken = Statement::new("UPDATE stock SET count = ?1 WHERE sku = ?2");
        ctx.execute(taken.bind(left).bind(&command.sku))?;
        let sale = Sale { root: Root::with_id(command.sale), left };
        Ok(ctx.repository::<Sale>().add(sale).await?)
    }
}

struct BlindSeller;

#[command_handler(part_of = Sale)]
impl BlindSeller {
    #[handle]
    async fn sell(&self, command: Sell, ctx: &Context) -> Handled {
        let taken = Statement::new("UPDATE stock SET count = count - 1 WHERE sku = ?1");
        ctx.execute(taken.bind(&command.sku))?;
        let sale = Sale { root: Root::with_id(command.sale), left: 0 };
        Ok(ctx.repository::<Sale>().add(sale).await?)
    }
}

#[test]
fn a_program_may_insert_what_the_domain_allows() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let config = format!(
        "[databases.default]\nprovider = \"sqlite\"\ndatabase_uri = \"sqlite:{}\"\n",
        folder.path().join("shop.db").display()
    );
    let shop = protean::domain("shop")
        .aggregate::<Ledger>()
        .register(Clerk)
        .register(Intake::takes::<Enter>())
        .config(&config)
        .build()?;
    assert!(Intake::of(&shop).is_open());
    Ok(())
}

#[test]
fn a_handler_sells_from_a_table_of_its_own() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("shop.db");
    let shop = || protean::domain("shop").aggregate::<Sale>().register(Seller);
    let tables = rusqlite::Connection::open(&file)?;
    tables.execute_batch(
        "CREATE TABLE stock (sku text, count bigint); INSERT INTO stock VALUES ('tea', 1)",
    )?;
    let sell = |sale: &str| Sell { sale: sale.into(), sku: "tea".into() };
    let test = TestDomain::in_file(shop(), &file);
    test.when(Sell { sale: "1".into(), sku: "tea".into() })
        .then_state("1", |sale: &Sale| assert_eq!(sale.left, 0));
    test.when(sell("2")).then_error(|error| assert!(error.to_string().contains("sold out")));
    Ok(())
}

#[test]
fn a_check_refuses_what_no_handler_has_read() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("shop.db");
    let tables = rusqlite::Connection::open(&file)?;
    let create = SQL.lines().find(|line| line.starts_with("CREATE")).unwrap();
    tables.execute_batch(&format!("{create} INSERT INTO stock VALUES ('tea', 1)"))?;
    let shop = protean::domain("shop").aggregate::<Sale>().register(BlindSeller);
    let shop = TestDomain::in_file(shop, &file);
    let sell = |sale: &str| Sell { sale: sale.into(), sku: "tea".into() };
    shop.when(sell("1")).then_state("1", |sale: &Sale| assert_eq!(sale.left, 0));
    shop.when(sell("2"))
        .then_error(|error| assert!(error.to_string().contains("CHECK"), "{error:#}"));
    Ok(())
}
