//! `db`: creates or removes what the domain keeps in its database.

use clap::Subcommand;
use protean::Domain;
use protean::domain::destroy;
use protean::port::Claim;
use serde_json::json;

use super::consent::ask;
use super::database::database;
use crate::{App, Error, Reply, Result};

/// What to do with the database.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Creates what is missing; safe to run again
    Setup,
    /// Removes everything the domain keeps. There is no way back
    Drop {
        /// Does not ask
        #[arg(long)]
        yes: bool,
    },
}

pub(super) async fn run(command: &Command, app: &App) -> Result {
    let domain = app.domain()?;
    match command {
        Command::Setup => {
            domain.store().await?;
            done(&domain, app, "is ready")
        }
        Command::Drop { yes } => {
            if !yes {
                let (name, place) = (domain.name(), place(&domain));
                ask(app, &format!("Everything '{name}' keeps in {place} will be gone."), name)?;
            }
            let claims = claim_all(&domain).await?;
            destroy(&domain).await?;
            drop(claims);
            done(&domain, app, "is empty")
        }
    }
}

fn done(domain: &Domain, app: &App, state: &str) -> Result {
    let (provider, uri) = database(domain);
    let data = json!({"domain": domain.name(), "database": {"provider": provider, "uri": uri}});
    app.reply(Reply::new(data, format!("The database {} {state}.", place(domain))))
}

fn place(domain: &Domain) -> String {
    let (provider, uri) = database(domain);
    uri.unwrap_or(provider)
}

/// Keeps every group from being read while its tables go.
///
/// # Errors
/// When a server reads for one of them.
async fn claim_all(domain: &Domain) -> Result<Vec<Box<dyn Claim>>> {
    let mut claims = Vec::new();
    // What cannot be opened as it is may be dropped all the same.
    let Ok(store) = domain.store().await else { return Ok(claims) };
    for group in domain.groups() {
        let claim = store.claim(&group.claim()).await?.ok_or_else(|| {
            let message = format!("a server of '{}' is running", domain.name());
            Error::failed(message).advice("stop it, then drop its database")
        })?;
        claims.push(claim);
    }
    Ok(claims)
}

#[cfg(test)]
mod tests {
    use super::{Command, claim_all, run};
    use crate::App;
    use crate::line::Globals;
    use crate::sample::{OpenAccount, app, bank};

    #[tokio::test]
    async fn drops_nothing_unasked() {
        let app = App::new(bank(&std::sync::Arc::default()), Globals { json: true, config: None });
        let refused = run(&Command::Drop { yes: false }, &app).await.unwrap_err();
        assert!(refused.to_string().contains("--yes"), "{refused}");
    }

    #[tokio::test]
    async fn drops_nothing_while_a_server_runs() {
        let app = app();
        let domain = app.domain().unwrap();
        domain.process(OpenAccount { account_id: "1".into() }).await.unwrap();
        let server = claim_all(&domain).await.unwrap();
        let refused = run(&Command::Drop { yes: true }, &app).await.unwrap_err();
        assert!(refused.to_string().contains("a server of 'fidelis' is running"), "{refused}");
        drop(server);
        assert!(run(&Command::Drop { yes: true }, &app).await.is_ok());
    }
}
