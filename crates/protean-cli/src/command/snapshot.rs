//! `snapshot`: snapshots of long streams, so that loading them is fast.

use std::io::{self, IsTerminal, Write as _};

use clap::{Args, Subcommand};
use protean::{Domain, Failure, Id, Priority};
use protean::{SnapshotPage, Snapshots};
use serde::Serialize;

use crate::{App, Reply, Result, Table, escape, grouped};

/// Takes snapshots.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Takes a snapshot of each instance whose snapshot is missing or outdated
    #[command(after_help = AFTER_HELP)]
    Create(Options),
}

/// The instances to take snapshots of.
#[derive(Args, Default)]
pub(crate) struct Options {
    /// Only this aggregate; without it, every event-sourced one
    #[arg(long, value_name = "NAME")]
    aggregate: Option<String>,
    /// Only the instance with this identity
    #[arg(long, value_name = "ID", requires = "aggregate")]
    id: Option<String>,
}

const AFTER_HELP: &str = "\
Safe while a server runs: snapshots are written as bulk work. They only affect how long it
takes to load an instance.

  Taken    instances whose snapshot was taken
  Present  instances with a current snapshot
  Failed   instances whose events cannot be replayed, or whose state breaks the
           rules of its fields; each is listed, and the exit code is 1";

pub(super) async fn run(command: &Command, app: &App) -> Result {
    let Command::Create(options) = command;
    let domain = app.existing_domain().await?;
    let found = create(&domain, options, !app.json() && io::stderr().is_terminal()).await?;
    app.reply(reply(found).about(&domain))
}

/// The JSON of one aggregate.
#[derive(Debug, PartialEq, Serialize)]
struct Row {
    aggregate: String,
    taken: u64,
    present: u64,
    failed: Vec<Failed>,
}

/// The JSON of an instance whose snapshot could not be taken.
#[derive(Debug, PartialEq, Serialize)]
struct Failed {
    id: String,
    reason: String,
}

impl Row {
    fn new(aggregate: &str) -> Self {
        Self { aggregate: aggregate.to_owned(), taken: 0, present: 0, failed: Vec::new() }
    }

    fn add(&mut self, page: SnapshotPage) {
        self.taken += page.made;
        self.present += page.present;
        self.failed.extend(page.faults.into_iter().map(|fault| Failed {
            id: fault.id.to_string(),
            reason: Failure::from(fault.error).to_string(),
        }));
    }

    fn total(&self) -> u64 {
        self.taken + self.present + self.failed.len() as u64
    }
}

async fn create(domain: &Domain, options: &Options, show_progress: bool) -> Result<Vec<Row>> {
    let snapshots = Snapshots::of(&domain.with_priority(Priority::BULK));
    let names = match &options.aggregate {
        Some(name) => vec![name.as_str()],
        None => snapshots.aggregates(),
    };
    let mut rows = Vec::new();
    for name in names {
        rows.push(match &options.id {
            Some(id) => take_one(&snapshots, name, &Id::from(id.as_str())).await?,
            None => take_all(&snapshots, name, show_progress).await?,
        });
    }
    Ok(rows)
}

async fn take_one(snapshots: &Snapshots, name: &str, id: &Id) -> Result<Row> {
    let made = snapshots.take_of(name, id).await?;
    Ok(Row { taken: u64::from(made), present: u64::from(!made), ..Row::new(name) })
}

async fn take_all(snapshots: &Snapshots, name: &str, show_progress: bool) -> Result<Row> {
    let mut row = Row::new(name);
    let mut after = None;
    loop {
        let page = snapshots.take_page(name, after.as_ref()).await?;
        after.clone_from(&page.last);
        row.add(page);
        if show_progress {
            // A closed terminal does not stop the work.
            let _ = write!(io::stderr(), "\r{}: {} instances", escape(name), grouped(row.total()));
        }
        if after.is_none() {
            break;
        }
    }
    if show_progress {
        let _ = writeln!(io::stderr());
    }
    Ok(row)
}

fn reply(rows: Vec<Row>) -> Reply<Data> {
    let mut table =
        Table::new().text("Aggregate").number("Taken").number("Present").number("Failed");
    let mut faults = Vec::new();
    for Row { aggregate, taken, present, failed } in &rows {
        let numbers = [*taken, *present, failed.len() as u64].map(grouped);
        table.row([aggregate.clone()].into_iter().chain(numbers));
        faults.extend(
            failed.iter().map(|Failed { id, reason }| format!("{aggregate} '{id}': {reason}")),
        );
    }
    let text = match rows.is_empty() {
        true => "There is no event-sourced aggregate, so there is nothing to do.".to_owned(),
        false => table.to_string(),
    };
    faults.into_iter().fold(Reply::new(Data { snapshots: rows }, text), Reply::failed)
}

#[derive(Serialize)]
struct Data {
    snapshots: Vec<Row>,
}

#[cfg(test)]
mod tests {
    use protean::{Domain, Error, Id};
    use serde_json::{json, to_value};

    use super::{Failed, Options, Row, create, reply};
    use crate::sample::{OpenAccount, app};

    async fn bank(accounts: usize) -> Domain {
        let domain = app().domain().unwrap();
        for account in 0..accounts {
            let command = OpenAccount { account_id: format!("a{account:04}").into() };
            domain.process(command).synchronous().await.unwrap();
        }
        domain
    }

    fn row(taken: u64, present: u64) -> Row {
        Row { taken, present, ..Row::new("Account") }
    }

    #[tokio::test]
    async fn takes_snapshots_of_all_instances_over_several_pages() {
        let domain = bank(501).await;
        let one = Options { aggregate: Some("Account".into()), id: Some("a0007".into()) };
        assert_eq!(create(&domain, &one, false).await.unwrap(), [row(1, 0)]);
        let all = Options::default();
        assert_eq!(create(&domain, &all, false).await.unwrap(), [row(500, 1)]);
        assert_eq!(create(&domain, &all, false).await.unwrap(), [row(0, 501)]);
    }

    #[tokio::test]
    async fn rejects_unknown_aggregates_and_instances() {
        let domain = bank(1).await;
        let unknown = Options { aggregate: Some("Acount".into()), id: None };
        let message = create(&domain, &unknown, false).await.unwrap_err().to_string();
        assert!(message.contains("did you mean 'Account'?"), "{message}");
        let nobody = Options { aggregate: Some("Account".into()), id: Some("x".into()) };
        let message = create(&domain, &nobody, false).await.unwrap_err().to_string();
        assert!(message.contains("no Account has the id 'x'"), "{message}");
    }

    #[test]
    fn lists_instances_that_failed() {
        let mut rows = vec![row(2, 1)];
        let page = protean::SnapshotPage {
            faults: vec![protean::SnapshotFault {
                id: Id::from("7"),
                error: Error::failed("the data cannot be read"),
            }],
            ..Default::default()
        };
        rows[0].add(page);
        assert_eq!(
            rows[0].failed,
            [Failed { id: "7".into(), reason: "the data cannot be read".into() }]
        );
        let object = to_value(reply(rows).into_envelope()).unwrap();
        let failed = json!([{"id": "7", "reason": "the data cannot be read"}]);
        let expected = json!({"aggregate": "Account", "taken": 2, "present": 1, "failed": failed});
        assert_eq!(
            (&object["status"], &object["data"]["snapshots"][0]),
            (&json!("fail"), &expected)
        );
        let message = "Account '7': the data cannot be read";
        assert_eq!(object["diagnostics"][0]["message"], message);
    }
}
