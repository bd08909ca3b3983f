//! `processes`: the processes of process managers, and what each has taken.

use std::collections::BTreeMap;

use clap::{Args, Subcommand};
use protean::config::hint;
use protean::message::{Category, Stream, Table as Rows, Value};
use protean::port::{Operator, RowCondition, RowQuery};
use protean::{Domain, Id, LIFECYCLE_COLUMNS, ScheduledMessages};
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Map, Value as Json};

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

/// A process manager of the domain.
struct Manager<'a> {
    name: &'static str,
    category: &'a Category,
    table: &'a Rows,
}

fn managers(domain: &Domain) -> Vec<Manager<'_>> {
    let declared = domain.catalog().aggregates().filter(|known| known.is_process);
    let manager = declared.filter_map(|known| {
        Some(Manager { name: known.name, category: known.category, table: known.table? })
    });
    manager.collect()
}

/// The process managers of this name, ignoring case: all without a name.
fn named<'a>(domain: &'a Domain, name: Option<&str>) -> Result<Vec<Manager<'a>>> {
    let mut managers = managers(domain);
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

/// The JSON of a process.
#[derive(Serialize)]
pub(super) struct Process {
    manager: &'static str,
    id: String,
    complete: bool,
    /// The priority that it began with.
    priority: i64,
    /// The timers that it has set and that have not come.
    timers: Vec<String>,
    state: Map<String, Json>,
}

impl Process {
    fn read(manager: &Manager<'_>, row: &[Value]) -> Self {
        let columns = manager.table.columns.iter().zip(row);
        let mut state: Map<String, Json> =
            columns.map(|(column, value)| (column.name.clone(), json(value))).collect();
        let mut take = |name: &str| state.remove(name).unwrap_or_default();
        let id = take("id").as_str().unwrap_or_default().to_owned();
        let [priority, complete, timers] = LIFECYCLE_COLUMNS.map(&mut take);
        let priority = priority.as_i64().unwrap_or_default();
        let complete = complete.as_bool().unwrap_or_default();
        let timers = timers.as_object().into_iter().flat_map(Map::keys).cloned().collect();
        Self { manager: manager.name, id, complete, priority, timers, state }
    }

    fn standing(&self) -> &'static str {
        if self.complete { "complete" } else { "under way" }
    }

    /// The fields on one line: `status "paid", total 3`.
    fn fields(&self) -> String {
        let fields = self.state.iter().map(|(name, value)| format!("{name} {value}"));
        fields.collect::<Vec<_>>().join(", ")
    }
}

fn json(value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Bool(truth) => (*truth).into(),
        Value::Integer(number) => (*number).into(),
        Value::Real(number) => (*number).into(),
        Value::Decimal(number) => number.to_string().into(),
        Value::Text(text) => (**text).into(),
        Value::Timestamp(moment) => moment.to_string().into(),
        Value::Date(day) => day.to_string().into(),
        Value::Json(text) => serde_json::from_str(text).unwrap_or_else(|_| (**text).into()),
    }
}

pub(super) async fn list(options: &List, domain: &Domain) -> Result<Reply<Vec<Process>>> {
    let store = domain.store().await?;
    let mut processes = Vec::new();
    let mut cut = None;
    for manager in named(domain, options.manager.as_deref())? {
        let [_, complete, _] = LIFECYCLE_COLUMNS;
        let mut columns = manager.table.columns.iter();
        let Some(at) = columns.position(|column| column.name == complete) else { continue };
        let complete = Value::Bool(options.complete);
        let query = RowQuery {
            condition: RowCondition::compare(at, Operator::Equal, complete),
            after: options.after.as_deref().map(|id| vec![Value::text(id)]),
            limit: Some(options.limit + 1),
            ..RowQuery::default()
        };
        let mut rows = store.query(manager.table, &query).await?;
        let is_cut = rows.len() > options.limit;
        rows.truncate(options.limit);
        let rows = rows.iter().filter_map(|state| state.row.as_ref());
        processes.extend(rows.map(|row| Process::read(&manager, row)));
        if is_cut && cut.is_none() {
            cut = processes.last().map(|last: &Process| (last.manager, last.id.clone()));
        }
    }
    let mut table = Table::new().text("Manager").text("Process").text("State");
    for process in &processes {
        table.row([process.manager.to_owned(), process.id.clone(), process.fields()]);
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
    process: &'a Process,
    /// When its timers are due; null for one that is in the log already.
    timers_due: BTreeMap<&'a str, Option<String>>,
    events: Vec<Shown<'a>>,
}

pub(super) async fn show(options: &Show, domain: &Domain) -> Result<Reply<Box<RawValue>>> {
    let store = domain.store().await?;
    let manager = &named(domain, Some(&options.manager))?[0];
    let stream = manager.category.stream(&Id::from(options.id.as_str()));
    let events = store.stream(&stream, 0, options.limit).await?;
    let state = store.row(manager.table, &options.id).await?;
    let Some(row) = state.row else {
        let (name, id) = (manager.name, &options.id);
        let message = format!("{name} has no process '{id}'");
        return Err(match events.len() {
            0 => Error::failed(message).advice(format!("'processes list {name}' shows them")),
            _ => Error::failed(format!(
                "{message}: it has received events, but none that starts a process"
            )),
        });
    };
    let process = Process::read(manager, &row);
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
    let title = format!("{} {}, {}", process.manager, process.id, process.standing());
    let state = crate::escape(&process.fields());
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
    process: &'a Process,
    stream: &Stream,
    domain: &Domain,
) -> Result<BTreeMap<&'a str, Option<String>>> {
    let mut timers_due = BTreeMap::new();
    for timer in &process.timers {
        let due = ScheduledMessages::of(domain).timer(stream, timer).await?;
        timers_due.insert(timer.as_str(), due.map(|due| due.to_string()));
    }
    Ok(timers_due)
}

/// A timer on a line of its own.
fn waiting(timer: &str, due: &Option<String>) -> String {
    match due {
        Some(due) => format!("\nTimer {timer}: due {due}"),
        None => format!("\nTimer {timer}: in the log, and not handled yet"),
    }
}
