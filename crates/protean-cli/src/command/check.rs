//! `check`: wiring and configuration, and what the servers that can be reached say about
//! their own settings, and with `--data` everything that is stored. Nothing is changed.

use std::fmt::{self, Display};
use std::path::PathBuf;

use clap::Args;
use protean::Domain;
use protean::message::Lane;
use protean::{Group, HandlerKind, ServerAdvice, server_advice};
use serde::Serialize;
use serde_json::{Value, json};

use super::database::database;
use super::events::{check as stored_data, lock};
use crate::{App, Reply, Result, Table};

/// What is checked beside the wiring and the settings.
#[derive(Args)]
pub(crate) struct Options {
    /// Also reads everything stored, like 'events check'; exit code 1 on a fault
    #[arg(long)]
    data: bool,
    /// Requires this file of 'events lock', for a build server: it must exist and contain the
    /// current schema of every message. Without the option, 'events.lock' is compared if it
    /// exists
    #[arg(long, value_name = "FILE")]
    lock: Option<PathBuf>,
}

pub(super) async fn run(options: &Options, app: &App) -> Result {
    let domain = if options.data { app.existing_domain().await? } else { app.domain()? };
    let stored = match options.data {
        true => Some(stored_data::checked(&domain, app).await?),
        false => None,
    };
    let locked = lock::compared(&domain, app, options.lock.as_deref())?;
    let mut findings = Findings::of(&domain, server_advice(&domain).await);
    findings.settings.extend(locked.unlocked.iter().cloned());
    let (mut data, mut text) = (data(&domain, &findings), text(&domain, &findings));
    if let Some(stored) = &stored {
        data["stored"] = serde_json::to_value(stored)?;
        text = format!("{text}\n\n{}", stored_data::text(stored));
    }
    data["lock"] = serde_json::to_value(&locked)?;
    // The text lists them already.
    let warnings = findings.settings.into_iter().filter(|_| app.json());
    let reply = warnings.fold(Reply::new(data, text), Reply::warning);
    let faults = stored.iter().flat_map(stored_data::faults).chain(locked.faults);
    app.reply(faults.fold(reply, Reply::failed))
}

/// What there is to look at. None of it is a fault.
struct Findings {
    /// Settings of the configuration or of a server.
    settings: Vec<String>,
    /// Servers that were not asked about their settings, and why.
    unreached: Vec<Unreached>,
}

#[derive(Serialize)]
struct Unreached {
    section: String,
    error: String,
}

impl Findings {
    fn of(domain: &Domain, servers: Vec<ServerAdvice>) -> Self {
        let mut settings: Vec<String> =
            domain.config().warnings.iter().map(ToString::to_string).collect();
        let mut unreached = Vec::new();
        for ServerAdvice { section, advice } in servers {
            match advice {
                Ok(advice) => {
                    settings
                        .extend(advice.into_iter().map(|advice| format!("{section}: {advice}")));
                }
                Err(error) => unreached.push(Unreached { section, error: format!("{error:#}") }),
            }
        }
        Self { settings, unreached }
    }
}

fn data(domain: &Domain, findings: &Findings) -> Value {
    let (provider, uri) = database(domain);
    let lanes = lanes(domain).map(|UsedLane { lane, suffix, lowest, highest }| {
        json!({
            "lane": lane.to_string(),
            "suffix": suffix,
            "lowest_priority": lowest,
            "highest_priority": highest,
        })
    });
    let groups = domain.groups().iter().map(|group| {
        json!({
            "name": &*group.name,
            "handler_name": group.handler,
            "kind": kind(group),
            "stream_category": group.category.as_str(),
            "subscription_type": group.subscription.subscription_type.to_string(),
            "ordered": group.is_ordered(),
        })
    });
    let aggregates = aggregates(domain).map(
        |[name, kept_as, of]| json!({"name": name, "kept_as": kept_as, "stream_category": of}),
    );
    json!({
        "domain": domain.name(),
        "database": {"provider": provider, "uri": uri},
        "lanes": lanes.collect::<Vec<_>>(),
        "aggregates": aggregates.collect::<Vec<_>>(),
        "groups": groups.collect::<Vec<_>>(),
        "tables": tables(domain),
        "unreached_servers": findings.unreached,
    })
}

fn text(domain: &Domain, findings: &Findings) -> String {
    let (provider, uri) = database(domain);
    let lanes = lanes(domain).map(|used| match used.lane {
        Lane::Backfill => format!("backfill (priority {} and below)", used.highest),
        Lane::Primary if used.lowest == i32::MIN => "primary (every priority)".to_owned(),
        Lane::Primary => format!("primary (priority {} and above)", used.lowest),
    });
    let tables = Some(tables(domain).join(", ")).filter(|tables| !tables.is_empty());
    let mut facts = Table::new().text("Domain").text(domain.name());
    let uri = uri.map(|uri| format!(" {uri}")).unwrap_or_default();
    facts.row(["Database", &format!("{provider}{uri}")]);
    facts.row(["Lanes", &lanes.collect::<Vec<_>>().join(", ")]);
    facts.row(["Tables", tables.as_deref().unwrap_or("none")]);
    let mut kept = Table::new().text("Aggregate").text("Kept as").text("Stream");
    aggregates(domain).for_each(|aggregate| kept.row(aggregate));
    format!("{facts}\n\n{kept}\n\n{}\n\n{}", groups(domain), findings)
}

/// That nothing is wrong, or each setting to look at; and what is not known.
impl Display for Findings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.settings.len() {
            0 => f.write_str("Nothing is wrong.")?,
            1 => f.write_str("1 setting to look at:")?,
            count => write!(f, "{count} settings to look at:")?,
        }
        self.settings.iter().try_for_each(|setting| write!(f, "\n  {setting}"))?;
        if !self.unreached.is_empty() {
            f.write_str("\n\nThe settings of these servers were not looked at:")?;
        }
        self.unreached
            .iter()
            .try_for_each(|Unreached { section, error }| write!(f, "\n  {section}: {error}"))
    }
}

/// Each aggregate: its name, what it is kept as, the category of its events.
fn aggregates(domain: &Domain) -> impl Iterator<Item = [&str; 3]> {
    domain.catalog().aggregates().map(|aggregate| {
        let kept_as = if aggregate.table.is_some() { "rows" } else { "events" };
        [aggregate.name, kept_as, aggregate.category.as_str()]
    })
}

fn groups(domain: &Domain) -> Table {
    let mut table =
        Table::new().text("Handler").text("Kind").text("Type").text("Stream").text("Order");
    for group in domain.groups() {
        let order = if group.is_ordered() { "per aggregate" } else { "none" };
        let of = group.subscription.subscription_type.to_string();
        table.row([&group.handler, kind(group), &of, group.category.as_str(), order]);
    }
    table
}

fn kind(group: &Group) -> &'static str {
    match group.kind {
        HandlerKind::Commands => "commands",
        HandlerKind::Events => "events",
        HandlerKind::Projector => "projector",
        HandlerKind::Process => "process manager",
        HandlerKind::Subscriber { .. } => "subscriber",
    }
}

/// A lane in use, with the suffix of its streams and its range of priorities.
struct UsedLane<'a> {
    lane: Lane,
    suffix: Option<&'a str>,
    lowest: i32,
    highest: i32,
}

fn lanes(domain: &Domain) -> impl Iterator<Item = UsedLane<'_>> {
    let suffix = domain.config().server.priority_lanes.backfill_suffix.as_str();
    domain.lanes().lanes().iter().map(move |lane| {
        let (lowest, highest) = domain.lanes().range(*lane);
        let suffix = (*lane == Lane::Backfill).then_some(suffix);
        UsedLane { lane: *lane, suffix, lowest: lowest.value(), highest: highest.value() }
    })
}

fn tables(domain: &Domain) -> Vec<String> {
    let tables = domain.catalog().tables();
    tables.iter().map(|table| table.name.to_string()).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use protean::{Domain, Error, ServerAdvice};

    use super::Findings;
    use crate::sample::app;

    fn text(domain: &Domain, servers: Vec<ServerAdvice>) -> String {
        super::text(domain, &Findings::of(domain, servers))
    }

    #[test]
    fn tells_what_is_wired() {
        let domain = app().domain().unwrap();
        let data = super::data(&domain, &Findings::of(&domain, Vec::new()));
        assert_eq!(data["database"], json!({"provider": "memory", "uri": null}));
        assert_eq!(data["lanes"][1]["suffix"], "backfill");
        assert_eq!(data["lanes"][1]["highest_priority"], -1);
        let account =
            json!({"name": "Account", "kept_as": "events", "stream_category": "fidelis::account"});
        assert_eq!(data["aggregates"], json!([account]));
        let group = json!({
            "name": "fidelis.CustomerProjector", "handler_name": "CustomerProjector",
            "kind": "projector", "stream_category": "fidelis::account",
            "subscription_type": "event_store", "ordered": true,
        });
        assert_eq!(data["groups"][1], group);
        assert_eq!(data["tables"], json!(["customer"]));
    }

    #[test]
    fn lists_settings_that_have_no_effect_instead_of_nothing_is_wrong() {
        let wired = text(&app().domain().unwrap(), Vec::new());
        assert!(wired.ends_with("\n\nNothing is wrong."), "{wired}");
        let idle = protean::domain("idle").config("[server]\ntick_interval = 1\n");
        let listed = text(&idle.build().unwrap(), Vec::new());
        let end = "\n\n1 setting to look at:\n  domain.toml:2: server.tick_interval: has no \
                   meaning here, because the server does not pause between reads, and wakes on \
                   every commit; remove the key";
        assert!(listed.ends_with(end), "{listed}");
    }

    #[test]
    fn lists_what_servers_say_and_which_could_not_be_asked() {
        let domain = app().domain().unwrap();
        let slow = "min_wal_size = 80MB: set min_wal_size = 5GB";
        let servers = vec![
            ServerAdvice { section: "databases.default".into(), advice: Ok(vec![slow.into()]) },
            ServerAdvice {
                section: "brokers.default".into(),
                advice: Err(Error::unavailable("Redis at h:6379 cannot be reached")),
            },
        ];
        let listed = text(&domain, servers);
        let end = "\n\n1 setting to look at:\n  databases.default: min_wal_size = 80MB: set \
                   min_wal_size = 5GB\n\nThe settings of these servers were not looked at:\n  \
                   brokers.default: Redis at h:6379 cannot be reached";
        assert!(listed.ends_with(end), "{listed}");
    }

    #[test]
    fn tells_a_person_where_the_line_between_the_lanes_runs() {
        let text = text(&app().domain().unwrap(), Vec::new());
        let lanes = "primary (priority 0 and above), backfill (priority -1 and below)";
        assert!(text.contains(lanes), "{text}");
        assert!(text.contains("\nAccount    events   fidelis::account\n"), "{text}");
    }
}
