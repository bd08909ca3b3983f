//! `snapshot`: the state of long streams, kept so that loading them is short.

use std::io::{self, IsTerminal, Write as _};

use clap::{Args, Subcommand};
use protean::domain::{SnapshotPage, Snapshots};
use protean::{Domain, Failure, Id, Priority};
use serde::Serialize;

use super::database::warned;
use crate::{App, Reply, Result, Table, escape, grouped};

/// What to do about snapshots.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Takes a snapshot of each instance that has none of its present version
    #[command(after_help = AFTER_HELP)]
    Create(Options),
}

/// Which instances.
#[derive(Args, Default)]
pub(crate) struct Options {
    /// Only of this aggregate, else of every event-sourced one
    #[arg(long, value_name = "NAME")]
    aggregate: Option<String>,
    /// Only of the instance with this identity
    #[arg(long, value_name = "ID", requires = "aggregate")]
    id: Option<String>,
}

const AFTER_HELP: &str = "\
A server may run meanwhile: the snapshots are written with the priority of bulk
work. Nothing but the time it takes to load an instance changes.

  Taken    instances of which a snapshot was taken
  Present  instances that had one of their present version
  Failed   instances whose events cannot be replayed, or whose state breaks the
           rules of its fields; each is named, and the exit code is 1";

pub(super) async fn run(command: &Command, app: &App) -> Result {
    let Command::Create(options) = command;
    let domain = app.domain()?;
    let found = create(&domain, options, !app.json() && io::stderr().is_terminal()).await?;
    app.reply(warned(reply(found), &domain))
}

/// What came of one aggregate.
#[derive(Debug, PartialEq, Serialize)]
struct Row {
    aggregate: String,
    taken: u64,
    present: u64,
    failed: Vec<Failed>,
}

/// An instance without a snapshot.
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
        let failed = page.faults.into_iter();
        self.failed.extend(failed.map(|(id, reason)| Failed {
            id: id.to_string(),
            reason: Failure::from(reason).to_string(),
        }));
    }

    fn seen(&self) -> u64 {
        self.taken + self.present + self.failed.len() as u64
    }
}

async fn create(domain: &Domain, options: &Options, shown: bool) -> Result<Vec<Row>> {
    let snapshots = Snapshots::of(&domain.with_priority(Priority::BULK));
    let names = match &options.aggregate {
        Some(name) => vec![name.as_str()],
        None => snapshots.aggregates(),
    };
    let mut rows = Vec::new();
    for name in names {
        rows.push(match &options.id {
            Some(id) => of_one(&snapshots, name, &Id::from(id.as_str())).await?,
            None => of_all(&snapshots, name, shown).await?,
        });
    }
    Ok(rows)
}

async fn of_one(snapshots: &Snapshots, name: &str, id: &Id) -> Result<Row> {
    let made = snapshots.take_of(name, id).await?;
    Ok(Row { taken: u64::from(made), present: u64::from(!made), ..Row::new(name) })
}

async fn of_all(snapshots: &Snapshots, name: &str, shown: bool) -> Result<Row> {
    let mut row = Row::new(name);
    let mut after = None;
    loop {
        let page = snapshots.take_page(name, after.as_ref()).await?;
        after.clone_from(&page.last);
        row.add(page);
        if shown {
            // A terminal that is gone does not stop the work.
            let _ = write!(io::stderr(), "\r{}: {} instances", escape(name), grouped(row.seen()));
        }
        if after.is_none() {
            break;
        }
    }
    if shown {
        let _ = writeln!(io::stderr());
    }
    Ok(row)
}

fn reply(rows: Vec<Row>) -> Reply<Data> {
    let table = Table::new().text("Aggregate").number("Taken").number("Present");
    let mut table = table.number("Failed");
    let mut faults = Vec::new();
    for Row { aggregate, taken, present, failed } in &rows {
        let numbers = [*taken, *present, failed.len() as u64].map(grouped);
        table.row([aggregate.clone()].into_iter().chain(numbers));
        faults.extend(
            failed.iter().map(|Failed { id, reason }| format!("{aggregate} '{id}': {reason}")),
        );
    }
    let text = match rows.is_empty() {
        true => "No aggregate is kept as events, so there is nothing to take.".to_owned(),
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
    async fn all_instances_get_one_page_after_page() {
        let domain = bank(501).await;
        let one = Options { aggregate: Some("Account".into()), id: Some("a0007".into()) };
        assert_eq!(create(&domain, &one, false).await.unwrap(), [row(1, 0)]);
        let all = Options::default();
        assert_eq!(create(&domain, &all, false).await.unwrap(), [row(500, 1)]);
        assert_eq!(create(&domain, &all, false).await.unwrap(), [row(0, 501)]);
    }

    #[tokio::test]
    async fn names_that_nobody_has_are_errors() {
        let domain = bank(1).await;
        let unknown = Options { aggregate: Some("Acount".into()), id: None };
        let told = create(&domain, &unknown, false).await.unwrap_err().to_string();
        assert!(told.contains("did you mean 'Account'?"), "{told}");
        let nobody = Options { aggregate: Some("Account".into()), id: Some("x".into()) };
        let told = create(&domain, &nobody, false).await.unwrap_err().to_string();
        assert!(told.contains("no Account has the id 'x'"), "{told}");
    }

    #[test]
    fn who_gets_none_is_named_and_fails() {
        let mut rows = vec![row(2, 1)];
        let page = protean::domain::SnapshotPage {
            faults: vec![(Id::from("7"), Error::failed("the data cannot be read"))],
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
        let told = "Account '7': the data cannot be read";
        assert_eq!(object["diagnostics"][0]["message"], told);
    }
}
