//! `subscriptions`: the state of subscriptions.

use std::fmt;

use clap::Subcommand;
use protean::message::Lane;
use protean::{Domain, HandlerKind};
use protean_engine::{
    LaneStatus, ProductionBound, ServerPages, SubscriptionStatus, Trend, or_unknown,
    vanished_groups,
};
use serde::Serialize;

use super::backlog::Backlogs;
use super::confirm::Consent;
use super::forget::{self, warn_of_vanished};
use super::measured::{Measured, ServerMeasured};
use super::pace::Paces;
use super::{promote, rename};
use crate::{App, Reply, Result, Table, grouped, short};

/// Shows the state of subscriptions, forgets old ones, and settles which version is the newest.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Shows the lag, parked and dead messages of each subscription, one row per lane
    #[command(after_help = AFTER_HELP)]
    Status {
        /// Prints one row per subscription, with the lag of each lane
        #[arg(long)]
        wide: bool,
    },
    /// Deletes the state of a handler that is no longer part of the program
    Forget(forget::Options),
    /// Renames the group of a renamed handler and keeps its progress
    #[command(after_help = rename::AFTER_HELP)]
    Rename(rename::Options),
    /// Makes this version of the program the newest, after a permanent rollback
    #[command(after_help = promote::AFTER_HELP)]
    Promote(Consent),
}

const AFTER_HELP: &str = "\
Reads the database; no server has to be running. Servers on this machine also report, on
their health pages, how long production messages took and, with
production_latency_target_ms, how fast backfill runs and why.

  Lag      messages committed and not settled yet, in thousands (K) or millions (M)
  Pending  messages that failed and are parked until their next attempt, and messages
           of the same aggregate that wait behind them
  DLQ      dead letters, '-' for none; later messages of the same aggregate wait
           behind them
  Status   ok, lagging (messages wait on the primary lane, or on the backfill lane
           for longer than backfill_latency_target_ms), or unknown (not readable)
  Oldest   how long the oldest of the messages that make up the lag has waited
  ETA      when the lag will be gone at its current rate, measured over one second if
           messages wait; 'growing' or 'standing' if the lag does not shrink

The lines below the table count the messages that each process manager has ignored: events
of a process that had not begun or was complete, and timers that were cancelled or replaced.

--json prints one object per lane, named '<handler>' for the primary lane and
'<handler>:backfill' for the backfill lane. lag_seconds is how long the oldest message
has waited, drained_per_second by how much the lag shrinks (negative if it grows), and
eta_seconds when it will be gone. ignored counts the messages that the handler has
ignored, in all its lanes. An unknown number is null, never 0. production_measured and
backfill_pace have one object per server process that answers; backfill_pace is
left out if no target is set.";

pub(super) async fn run(command: &Command, app: &App) -> Result {
    match command {
        Command::Status { wide } => status(*wide, app).await,
        Command::Forget(options) => forget::run(options, app).await,
        Command::Rename(options) => rename::run(options, app).await,
        Command::Promote(consent) => promote::run(consent, app).await,
    }
}

async fn status(wide: bool, app: &App) -> Result {
    let domain = app.existing_domain().await?;
    let found = Backlogs::of(&domain).await?;
    let table = if wide { wide_table(&found) } else { table(&found) };
    let log = domain.store().await?.log_id().await?;
    let (bound, pages) = (ProductionBound::of(&domain), ServerPages::of(&domain, &log));
    let shown = Shown { bound, measured: Measured::of(&pages), pace: Paces::of(&domain, &pages) };
    let text = format!("{table}\n\n{}{shown}", ignored(&found));
    let vanished = vanished_groups(&domain).await?;
    app.reply(warn_of_vanished(reply(&domain, &found, shown, &text), &vanished))
}

/// What is shown below the table.
struct Shown {
    bound: ProductionBound,
    measured: Measured,
    pace: Option<Paces>,
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { bound, measured, pace } = self;
        write!(f, "{bound}\n{measured}")?;
        pace.iter().try_for_each(|pace| write!(f, "\n\n{pace}"))
    }
}

fn reply<'a>(
    domain: &Domain,
    found: &'a Backlogs,
    shown: Shown,
    text: &str,
) -> Reply<Subscriptions<'a>> {
    let subscriptions = found.rows().map(|(of, lane, trend)| Row::new(of, lane, trend)).collect();
    let shown = Subscriptions {
        subscriptions,
        production_bound: shown.bound,
        production_measured: shown.measured.servers,
        backfill_pace: shown.pace,
    };
    let mut reply = Reply::new(shown, text);
    for SubscriptionStatus { group, fault, .. } in &found.found {
        if let Some(fault) = fault {
            reply = reply.failed(format!("{group} cannot be read: {fault:#}"));
        }
    }
    reply.about(domain)
}

fn table(found: &Backlogs) -> Table {
    let mut table = Table::new()
        .text("Handler")
        .text("Type")
        .text("Stream")
        .number("Lag")
        .number("Pending")
        .number("DLQ")
        .text("Status")
        .number("Oldest")
        .number("ETA");
    for (of, lane, trend) in found.rows() {
        table.row([
            of.handler.clone(),
            of.subscription_type.to_string(),
            lane.stream.clone(),
            or_unknown(lane.lag, short),
            or_unknown(lane.parked, short),
            if lane.dead == Some(0) { "-".to_owned() } else { or_unknown(lane.dead, short) },
            lane.health.as_str().to_owned(),
            lane.waited(),
            trend.column(),
        ]);
    }
    table
}

/// What process managers have passed over, a line for each. Others do so all the time.
pub(super) fn ignored(found: &Backlogs) -> String {
    let managers = found.found.iter().filter(|of| of.kind == HandlerKind::Process);
    let lines = managers.filter_map(|of| match of.ignored {
        None | Some(0) => None,
        Some(count) => Some(format!(
            "Ignored by {}: {}; the process had not begun, was complete, or had cancelled the timer.\n",
            of.handler,
            grouped(count)
        )),
    });
    let lines: String = lines.collect();
    if lines.is_empty() { lines } else { lines + "\n" }
}

fn wide_table(found: &Backlogs) -> Table {
    let mut table = Table::new()
        .text("Subscription")
        .text("Stream")
        .number("Lag (primary)")
        .number("Lag (backfill)");
    for of in &found.found {
        let lag = |lane| match of.lanes.iter().find(|found| found.lane == lane) {
            Some(found) => or_unknown(found.lag, grouped),
            None => "-".to_owned(),
        };
        let names = [of.handler.clone(), of.category.to_string()];
        table.row(names.into_iter().chain([lag(Lane::Primary), lag(Lane::Backfill)]));
    }
    table
}

#[derive(Serialize)]
struct Subscriptions<'a> {
    subscriptions: Vec<Row<'a>>,
    production_bound: ProductionBound,
    production_measured: Vec<ServerMeasured>,
    /// Left out without a target for production.
    #[serde(skip_serializing_if = "Option::is_none")]
    backfill_pace: Option<Paces>,
}

/// The JSON of a subscription in one lane; unknown values are null.
#[derive(Serialize)]
struct Row<'a> {
    name: String,
    handler_name: &'a str,
    group: &'a str,
    subscription_type: String,
    stream_category: &'a str,
    stream: &'a str,
    lane: String,
    lag: Option<u64>,
    lag_seconds: Option<f64>,
    drained_per_second: Option<f64>,
    eta_seconds: Option<f64>,
    pending: Option<u64>,
    /// A string, since the positions of a broker are not numbers.
    current_position: Option<String>,
    head_position: Option<String>,
    status: &'static str,
    /// Always null: a store does not know its readers.
    consumer_count: Option<u64>,
    dlq_depth: Option<u64>,
    ignored: Option<u64>,
}

impl<'a> Row<'a> {
    fn new(of: &'a SubscriptionStatus, lane: &'a LaneStatus, trend: Trend) -> Self {
        let name = match lane.lane {
            Lane::Primary => of.handler.clone(),
            other => format!("{}:{other}", of.handler),
        };
        Self {
            name,
            handler_name: &of.handler,
            group: &of.group,
            subscription_type: of.subscription_type.to_string(),
            stream_category: of.category.as_str(),
            stream: &lane.stream,
            lane: lane.lane.to_string(),
            lag: lane.lag,
            lag_seconds: lane.lag_seconds,
            drained_per_second: trend.drained_per_second,
            eta_seconds: trend.eta().map(|eta| eta.as_secs_f64()),
            pending: lane.parked,
            current_position: lane.cursor.map(|position| position.to_string()),
            head_position: lane.head.map(|position| position.to_string()),
            status: lane.health.as_str(),
            consumer_count: None,
            dlq_depth: lane.dead,
            ignored: of.ignored,
        }
    }
}

#[cfg(test)]
mod tests {
    use protean::{Domain, Error, Priority};
    use protean_engine::{SubscriptionStatus, subscriptions};
    use serde_json::{Value, json, to_value};

    use super::{
        Backlogs, Measured, Paces, ProductionBound, ServerPages, Shown, reply, table, wide_table,
    };
    use crate::sample::{OpenAccount, app};

    /// A bank with three bulk commands and one customer's command waiting.
    async fn busy() -> Domain {
        let domain = app().domain().unwrap();
        for account in ["1", "2", "3"] {
            let command = OpenAccount { account_id: account.into() };
            domain.process(command).priority(Priority::BULK).await.unwrap();
        }
        domain.process(OpenAccount { account_id: "4".into() }).await.unwrap();
        domain
    }

    /// What is shown when no server answers.
    fn without_servers(domain: &Domain) -> Shown {
        let pages = ServerPages { url: "http://here/healthz".to_owned(), pages: Vec::new() };
        let (bound, measured) = (ProductionBound::of(domain), Measured::of(&pages));
        Shown { bound, measured, pace: Paces::of(domain, &pages) }
    }

    async fn rows(domain: &Domain) -> Vec<Value> {
        let found = Backlogs::once(subscriptions(domain).await.unwrap());
        let object =
            to_value(reply(domain, &found, without_servers(domain), "").into_envelope()).unwrap();
        object["data"]["subscriptions"].as_array().unwrap().clone()
    }

    fn unread(mut found: Vec<SubscriptionStatus>) -> Vec<SubscriptionStatus> {
        let of = &mut found[0];
        of.fault = Some(Error::unavailable("the disk is gone"));
        for lane in &mut of.lanes {
            (lane.lag, lane.parked, lane.dead) = (None, None, None);
        }
        found
    }

    #[tokio::test]
    async fn the_table_has_one_row_for_each_lane() {
        let mut found = subscriptions(&busy().await).await.unwrap();
        for lane in &mut found[0].lanes {
            lane.lag_seconds = Some(72.0);
        }
        let found = Backlogs::once(found);
        let expected = "\
Handler                Type         Stream                             Lag  Pending  DLQ  Status   Oldest      ETA
AccountCommandHandler  event_store  fidelis::account:command             1        0    -  lagging  1m 12s  unknown
AccountCommandHandler  event_store  fidelis::account:command:backfill    3        0    -  ok       1m 12s  unknown
CustomerProjector      event_store  fidelis::account                     0        0    -  ok            -        -
CustomerProjector      event_store  fidelis::account:backfill            0        0    -  ok            -        -";
        assert_eq!(table(&found).to_string(), expected);
    }

    #[tokio::test]
    async fn the_wide_table_has_one_row_for_each_subscription() {
        let found = Backlogs::once(subscriptions(&busy().await).await.unwrap());
        let expected = "\
Subscription           Stream                    Lag (primary)  Lag (backfill)
AccountCommandHandler  fidelis::account:command              1               3
CustomerProjector      fidelis::account                      0               0";
        assert_eq!(wide_table(&found).to_string(), expected);
    }

    #[tokio::test]
    async fn the_json_has_the_documented_keys_for_each_lane() {
        let rows = rows(&busy().await).await;
        let mut backfill = rows[1].clone();
        assert!(backfill["lag_seconds"].take().as_f64().is_some_and(|waited| waited >= 0.0));
        let expected = json!({
            "name": "AccountCommandHandler:backfill", "handler_name": "AccountCommandHandler",
            "group": "fidelis.AccountCommands", "subscription_type": "event_store",
            "stream_category": "fidelis::account:command", "lane": "backfill",
            "stream": "fidelis::account:command:backfill", "lag": 3, "lag_seconds": null,
            "drained_per_second": null, "eta_seconds": null,
            "pending": 0, "current_position": "0", "head_position": "3", "status": "ok",
            "consumer_count": null, "dlq_depth": 0, "ignored": 0,
        });
        assert_eq!(backfill, expected);
        assert_eq!((&rows[2]["name"], rows.len()), (&json!("CustomerProjector"), 4));
    }

    #[tokio::test]
    async fn a_backlog_that_nobody_serves_stands() {
        let domain = busy().await;
        let found = Backlogs::of(&domain).await.unwrap();
        let shown = table(&found).to_string();
        let rows: Vec<_> = shown.lines().skip(1).map(|row| row.ends_with("  standing")).collect();
        assert_eq!(rows, [true, true, false, false], "{shown}");
        let object =
            to_value(reply(&domain, &found, without_servers(&domain), "").into_envelope()).unwrap();
        let row = &object["data"]["subscriptions"][1];
        assert_eq!((&row["drained_per_second"], &row["eta_seconds"]), (&json!(0.0), &Value::Null));
        let bound = json!({"lanes": true, "handler_timeout_seconds": null});
        assert_eq!(object["data"]["production_bound"], bound);
        assert_eq!(object["data"]["production_measured"], json!([]));
    }

    #[tokio::test]
    async fn what_is_measured_follows_the_bound() {
        let text = without_servers(&busy().await).to_string();
        let bound = text.find("Longest wait of production: ").unwrap();
        let measured = text.find("\nMeasured from the moment ").unwrap();
        assert!(bound < measured && !text.contains("Backfill pace"), "{text}");
    }

    #[tokio::test]
    async fn unreadable_values_are_unknown_and_fail() {
        let domain = busy().await;
        let found = Backlogs::once(unread(subscriptions(&domain).await.unwrap()));
        let rows = table(&found).to_string();
        assert!(
            rows.lines().nth(1).is_some_and(|row| row.matches("unknown").count() >= 3),
            "{rows}"
        );
        let object =
            to_value(reply(&domain, &found, without_servers(&domain), "").into_envelope()).unwrap();
        assert_eq!(object["status"], "fail");
        assert_eq!(object["data"]["subscriptions"][0]["lag"], Value::Null);
        let message = "fidelis.AccountCommands cannot be read: the disk is gone";
        assert_eq!(object["diagnostics"][0]["message"], message);
    }
}
