//! An order from the transaction of another program, which knows sqlx and nothing of Protean.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use orders::fulfilment::Fulfilment;
use orders::order::{Order, OrderStatus};
use orders::payment::PayOrder;
use orders::stock::AddStock;
use protean::Domain;
use protean::prelude::{Decimal, Result};
use protean_test_servers::{Database, Postgres};

/// The time limit, for a busy machine.
const WAIT_LIMIT: Duration = Duration::from_secs(120);

/// Builds the program, with the packages that other tests have built.
fn checkout() -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("plain-programs/target");
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--locked", "--target-dir"]).arg(&target);
    cargo.current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("sqlx"));
    assert!(cargo.status().unwrap().success(), "the program cannot be built");
    target.join("debug/checkout")
}

/// The tables of the shop's front end, and its role, which may do nothing else.
fn add_front_end(database: &Database) {
    database.run(
        "CREATE TABLE carts (id text PRIMARY KEY, sku text, quantity bigint, price numeric); \
         INSERT INTO carts VALUES ('7', 'tea', 2, 6.50), ('8', 'tea', 0, 6.50); \
         CREATE ROLE front_end LOGIN; GRANT SELECT, DELETE ON carts TO front_end; \
         GRANT INSERT ON protean_intake TO front_end; \
         GRANT SELECT (id) ON protean_intake TO front_end;",
    );
}

async fn eventually(domain: &Domain, order: &str, status: OrderStatus) -> Result<Order> {
    let (began, orders) = (Instant::now(), domain.repository::<Order>().await?);
    loop {
        let found = orders.find(&order.into()).await?;
        if let Some(order) = found.filter(|order| order.status == status) {
            return Ok(order);
        }
        assert!(began.elapsed() < WAIT_LIMIT, "order {order} is not {status:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
#[ignore = "needs PostgreSQL and crates.io: cargo xtask test"]
async fn a_cart_becomes_an_order_in_the_transaction_that_empties_it() {
    let (postgres, program) = (Postgres::start("-c fsync=off"), checkout());
    let (database, folder) = (postgres.own_database(), tempfile::tempdir().unwrap());
    let settings = orders::SETTINGS.replace("\"sqlite\"", "\"postgresql\"");
    let settings = settings.replace("${DATABASE_URI|sqlite:orders.db}", &database.uri());
    let config = folder.path().join("domain.toml");
    std::fs::write(&config, &settings).unwrap();
    let shop = orders::domain(&settings).build().unwrap();
    shop.process(AddStock { sku: "tea".into(), quantity: 5 }).await.unwrap();
    add_front_end(&database);

    let check_out = |cart: &str| -> Output {
        Command::new(&program).args([&database.uri_as("front_end"), cart]).output().unwrap()
    };
    let [placed, empty] = ["7", "7"].map(check_out);
    assert!(placed.status.success(), "{placed:?}");
    assert!(!empty.status.success(), "{empty:?}");
    assert!(check_out("8").status.success(), "what is wrong with it only the shop knows");
    assert_eq!(database.run("SELECT count(*) FROM carts"), "0");

    let mut server = Command::new(env!("CARGO_BIN_EXE_orders"));
    server.arg("--config").arg(&config).args(["server", "--workers", "1"]);
    let mut server = server.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let ended = async {
        let order = eventually(&shop, "7", OrderStatus::Placed).await?;
        assert_eq!((order.quantity, order.price), (2, Decimal::new(650, 2)));
        let pay = PayOrder { reference: "7".into(), card: "4242424242424242".to_owned() };
        shop.process(pay).await?;
        eventually(&shop, "7", OrderStatus::Shipped).await
    };
    let ended = ended.await;
    server.kill().unwrap();
    server.wait().unwrap();
    ended.unwrap();
    let process = shop.repository::<Fulfilment>().await.unwrap().get(&"7".into()).await.unwrap();
    assert!(process.is_complete());
    let id = String::from_utf8(placed.stdout).unwrap();
    let logged = format!("SELECT count(*) FROM messages WHERE id = '{}'", id.trim());
    assert_eq!(database.run(&logged), "1");
    let rejects = database.run("SELECT reason FROM protean_intake_rejects");
    assert!(rejects.contains("quantity") && rejects.lines().count() == 1, "{rejects}");
}
