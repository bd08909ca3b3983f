//! `outbox adopt`: goes on with a database that was restored or copied.

use protean_engine::{Adopted, Outbox};
use serde_json::json;

use crate::command::confirm::Consent;
use crate::command::recorded::record;
use crate::{App, Reply, Result};

pub(super) const AFTER_HELP: &str = "\
A broker remembers whose messages it carries, so no server starts after the database was restored to
an earlier moment, or copied while the original is in use. Stop every server that uses the broker,
then run this command: it gives the log a new id and empties the streams of the domain, and the next
server publishes again what its groups have not handled. Other systems keep what they have received
through an external broker.";

pub(super) async fn run(consent: &Consent, app: &App) -> Result {
    let domain = app.existing_domain().await?;
    consent.ask(app, "This empties the streams of this domain at its brokers.", "adopt")?;
    let Adopted { log_id, brokers } = Outbox::of(&domain).await?.adopt().await?;
    let adopted = [("log", log_id.to_string()), ("brokers", brokers.join(", "))];
    record(&domain, "outbox adopt", adopted, 0).await?;
    let text = match brokers.as_slice() {
        [] => "No broker carries messages of this domain; the log has a new id.".to_owned(),
        names => format!(
            "The log has a new id, and its messages are carried by: {}. A server can start now.",
            names.join(", ")
        ),
    };
    let data = json!({"log": log_id.as_str(), "brokers": brokers});
    app.reply(Reply::new(data, text).about(&domain))
}
