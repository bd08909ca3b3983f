//! `outbox retry`: publishes abandoned messages again.

use clap::Args;
use protean::Operator;
use protean_engine::Outbox;
use serde_json::json;

use crate::command::confirm::Consent;
use crate::{App, Error, Reply, Result, grouped};

/// The messages to publish again.
#[derive(Args)]
pub(crate) struct Options {
    /// Its id in 'outbox status', or the message id
    #[arg(required_unless_present = "all", conflicts_with = "all")]
    pub(super) id: Option<String>,
    /// All abandoned messages
    #[arg(long)]
    pub(super) all: bool,
    #[command(flatten)]
    pub(super) consent: Consent,
}

pub(super) async fn run(options: &Options, app: &App) -> Result {
    let domain = app.existing_domain().await?;
    if options.all {
        options.consent.ask(app, "This publishes every abandoned message again.", "retry")?;
    }
    let outbox = Outbox::of(&domain).await?.by(Operator::at_command_line());
    let retried = outbox.retry(options.id.as_deref()).await?;
    if let (0, Some(id)) = (retried, &options.id) {
        return Err(Error::failed(format!("no abandoned message has the id '{id}'"))
            .advice("list them with 'outbox status'"));
    }
    let text = match retried {
        0 => "There are no abandoned messages.".to_owned(),
        _ => format!("A running server publishes {} again within a second.", grouped(retried)),
    };
    app.reply(Reply::new(json!({"retried": retried}), text).about(&domain))
}
