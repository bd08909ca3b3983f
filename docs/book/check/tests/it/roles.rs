//! The roles of `guide/deploying.md`: one that owns its tables and is no superuser, and one that only
//! uses the tables of another.

use std::time::Duration;

use fidelis::account::{MakeDeposit, OpenAccount};
use fidelis::summary::AccountSummary;
use protean::prelude::Id;
use protean::{
    Domain, DomainBuilder, Server, migrate, prepared_store, projection, require_database,
};
use protean_engine::subscriptions;
use protean_test_servers::{Database, Postgres};

/// The statements that the page shows.
const ROLES: &str = include_str!("roles.sql");
const TWO_ROLES: &str = include_str!("two_roles.sql");

/// What the next version of the bank also keeps.
#[projection]
struct Note {
    #[field(identifier)]
    account_id: Id,
    text: String,
}

fn builder(database: &Database, role: &str) -> DomainBuilder {
    let settings = format!(
        "[databases.default]\nprovider = \"postgresql\"\ndatabase_uri = '{}'\n\
         [server.health]\nenabled = false\n[server.priority_lanes]\nenabled = true\n",
        database.uri_as(role)
    );
    fidelis::configured(&settings)
}

fn bank(database: &Database, role: &str) -> Domain {
    builder(database, role).build().unwrap()
}

/// The bank with its next projection.
fn next_bank(database: &Database, role: &str) -> Domain {
    builder(database, role).projection::<Note>().build().unwrap()
}

/// A database of a server of its own, whose roles are those that the page shows.
fn database(postgres: &Postgres, roles: &str) -> Database {
    let database = postgres.own_database();
    let name = database.run("SELECT current_database()");
    database.run(&roles.replace("DATABASE shop", &format!("DATABASE \"{}\"", name.trim())));
    database
}

/// Opens an account and makes a deposit, and serves until the summary has both.
async fn serve(bank: &Domain, account_number: &str) {
    let open = OpenAccount {
        account_number: account_number.to_owned(),
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
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL: cargo xtask test"]
async fn a_server_needs_no_superuser() {
    let postgres = Postgres::start("-c fsync=off");
    let database = database(&postgres, ROLES);
    // As `db setup` does.
    prepared_store(&bank(&database, "shop")).await.unwrap();
    serve(&bank(&database, "shop"), "ACC-7").await;
    let is_superuser = database.run("SELECT rolsuper FROM pg_roles WHERE rolname = 'shop'");
    assert_eq!(is_superuser.trim(), "f");

    // The tables get another owner, as the page says.
    database.run(
        "CREATE ROLE shop_owner LOGIN; REASSIGN OWNED BY shop TO shop_owner; \
         GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO shop; \
         REVOKE CREATE ON SCHEMA public FROM shop",
    );
    serve(&bank(&database, "shop"), "ACC-8").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL: cargo xtask test"]
async fn a_server_needs_no_tables_of_its_own() {
    let postgres = Postgres::start("-c fsync=off");
    let database = database(&postgres, TWO_ROLES);
    prepared_store(&bank(&database, "shop_owner")).await.unwrap();
    serve(&bank(&database, "shop"), "ACC-7").await;
    // As `subscriptions status` and the observatory do.
    let looking = bank(&database, "shop");
    require_database(&looking).await.unwrap();
    let found = subscriptions(&looking).await.unwrap();
    assert!(found.iter().all(|of| of.fault.is_none()), "{found:?}");

    let owned = "SELECT count(*) FROM pg_class WHERE relowner = 'shop'::regrole";
    assert_eq!(database.run(owned), "0");
    database.run(
        "SET ROLE shop; DO $$ BEGIN CREATE TABLE own (); RAISE EXCEPTION 'it may create tables'; \
         EXCEPTION WHEN insufficient_privilege THEN NULL; END $$",
    );

    let refused = next_bank(&database, "shop").store().await.err().unwrap().to_string();
    for part in ["the table 'note'", "the role 'shop'", "lacks CREATE", "run `db migrate`"] {
        assert!(refused.contains(part), "no {part} in {refused}");
    }
    // As `db migrate` does.
    let owner = next_bank(&database, "shop_owner");
    require_database(&owner).await.unwrap();
    migrate(&owner).await.unwrap();
    serve(&next_bank(&database, "shop"), "ACC-8").await;
}
