//! `db`: creates, compares, changes or drops the tables of the domain in its database.

use std::collections::BTreeSet;

use clap::Subcommand;
use protean::Domain;
use protean::config::BrokerConfig;
use protean::port::Claim;
use protean::{destroy, prepared_store, require_database};
use protean_engine::{program_of, projections, rebuild_claim};
use serde_json::json;

use super::confirm::Consent;
use super::database::database;
use super::migrate;
use crate::{App, Error, Reply, Result};

/// Creates, compares, changes or drops the tables of the domain.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Creates missing tables; safe to run again
    Setup,
    /// Compares the tables with the program and prints the statements that would update them; exit
    /// code 1 if some must be run by hand
    Diff,
    /// Updates the tables as the next start would: new columns, new names, new unique fields
    Migrate(migrate::Options),
    /// For development: deletes all data of the domain and recreates its tables; cannot be undone
    #[command(after_help = TRUNCATE_HELP)]
    Truncate(Consent),
    /// Deletes all data and tables of the domain; cannot be undone
    Drop(Consent),
}

const TRUNCATE_HELP: &str = "\
Deletes the log, the progress of every subscription, parked messages, dead letters, idempotency
keys, scheduled messages, and the rows of aggregates and projections. The tables are recreated, so
indexes and grants that were added by hand are lost. Refuses while a server of the domain runs.";

pub(super) async fn run(command: &Command, app: &App) -> Result {
    let domain = app.domain()?;
    match command {
        Command::Setup => {
            domain.store().await?;
            done(&domain, app, "is ready")
        }
        Command::Diff => migrate::diff(&domain, app).await,
        Command::Migrate(options) => migrate::run(options, &domain, app).await,
        Command::Truncate(consent) => truncate(consent, &domain, app).await,
        Command::Drop(consent) => {
            let (name, location) = (domain.name(), location(&domain));
            let question = format!("This deletes all data of '{name}' in {location}.");
            consent.ask(app, &question, name)?;
            require_database(&domain).await?;
            remove_all(&domain).await?;
            done(&domain, app, "is empty")
        }
    }
}

async fn truncate(consent: &Consent, domain: &Domain, app: &App) -> Result {
    let (name, location) = (domain.name(), location(domain));
    require_database(domain).await?;
    let tables: Vec<String> =
        domain.catalog().tables().into_iter().map(|table| table.name).collect();
    let what = format!(
        "the log, the progress of every handler, and the rows of {}",
        match tables.is_empty() {
            true => "no table".to_owned(),
            false => tables.join(", "),
        }
    );
    consent.ask(app, &format!("This deletes from {location}: {what}."), name)?;
    remove_all(domain).await?;
    prepared_store(domain).await?;
    let (provider, uri) = database(domain);
    let database = json!({"provider": provider, "uri": uri});
    let data = json!({"domain": name, "database": database, "emptied": tables});
    let text = format!("The database {location} is empty and ready. Deleted: {what}.");
    let reply = Reply::new(data, text);
    app.reply(match domain.config().brokers.values().any(BrokerConfig::has_streams) {
        false => reply,
        true => reply.warning(
            "brokers still carry messages of the deleted log: empty them, or run 'outbox adopt' once",
        ),
    })
}

/// Removes all data and the tables, unless another program shares them or they are in use.
async fn remove_all(domain: &Domain) -> Result<()> {
    let others = other_programs(domain).await?;
    if !others.is_empty() {
        let message = format!(
            "the database also holds the messages of {}, in the same log",
            others.join(", ")
        );
        let advice = "drop the database itself if you need none of them any more";
        return Err(Error::failed(message).advice(advice));
    }
    let claims = claim_all(domain).await?;
    destroy(domain).await?;
    drop(claims);
    Ok(())
}

fn done(domain: &Domain, app: &App, state: &str) -> Result {
    let (provider, uri) = database(domain);
    let data = json!({"domain": domain.name(), "database": {"provider": provider, "uri": uri}});
    app.reply(Reply::new(data, format!("The database {} {state}.", location(domain))))
}

fn location(domain: &Domain) -> String {
    let (provider, uri) = database(domain);
    uri.unwrap_or(provider)
}

/// The other programs that have groups in the database.
///
/// # Errors
/// When they cannot be read, as from the layout of an earlier release.
async fn other_programs(domain: &Domain) -> Result<Vec<String>> {
    // A database that cannot be opened may still be dropped.
    let Ok(store) = domain.store().await else { return Ok(Vec::new()) };
    let known = store.registered_groups().await.map_err(|unread| {
        let message = format!("other programs may have groups in the database: {unread:#}");
        Error::failed(message).advice("or drop the database itself")
    })?;
    let programs = known.iter().map(|known| program_of(&known.group));
    let others: BTreeSet<&str> =
        programs.filter(|program| !program.is_empty() && *program != domain.name()).collect();
    Ok(others.into_iter().map(|program| format!("'{program}'")).collect())
}

/// Claims every group and every rebuild, so that nobody reads while the tables are dropped.
///
/// # Errors
/// When a running server or a rebuild holds one of the claims.
async fn claim_all(domain: &Domain) -> Result<Vec<Box<dyn Claim>>> {
    let mut claims = Vec::new();
    // A database that cannot be opened, such as one with an old schema, may still be dropped.
    let Ok(store) = domain.store().await else { return Ok(claims) };
    for group in domain.groups() {
        let claim = store.claim(&group.claim()).await?.ok_or_else(|| {
            let message = format!("a server of '{}' is running", domain.name());
            Error::failed(message).advice("stop it first")
        })?;
        claims.push(claim);
    }
    for projection in projections(domain) {
        let claim = store.claim(&rebuild_claim(domain, projection)).await?.ok_or_else(|| {
            Error::failed(format!("a rebuild of {projection} is running")).advice("stop it first")
        })?;
        claims.push(claim);
    }
    Ok(claims)
}

#[cfg(test)]
mod tests {
    use protean::message::Category;
    use protean::port::{GroupRegistration, Start};

    use super::{Command, Consent, claim_all, other_programs, run};
    use crate::App;
    use crate::globals::Globals;
    use crate::sample::{OpenAccount, app, bank};

    #[tokio::test]
    async fn drops_nothing_without_confirmation() {
        let app = App::new(bank(&std::sync::Arc::default()), Globals { json: true, config: None });
        let refused = run(&Command::Drop(Consent { yes: false }), &app).await.unwrap_err();
        assert!(refused.to_string().contains("--yes"), "{refused}");
    }

    #[tokio::test]
    async fn truncates_nothing_without_confirmation_or_while_a_server_runs() {
        let app = App::new(bank(&std::sync::Arc::default()), Globals { json: true, config: None });
        let refused = run(&Command::Truncate(Consent { yes: false }), &app).await.unwrap_err();
        assert!(refused.to_string().contains("--yes"), "{refused}");
        let server = claim_all(&app.domain().unwrap()).await.unwrap();
        let refused = run(&Command::Truncate(Consent { yes: true }), &app).await.unwrap_err();
        assert!(refused.to_string().contains("a server of 'fidelis' is running"), "{refused}");
        drop(server);
    }

    #[tokio::test]
    async fn drops_nothing_that_another_program_shares() {
        let app = app();
        let domain = app.domain().unwrap();
        let category = Category::named("shop::book");
        let of_another = GroupRegistration::new("shop.BookProjector", category, Start::Beginning);
        domain.store().await.unwrap().prepare(&[], &[of_another]).await.unwrap();
        let refused =
            run(&Command::Drop(Consent { yes: true }), &app).await.unwrap_err().to_string();
        assert!(refused.contains("also holds the messages of 'shop'"), "{refused}");
        assert_eq!(other_programs(&domain).await.unwrap(), ["'shop'"]);
    }

    #[tokio::test]
    async fn drops_nothing_while_a_server_runs() {
        let app = app();
        let domain = app.domain().unwrap();
        domain.process(OpenAccount { account_id: "1".into() }).await.unwrap();
        let server = claim_all(&domain).await.unwrap();
        let refused = run(&Command::Drop(Consent { yes: true }), &app).await.unwrap_err();
        assert!(refused.to_string().contains("a server of 'fidelis' is running"), "{refused}");
        drop(server);
        assert!(run(&Command::Drop(Consent { yes: true }), &app).await.is_ok());
    }
}
