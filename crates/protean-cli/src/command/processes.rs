//! `processes`: the processes of process managers, and what each has taken.

use std::collections::BTreeMap;

use clap::{Args, Subcommand};
use protean::config::hint;
use protean::message::Stream;
use protean::{Domain, Id, ScheduledMessages};
use protean_engine::{Manager, ProcessState, process_managers};
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

use super::events::message::{Shown, short_type, values};
use super::limit::limit;
use crate::{App, Error, Reply, Result, Table};

/// Shows processes.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Lists processes with their state: running ones, or complete ones
    List(List),
    /// Shows one process: its state and the events it has handled
    Show(Show),
}

/// The processes to list.
#[derive(Args)]
pub(crate) struct List {
    /// The process manager, such as 'Fulfilment' [default: all]
    pub(super) manager: Option<String>,
    /// Lists complete processes
    #[arg(long)]
    pub(super) complete: bool,
    /// Only processes after this identity; each page prints it for the next one
    #[arg(long, value_name = "ID", requires = "manager")]
    pub(super) after: Option<String>,
    /// At most this many processes per manager
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = limit())]
    pub(super) limit: usize,
}

/// The process to show.
#[derive(Args)]
pub(crate) struct Show {
    /// The process manager, such as 'Fulfilment'
    pub(super) manager: String,
    /// The identity of the process
    pub(super) id: String,
    /// Shows only the first N events
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = limit())]
    pub(super) limit: usize,
}

pub(super) async fn run(command: &Command, app: &App) -> Result {
    let domain = app.existing_domain().await?;
    match command {
        Command::List(options) => app.reply(list(options, &domain).await?),
        Command::Show(options) => app.reply(show(options, &domain).await?),
    }
}

/// The process managers of this name, ignoring case: all without a name.
fn named<'a>(domain: &'a Domain, name: Option<&str>) -> Result<Vec<Manager<'a>>> {
    let mut managers = process_managers(domain);
    let Some(name) = name else { return Ok(managers) };
    let names: Vec<&str> = managers.iter().map(|manager| manager.name).collect();
    let hint = hint(name, &names);
    managers.retain(|manager| manager.name.eq_ignore_ascii_case(name));
    if managers.is_empty() {
        let domain = domain.name();
        return Err(Error::failed(format!("'{domain}' has no process manager '{name}'{hint}")));
    }
    Ok(managers)
}

fn standing(process: &ProcessState) -> &'static str {
    if process.complete { "complete" } else { "under way" }
}

/// The fields on one line: `status "paid", total 3`.
fn fields(process: &ProcessState) -> String {
    let fields = process.state.iter().map(|(name, value)| format!("{name} {value}"));
    fields.collect::<Vec<_>>().join(", ")
}

pub(super) async fn list(options: &List, domain: &Domain) -> Result<Reply<Vec<ProcessState>>> {
    let (mut processes, mut cut) = (Vec::new(), None);
    for manager in named(domain, options.manager.as_deref())? {
        let after = options.after.as_deref();
        let page = manager.processes(domain, options.complete, after, options.limit).await?;
        processes.extend(page.processes);
        if page.is_cut && cut.is_none() {
            cut = processes.last().map(|last: &ProcessState| (last.manager, last.id.clone()));
        }
    }
    let mut table = Table::new().text("Manager").text("Process").text("State");
    for process in &processes {
        table.row([process.manager.to_owned(), process.id.clone(), fields(process)]);
    }
    let what = if options.complete { "complete" } else { "under way" };
    let text = match (cut, processes.is_empty()) {
        (_, true) => format!("No process is {what}."),
        (Some((manager, id)), _) => format!(
            "{table}\n\nThere are more: --limit, or 'processes list {manager} --after {id}'"
        ),
        (None, _) => table.to_string(),
    };
    Ok(Reply::new(processes, text).about(domain))
}

/// The JSON of a process with what it has taken.
#[derive(Serialize)]
struct History<'a> {
    #[serde(flatten)]
    process: &'a ProcessState,
    /// When its timers are due; null for one that is in the log already.
    timers_due: BTreeMap<&'a str, Option<String>>,
    events: Vec<Shown<'a>>,
}

pub(super) async fn show(options: &Show, domain: &Domain) -> Result<Reply<Box<RawValue>>> {
    let store = domain.store().await?;
    let manager = &named(domain, Some(&options.manager))?[0];
    let stream = manager.category.stream(&Id::from(options.id.as_str()));
    let events = store.stream(&stream, 0, options.limit).await?;
    let Some(process) = manager.process(domain, &options.id).await? else {
        let (name, id) = (manager.name, &options.id);
        let message = format!("{name} has no process '{id}'");
        return Err(match events.len() {
            0 => Error::failed(message).advice(format!("'processes list {name}' shows them")),
            _ => Error::failed(format!(
                "{message}: it has received events, but none that starts a process"
            )),
        });
    };
    let mut table = Table::new().number("Event").text("Time").text("Type").text("Fields");
    for event in &events {
        let message = &event.message;
        table.row([
            event.stream_position.to_string(),
            message.time.to_string(),
            short_type(&message.type_name).to_owned(),
            values(event),
        ]);
    }
    let title = format!("{} {}, {}", process.manager, process.id, standing(&process));
    let state = crate::escape(&fields(&process));
    let timers_due = timers_due(&process, &stream, domain).await?;
    let waits: String = timers_due.iter().map(|(timer, due)| waiting(timer, due)).collect();
    let text = format!("{}\n{state}{waits}\n\n{table}", crate::escape(&title));
    let events = events.iter().map(|event| Shown::new(event, true)).collect();
    // Nothing of it can fail to be JSON.
    let history =
        to_raw_value(&History { process: &process, timers_due, events }).unwrap_or_default();
    Ok(Reply::new(history, text).about(domain))
}

/// When each timer of a process is due.
async fn timers_due<'a>(
    process: &'a ProcessState,
    stream: &Stream,
    domain: &Domain,
) -> Result<BTreeMap<&'a str, Option<String>>> {
    let timers: Vec<_> = process.timers.iter().map(|timer| (stream, timer.as_str())).collect();
    let due = ScheduledMessages::of(domain).timers(&timers).await?;
    let due = due.into_iter().map(|due| due.map(|due| due.to_string()));
    Ok(timers.into_iter().map(|(_, timer)| timer).zip(due).collect())
}

/// A timer on a line of its own.
fn waiting(timer: &str, due: &Option<String>) -> String {
    match due {
        Some(due) => format!("\nTimer {timer}: due {due}"),
        None => format!("\nTimer {timer}: in the log, and not handled yet"),
    }
}
