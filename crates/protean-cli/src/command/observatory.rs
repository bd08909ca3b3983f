//! `observatory`: serves pages that show the running system.

use std::net::SocketAddr;

use clap::Args;
use protean::Id;
use protean_observatory::Observatory;
use serde_json::json;
use tokio::net::TcpListener;

use crate::shutdown::stop_signal;
use crate::{App, Error, Reply, Result};

/// The operator whose token is made for one run.
const OPERATOR: &str = "console";

pub(super) const AFTER_HELP: &str = "\
Works with and without a running server. On a loopback address anyone can look; on any
other, looking needs a token. Replaying and purging dead letters always need one. The
settings hold the operators' tokens, under [server.observatory.tokens.NAME]; without any,
the command makes one for this run and prints it.

A server serves the same pages beside its health page, at /observatory.";

/// Where the pages are served.
#[derive(Args)]
pub(crate) struct Options {
    /// The address to listen on; port 0 lets the system choose
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8181")]
    address: SocketAddr,
}

pub(super) async fn run(options: &Options, app: &App) -> Result {
    let domain = app.existing_domain().await?;
    let signal = stop_signal()?;
    let listener = TcpListener::bind(options.address).await.map_err(|error| {
        Error::failed(format!("cannot listen on {}", options.address))
            .caused_by(&error)
            .advice("choose another address with --address")
    })?;
    let at = listener.local_addr()?;
    let mut pages = Observatory::of(&domain);
    app.say(format!("The observatory of '{}' is at http://{at}/observatory/", domain.name()))?;
    if !pages.has_tokens() {
        let token = fresh_token();
        pages = pages.with_token(OPERATOR, &token);
        app.say(format!(
            "To replay or purge dead letters, log in with the token of this run: {token}"
        ))?;
    }
    app.say("Stop it with Ctrl-C.")?;
    let stopped_by = tokio::select! {
        () = pages.serve(&listener) => "itself",
        signal = signal => signal.name(),
    };
    app.reply(Reply::new(json!({"stopped_by": stopped_by}), ""))
}

/// Text that nobody guesses: two identities hold 148 random bits.
fn fresh_token() -> String {
    format!("{}{}", Id::new(), Id::new()).replace('-', "")
}

#[cfg(test)]
mod tests {
    use super::fresh_token;

    #[test]
    fn each_token_is_another_long_text() {
        let (one, other) = (fresh_token(), fresh_token());
        assert_ne!(one, other);
        assert_eq!(one.len(), 64);
    }
}
