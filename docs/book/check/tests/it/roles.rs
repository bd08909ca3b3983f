//! The role of `guide/deploying.md`, which may create tables and is no superuser.

use std::time::Duration;

use fidelis::account::{MakeDeposit, OpenAccount};
use fidelis::summary::AccountSummary;
use protean::{Domain, Server};
use protean_test_servers::{Database, Postgres};

/// The statements that the page shows.
const ROLES: &str = include_str!("roles.sql");

fn bank(database: &Database, role: &str) -> Domain {
    let settings = format!(
        "[databases.default]\nprovider = \"postgresql\"\ndatabase_uri = '{}'\n\
         [server.health]\nenabled = false\n[server.priority_lanes]\nenabled = true\n",
        database.uri_as(role)
    );
    fidelis::configured(&settings).build().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL: cargo xtask test"]
async fn a_server_needs_no_superuser() {
    let postgres = Postgres::start("-c fsync=off");
    let database = postgres.own_database();
    let name = database.run("SELECT current_database()");
    database.run(&ROLES.replace("DATABASE shop", &format!("DATABASE \"{}\"", name.trim())));
    // As `db setup` does.
    protean::prepared_store(&bank(&database, "shop")).await.unwrap();

    let bank = bank(&database, "shop");
    let open = OpenAccount {
        account_number: "ACC-7".to_owned(),
        holder_name: "Ada".to_owned(),
        opening_deposit: 100.into(),
    };
    let account_id = bank.process(open).synchronous().await.unwrap();
    let (amount, reference) = (50.into(), None);
    bank.process(MakeDeposit { account_id: account_id.clone(), amount, reference }).await.unwrap();
    let handled = async {
        let summaries = bank.repository::<AccountSummary>().await.unwrap();
        let is_there = async || {
            summaries.find(&account_id).await.unwrap().is_some_and(|row| row.deposits == 1)
        };
        while !is_there().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let serving = Server::new(bank.clone()).run(handled);
    tokio::time::timeout(Duration::from_secs(120), serving).await.unwrap().unwrap();
    let is_superuser = database.run("SELECT rolsuper FROM pg_roles WHERE rolname = 'shop'");
    assert_eq!(is_superuser.trim(), "f");
}
