//! `outbox retry`: lets messages go out again.

use clap::Args;
use protean_engine::Outbox;
use serde_json::json;

use crate::command::consent::ask;
use crate::command::database::warned;
use crate::{App, Error, Reply, Result, grouped};

/// Which messages.
#[derive(Args)]
pub(crate) struct Options {
    /// Its id in 'outbox status', or the id of the message
    #[arg(required_unless_present = "all", conflicts_with = "all")]
    pub(super) id: Option<String>,
    /// All that were given up
    #[arg(long)]
    pub(super) all: bool,
    /// Does not ask
    #[arg(long)]
    pub(super) yes: bool,
}

pub(super) async fn run(options: &Options, app: &App) -> Result {
    let domain = app.domain()?;
    if options.all && !options.yes {
        ask(app, "Every message that was given up goes out again.", "retry")?;
    }
    let retried = Outbox::of(&domain).await?.retry(options.id.as_deref()).await?;
    if let (0, Some(id)) = (retried, &options.id) {
        return Err(Error::failed(format!("no message that was given up has the id '{id}'"))
            .advice("'outbox status' shows those there are"));
    }
    let text = match retried {
        0 => "No message was given up.".to_owned(),
        _ => format!("{} to go out again within a second of a server's work.", grouped(retried)),
    };
    app.reply(warned(Reply::new(json!({"retried": retried}), text), &domain))
}
