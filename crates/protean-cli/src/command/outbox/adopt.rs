//! `outbox adopt`: goes on with a database that was restored or copied.

use protean_engine::{Adopted, Outbox};
use serde_json::json;

use crate::command::confirm::Consent;
use crate::{App, Reply, Result};

pub(super) const AFTER_HELP: &str = "\
A broker remembers whose messages it carries. After the database was restored to an earlier moment,
or copied while the original goes on, a server does not start. Stop every server that uses the
broker, then run this: the log gets a new id, the streams of the domain are emptied, and the next
server publishes again what its groups have not handled. What other systems have received through
an external broker stays with them.";

pub(super) async fn run(consent: &Consent, app: &App) -> Result {
    let domain = app.existing_domain().await?;
    consent.ask(app, "This empties the streams of this domain at its brokers.", "adopt")?;
    let Adopted { log_id, brokers } = Outbox::of(&domain).await?.adopt().await?;
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
