//! `subscriptions promote`: makes this version of the program the newest.

use protean::promote;
use serde_json::json;

use super::confirm::Consent;
use super::recorded::record;
use crate::{App, Reply, Result};

pub(super) const AFTER_HELP: &str = "\
While two versions of a program run side by side, the older one leaves messages that only the newer
one handles: they wait, and so do later messages of the same aggregate. After a permanent rollback
they would wait forever. Run this with the version that stays: within seconds, messages that none of
its handlers take are ignored again.";

pub(super) async fn run(consent: &Consent, app: &App) -> Result {
    let domain = app.existing_domain().await?;
    let question = "Messages that only other versions of this program take are passed over.";
    consent.ask(app, question, "promote")?;
    promote(&domain).await?;
    record(&domain, "subscriptions promote", [], 0).await?;
    let groups = domain.groups().len();
    let text = "This version of the program is the newest of its groups.";
    app.reply(Reply::new(json!({"groups": groups}), text).about(&domain))
}
