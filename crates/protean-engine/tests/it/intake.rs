//! Commands that plain programs enqueue with an INSERT.

use std::time::Duration;

use protean::message::Category;
use protean::port::{Find, IntakeEntry};
use protean::prelude::*;
use protean::{
    DomainBuilder, Intake, MessageData, Upcast, aggregate, aggregate_impl, command, command_handler,
};
use protean_engine::{Server, verify};

use crate::harness::{Harness, On, WAIT_LIMIT};

/// Enters a line in a ledger; the first version called the line `text`.
#[command(part_of = Ledger, version = 2)]
pub(crate) struct Enter {
    #[field(identifier)]
    pub(crate) ledger: Id,
    #[field(min_length = 1)]
    pub(crate) line: String,
}

/// The intake does not allow this one.
#[command(part_of = Ledger)]
pub(crate) struct Burn {
    #[field(identifier)]
    ledger: Id,
}

struct FromText;

impl Upcast for FromText {
    type Message = Enter;
    const FROM: u32 = 1;

    fn upcast(data: &mut MessageData) -> Result {
        data.rename("text", "line");
        Ok(())
    }
}

#[aggregate(commands(Enter, Burn))]
pub(crate) struct Ledger {
    root: Root<Ledger>,
    lines: Vec<String>,
}

#[aggregate_impl]
impl Ledger {}

pub(crate) struct Clerk;

#[command_handler(part_of = Ledger)]
impl Clerk {
    #[handle]
    async fn enter(&self, command: Enter, ctx: &Context) -> Handled {
        let ledgers = ctx.repository::<Ledger>();
        let new = || Ledger { root: Root::with_id(command.ledger.clone()), lines: Vec::new() };
        let mut ledger = ledgers.find(&command.ledger).await?.unwrap_or_else(new);
        ledger.lines.push(command.line);
        Ok(ledgers.add(ledger).await?)
    }

    #[handle]
    async fn burn(&self, command: Burn, ctx: &Context) -> Handled {
        let ledgers = ctx.repository::<Ledger>();
        let mut ledger = ledgers.get(&command.ledger).await?;
        ledger.lines.clear();
        Ok(ledgers.add(ledger).await?)
    }
}

/// A domain with ledgers, whose intake is closed.
pub(crate) fn closed(name: &str, config: &str) -> DomainBuilder {
    let domain = protean::domain(name).config(config).aggregate::<Ledger>();
    domain.register(Clerk).upcaster::<FromText>()
}

/// The same domain, whose intake takes `Enter`.
pub(crate) fn office(config: &str) -> Domain {
    closed("office", config).register(Intake::takes::<Enter>()).build().unwrap()
}

pub(crate) async fn lines(office: &Domain, ledger: &str) -> Vec<String> {
    let ledgers = office.repository::<Ledger>().await.unwrap();
    let ledger = ledgers.find(&ledger.into()).await.unwrap();
    ledger.map(|ledger| ledger.lines).unwrap_or_default()
}

pub(crate) async fn serve_until(office: &Domain, done: impl AsyncFn() -> bool) {
    let serving = Server::new(office.clone()).run(async {
        while !done().await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
    tokio::time::timeout(WAIT_LIMIT, serving).await.unwrap().unwrap();
}

/// A row as a program inserts it.
pub(crate) fn row(ledger: &str, line: impl ToString) -> IntakeEntry {
    let line = line.to_string();
    IntakeEntry {
        id: Id::new().into(),
        type_name: "Enter".into(),
        data: serde_json::json!({"ledger": ledger, "line": line}).to_string().into(),
        priority: 0,
        key: None,
        metadata: None,
    }
}

/// Adds one row in a transaction of its own.
pub(crate) async fn add(office: &Domain, row: IntakeEntry) {
    Intake::of(office).add([row]).await.unwrap();
}

async fn is_empty(office: &Domain) -> bool {
    Intake::of(office).waiting(0, 1).await.unwrap().is_empty()
}

async fn is_handled(office: &Domain) -> bool {
    let (store, mut open) = (office.store().await.unwrap(), 0);
    for group in office.groups() {
        let status = store.group_status(&group.name, &group.category).await.unwrap();
        open += status.lag() + status.parked();
    }
    open == 0
}

/// The lines of a ledger in the order of their commands in the log.
pub(crate) async fn logged(office: &Domain, ledger: &str) -> Vec<String> {
    let category = Category::of(office.name(), "Ledger").commands();
    let store = office.store().await.unwrap();
    let commands = store.stream(&category.stream(&ledger.into()), 0, 9_999).await.unwrap();
    let line = |data: &str| {
        let data: serde_json::Value = serde_json::from_str(data).unwrap();
        data["line"].as_str().unwrap().to_owned()
    };
    commands.iter().map(|recorded| line(&recorded.message.data)).collect()
}

/// Serves until no row waits and every command is handled.
pub(crate) async fn settle(office: &Domain) {
    serve_until(office, async || is_empty(office).await && is_handled(office).await).await;
}

/// The data and the reason of each reject.
pub(crate) async fn reasons(office: &Domain) -> Vec<String> {
    let rejects = Intake::of(office).rejects(0, 99).await.unwrap();
    rejects.into_iter().map(|reject| reject.reason).collect()
}

crate::on_every_stack! {
    rows_are_taken_once_and_in_order_by_several_servers
    the_metadata_of_a_row_travels_with_its_command
    rows_of_an_older_version_are_upcast
    bulk_rows_do_not_hold_up_production
}

crate::on! { Sqlite in own_sqlite, Production in own_production: {
    a_program_of_its_own_commits_or_rolls_back
} }

async fn rows_are_taken_once_and_in_order_by_several_servers(on: On) {
    const ROUNDS: usize = 60;
    let harness = Harness::new(on);
    let (one, other) = match on {
        On::Memory => {
            let office = office(harness.settings());
            (office.clone(), office)
        }
        _ => (office(harness.settings()), office(harness.settings())),
    };
    let adding = async {
        for round in 0..ROUNDS {
            let rows = (0..5).map(|step| {
                let priority = if round % 2 == 0 { -100 } else { 0 };
                IntakeEntry { priority, ..row(&format!("l-{}", round % 4), round * 5 + step) }
            });
            Intake::of(&one).add(rows).await.unwrap();
        }
    };
    let count = async || {
        let mut count = 0;
        for ledger in 0..4 {
            count += lines(&one, &format!("l-{ledger}")).await.len();
        }
        count >= ROUNDS * 5
    };
    match on {
        On::Memory => drop(tokio::join!(adding, serve_until(&one, count))),
        _ => drop(tokio::join!(adding, serve_until(&one, count), serve_until(&other, count))),
    }
    for ledger in 0..4 {
        let ledger_id = format!("l-{ledger}");
        let expected = (0..ROUNDS).filter(|round| round % 4 == ledger);
        let expected = expected.flat_map(|round| (0..5).map(move |step| round * 5 + step));
        let expected: Vec<_> = expected.map(|line| line.to_string()).collect();
        assert_eq!(logged(&one, &ledger_id).await, expected);
        assert_eq!(lines(&one, &ledger_id).await.len(), expected.len());
    }
    assert!(is_empty(&one).await);
    assert_eq!(reasons(&one).await, [""; 0]);
    assert!(verify(&one).await.unwrap().closes);
}

async fn the_metadata_of_a_row_travels_with_its_command(on: On) {
    let harness = Harness::new(on);
    let office = office(harness.settings());
    let metadata = Some(r#"{"tenant": "acme"}"#.into());
    add(&office, IntakeEntry { metadata, ..row("a", 1) }).await;
    settle(&office).await;
    let store = office.store().await.unwrap();
    let found = store.find(protean::port::Find::first(9)).await.unwrap();
    assert_eq!(found[0].message.extensions.metadata.get("tenant"), Some("acme"));
}

async fn rows_of_an_older_version_are_upcast(on: On) {
    let harness = Harness::new(on);
    let office = office(harness.settings());
    for (name, field) in
        [("Office.Enter.v1", "text"), ("Enter.v1", "text"), ("Office.Enter", "line")]
    {
        let data = serde_json::json!({"ledger": "a", field: name}).to_string().into();
        let row = IntakeEntry { type_name: name.into(), data, ..row("a", "") };
        add(&office, row).await;
    }
    settle(&office).await;
    assert_eq!(logged(&office, "a").await, ["Office.Enter.v1", "Enter.v1", "Office.Enter"]);
    assert_eq!(reasons(&office).await, [""; 0]);
}

async fn bulk_rows_do_not_hold_up_production(on: On) {
    const BULK: usize = 3_000;
    let harness = Harness::new(on);
    let office = office(harness.settings());
    let rows = (0..BULK)
        .map(|line| IntakeEntry { priority: -100, ..row(&format!("b-{}", line % 50), line) });
    Intake::of(&office).add(rows).await.unwrap();
    let row = row("a", 1);
    let production = row.id.clone();
    add(&office, row).await;
    settle(&office).await;
    let find = Find { correlation_id: Some(production), ..Find::first(1) };
    let found = office.store().await.unwrap().find(find).await.unwrap();
    assert!(found[0].position < 100, "bulk work was taken before it: {}", found[0].position);
    let mut count = 0;
    for ledger in 0..50 {
        let found = logged(&office, &format!("b-{ledger}")).await;
        let numbers: Vec<usize> = found.iter().map(|line| line.parse().unwrap()).collect();
        assert!(numbers.is_sorted(), "{numbers:?}");
        count += numbers.len();
    }
    assert_eq!(count, BULK);
}

async fn a_program_of_its_own_commits_or_rolls_back(on: On) {
    let harness = Harness::new(on);
    let office = office(harness.settings());
    office.store().await.unwrap();
    let data = |line: &str| format!(r#"{{"ledger": "a", "line": "{line}"}}"#);
    let insert = |line: &str| {
        format!("INSERT INTO protean_intake (type, data) VALUES ('Enter', '{}');", data(line))
    };
    for (line, end) in [("1", "COMMIT"), ("2", "ROLLBACK"), ("3", "COMMIT")] {
        let sql = format!("BEGIN; {} {} {end};", insert(line), insert(&format!("{line}'' too")));
        match on {
            On::Sqlite => {
                let file = harness.folder().join("harness.db");
                rusqlite::Connection::open(file).unwrap().execute_batch(&sql).unwrap();
            }
            _ => drop(harness.database().run(&sql)),
        }
    }
    settle(&office).await;
    assert_eq!(logged(&office, "a").await, ["1", "1' too", "3", "3' too"]);
    let store = office.store().await.unwrap();
    let find = Find::first(1);
    let command = store.find(find).await.unwrap().pop().unwrap().message;
    assert_eq!(command.correlation_id, command.id, "it begins a chain of its own");
}

#[tokio::test]
#[ignore = "needs PostgreSQL and Redis: cargo xtask test"]
async fn rows_of_one_transaction_keep_their_order_whatever_their_priorities() {
    let harness = Harness::new(On::Postgres);
    let office = office(harness.settings());
    let with = |line, priority| IntakeEntry { priority, ..row("a", line) };
    let priorities = [-100, 0, -50, -100, -100, 0, 0, -7];
    let rows = priorities.into_iter().zip(0..).map(|(priority, line)| with(line, priority));
    Intake::of(&office).add(rows).await.unwrap();
    settle(&office).await;
    let expected: Vec<String> = (0..priorities.len()).map(|line| line.to_string()).collect();
    assert_eq!(logged(&office, "a").await, expected);
    assert_eq!(lines(&office, "a").await.len(), expected.len());
}

#[tokio::test]
async fn an_intake_that_is_closed_takes_nothing() {
    let harness = Harness::new(On::Memory);
    let office = closed("office", harness.settings()).build().unwrap();
    add(&office, row("a", 1)).await;
    let looks = std::cell::Cell::new(0);
    serve_until(&office, async || {
        looks.set(looks.get() + 1);
        looks.get() > 50
    })
    .await;
    assert_eq!(Intake::of(&office).waiting(0, 9).await.unwrap().len(), 1);
    assert_eq!(reasons(&office).await, [""; 0]);
}
