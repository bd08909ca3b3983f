//! What operators read in the log.

use std::process::Output;

use fidelis::account::{MakeDeposit, OpenAccount};
use protean::message::Message;
use protean::port::{Append, Changes, Expect, Find};
use protean::{Decimal, Priority};
use serde_json::{Value, json};

use crate::bank::{Bank, transcript};

/// A bank in which Ada opened an account and paid in twice, the second time in bulk.
pub(crate) async fn busy() -> (Bank, String) {
    let bank = Bank::new();
    let domain = bank.domain();
    let opening = OpenAccount {
        account_number: "T-1".into(),
        holder_name: "Ada\u{1b}[2J".into(),
        opening_deposit: Decimal::new(1001, 2),
    };
    let account_id = domain.process(opening).correlation_id("opening").synchronous().await.unwrap();
    for (priority, amount) in [(Priority::NORMAL, 5), (Priority::BULK, 7)] {
        let (account_id, amount) = (account_id.clone(), Decimal::from(amount));
        let deposit = MakeDeposit { account_id, amount, reference: None };
        let paid = domain.process(deposit).priority(priority).correlation_id("paying");
        paid.synchronous().await.unwrap();
    }
    (bank, account_id.to_string())
}

fn run(bank: &Bank, words: &[&str]) -> Output {
    bank.program().arg("events").args(words).output().unwrap()
}

/// What a command prints that must succeed and say nothing else.
#[track_caller]
fn printed(bank: &Bank, words: &[&str]) -> String {
    let output = run(bank, words);
    assert!(output.status.success() && output.stderr.is_empty(), "{}", transcript(&output));
    String::from_utf8(output.stdout).unwrap()
}

#[track_caller]
pub(crate) fn refused(bank: &Bank, words: &[&str]) -> String {
    let output = run(bank, words);
    assert_eq!(
        (output.status.code(), output.stdout.len()),
        (Some(1), 0),
        "{}",
        transcript(&output)
    );
    String::from_utf8(output.stderr).unwrap()
}

fn data(bank: &Bank, words: &[&str]) -> Value {
    let object = bank.ask(&[&["events"], words].concat());
    assert_eq!(object["status"], "pass");
    object["data"].clone()
}

fn of<'a>(messages: &'a Value, key: &str) -> Vec<&'a Value> {
    messages.as_array().unwrap().iter().map(|message| &message[key]).collect()
}

#[tokio::test]
async fn a_stream_is_read_page_by_page() {
    let (bank, id) = busy().await;
    let stream = format!("fidelis::account-{id}");
    let text = printed(&bank, &["read", &stream, "--limit", "2", "--data"]);
    let lines: Vec<_> = text.lines().collect();
    assert!(lines[0].starts_with("At  Time ") && lines[0].ends_with("Data"), "{text}");
    assert!(lines[1].contains("AccountOpened") && lines[1].contains("\"account_number\":\"T-1\""));
    assert_eq!(lines[3..], ["", "Next page: --from 2"]);
    assert!(!text.contains('\u{1b}'), "{text:?}");
    let page = data(&bank, &["read", &stream, "--from", "2", "--limit", "2"]);
    assert_eq!(
        (&page["next"], of(&page["messages"], "priority")),
        (&Value::Null, vec![&json!(-100)])
    );
    assert_eq!(page["messages"][0]["data"], Value::Null);
}

#[tokio::test]
async fn a_search_finds_what_is_asked_and_goes_on() {
    let (bank, _) = busy().await;
    let types = |words: &[&str]| {
        let page = data(&bank, &[&["search"], words].concat());
        of(&page["messages"], "type").into_iter().cloned().collect::<Vec<_>>()
    };
    assert_eq!(types(&["--type", "AccountOpened"]), ["Fidelis.AccountOpened.v1"]);
    let deposit = "Fidelis.DepositMade.v1";
    assert_eq!(types(&["--category", "fidelis::account", "--correlation", "paying"]), [deposit; 2]);
    assert_eq!(types(&["--newest", "--limit", "1"]), [deposit]);
    assert_eq!(types(&["--until", "2020-01-01T00:00:00Z"]), [""; 0]);
    assert_eq!(types(&["--since", "2020-01-01T00:00:00Z"]).len(), 6);
    let page = data(&bank, &["search", "--limit", "4", "--data"]);
    assert_eq!(
        (&page["next"], &page["messages"][1]["data"]["opening_deposit"]),
        (&json!(4), &json!(10.01))
    );
    assert_eq!(types(&["--after", "4"]).len(), 2);
    assert_eq!(printed(&bank, &["search", "--type", "Nothing"]), "No messages.\n");
    assert!(printed(&bank, &["search", "--limit", "4"]).ends_with("\n\nNext page: --after 4\n"));
}

#[tokio::test]
async fn a_message_is_explained_before_and_after_a_server_has_handled_it() {
    let bank = Bank::new();
    bank.send(0..3, Priority::BULK).await;
    let sent = data(&bank, &["search", "--newest", "--limit", "1"])["messages"][0].clone();
    let id = sent["id"].as_str().unwrap();
    let handler = |id: &str| data(&bank, &["explain", id])["handlers"][0].clone();
    let found = handler(id);
    let place = [&found["state"], &found["lane"], &found["ahead"]];
    assert_eq!(place, [&json!("waiting"), &json!("backfill"), &json!(2)]);
    let text = printed(&bank, &["explain", id]);
    assert!(text.contains("behind 2 messages of the backfill lane"), "{text}");
    let _server = bank.serve();
    bank.await_accounts(3);
    assert_eq!(handler(id)["state"], "handled");
    let unknown = refused(&bank, &["explain", "nobody"]);
    assert!(unknown.contains("no message has the id 'nobody'"), "{unknown}");
}

#[tokio::test]
async fn a_history_tells_what_happened_to_one_account() {
    let (bank, id) = busy().await;
    let text = printed(&bank, &["history", "account", &id]);
    let lines: Vec<_> = text.lines().collect();
    assert!(lines[0].starts_with(&format!("Account {id}, since 20")), "{text}");
    assert!(lines[2].starts_with("Version  Time") && lines[3].trim_start().starts_with("0  20"));
    assert!(lines[4].contains("DepositMade    amount 5, reference null"), "{text}");
    assert_eq!(
        of(&data(&bank, &["history", "Account", &id])["messages"], "stream_position").len(),
        3
    );
}

#[tokio::test]
async fn statistics_count_each_type() {
    let (bank, _) = busy().await;
    let text = printed(&bank, &["stats"]);
    assert!(
        text.contains("fidelis::account:command  MakeDeposit    command         2  "),
        "{text}"
    );
    assert!(text.ends_with("\n\n6 messages.\n"), "{text}");
    let stats = data(&bank, &["stats"]);
    assert_eq!((&stats["total"], &stats["types"][0]["count"]), (&json!(6), &json!(1)));
    let account = json!({"aggregate": "Account", "category": "fidelis::account", "events": 3,
        "facts": 0, "commands": 3});
    assert_eq!(stats["aggregates"], json!([account]));
    assert!(text.contains("\nAccount         3      0         3\n"), "{text}");
    assert_eq!(printed(&Bank::ready(), &["stats"]), "No messages.\n");
}

#[tokio::test]
async fn a_category_is_read_with_what_its_messages_must_have() {
    let (bank, id) = busy().await;
    let page = data(&bank, &["read", "fidelis::account", "--type", "deposit", "--limit", "1"]);
    assert_eq!(of(&page["messages"], "type"), ["Fidelis.DepositMade.v1"]);
    let next = page["next"].to_string();
    let rest = data(&bank, &["read", "fidelis::account", "--type", "deposit", "--from", &next]);
    assert_eq!(
        (of(&rest["messages"], "priority"), &rest["next"]),
        (vec![&json!(-100)], &Value::Null)
    );
    let moment = rest["messages"][0]["time"].as_str().unwrap();
    let since = data(&bank, &["read", "--since", moment, "--type", "DepositMade"]);
    assert_eq!(since["messages"], rest["messages"], "of the whole log");
    let stream = format!("fidelis::account-{id}");
    let until = data(&bank, &["read", &stream, "--until", moment, "--type", "made"]);
    assert_eq!(of(&until["messages"], "priority"), [&json!(0)]);
    let text = printed(&bank, &["read", "fidelis::account:command", "--limit", "1"]);
    assert!(
        text.starts_with("Position  Time ") && text.contains("\n\nNext page: --from "),
        "{text}"
    );
    assert_eq!(printed(&bank, &["read", "--type", "nothing like it"]), "No messages.\n");
}

#[tokio::test]
async fn messages_are_found_by_their_metadata() {
    let (bank, id) = busy().await;
    let deposit = |amount| {
        let (account_id, amount) = (id.as_str().into(), Decimal::from(amount));
        bank.domain().process(MakeDeposit { account_id, amount, reference: None })
    };
    for (amount, user) in [(31, "ada"), (32, "bob")] {
        let paid = deposit(amount).metadata("tenant", "acme").metadata("user", user);
        paid.synchronous().await.unwrap();
    }
    let tenant = ["read", "fidelis::account", "--data", "--metadata", "tenant=acme"];
    let found = data(&bank, &tenant);
    assert_eq!(
        of(&found["messages"], "metadata"),
        [&json!({"tenant": "acme", "user": "ada"}), &json!({"tenant": "acme", "user": "bob"})]
    );
    let text = printed(&bank, &[&tenant[..], &["--metadata", "user=bob"]].concat());
    assert!(text.contains("Metadata") && text.contains("tenant=acme user=bob"), "{text}");
    assert!(!text.contains("user=ada"), "{text}");
    assert_eq!(printed(&bank, &["read", "--metadata", "tenant="]), "No messages.\n");
    let output = run(&bank, &["read", "--metadata", "tenant"]);
    assert_eq!(output.status.code(), Some(2), "{}", transcript(&output));
}

#[tokio::test]
async fn a_trace_draws_what_caused_what() {
    let (bank, id) = busy().await;
    let text = printed(&bank, &["trace", "paying"]);
    let lines: Vec<_> = text.lines().collect();
    assert!(lines[0].starts_with("paying, begun 20") && lines[1].is_empty(), "{text}");
    let command = format!("command MakeDeposit  fidelis::account:command-{id}  ");
    assert!(lines[2].starts_with(&command) && lines[2].ends_with("  → AccountCommandHandler"));
    let event = format!("└─ event DepositMade  fidelis::account-{id}  #1  +0.");
    assert!(
        lines[3].starts_with(&event)
            && lines[3].ends_with("s  → AccountSummaryProjector (waiting)")
    );
    assert!(lines[5].contains("  BULK  → "), "{text}");
    let chain = data(&bank, &["trace", "paying", "--data"]);
    assert_eq!(of(&chain["messages"], "depth"), [0, 1, 0, 1]);
    assert_eq!(
        chain["messages"][1]["handlers"],
        json!([{"handler": "AccountSummaryProjector", "state": "waiting"}])
    );
    assert_eq!(chain["messages"][1]["data"]["amount"], 5);
    // The id of a message leads to its chain as well.
    let message = chain["messages"][3]["id"].as_str().unwrap();
    assert_eq!(printed(&bank, &["trace", message]), text);
    let short = bank.ask(&["events", "trace", "paying", "--limit", "3"]);
    assert_eq!(short["diagnostics"][0]["level"], "warning");
}

#[tokio::test]
async fn an_unknown_name_is_reported_with_the_nearest_one() {
    let (bank, _) = busy().await;
    for (words, why) in [
        (["read", "fidelis::acount-7"], "did you mean 'fidelis::account'?"),
        (
            ["read", "fidelis::account-\u{1b}"],
            "the stream 'fidelis::account-\\u{1b}' has no messages",
        ),
        (["search", "--category=fidelis::acount"], "did you mean 'fidelis::account'?"),
        (["history", "Acount"], "did you mean 'Account'?"),
        (["trace", "nobody"], "no message has the id or the correlation id 'nobody'"),
    ] {
        let id = if words[0] == "history" { &["7"][..] } else { &[] };
        let message = refused(&bank, &[&words, id].concat());
        assert!(message.starts_with("error: ") && message.contains(why), "{message}");
    }
    for words in [["search", "--since=yesterday"], ["search", "--limit=0"]] {
        assert_eq!(run(&bank, &words).status.code(), Some(2));
    }
}

/// Puts an event into the log that this version of the bank cannot read.
async fn leave_an_unreadable_event(bank: &Bank) -> String {
    let domain = bank.domain();
    let store = domain.store().await.unwrap();
    let opened = store.find(Find::first(2)).await.unwrap().swap_remove(1);
    let category = opened.message.stream.category().clone();
    let message = Message {
        id: "old".into(),
        stream: category.stream(&"old".into()),
        data: r#"{"holder":"Ada"}"#.into(),
        ..opened.message
    };
    let type_name = message.type_name.to_string();
    let appends = vec![Append { message, expect: Expect::End }];
    let changes = Changes { appends, ..Changes::new(domain.lanes().lane(Priority::NORMAL)) };
    store.commit([changes].into()).await;
    type_name
}

#[tokio::test]
async fn check_reads_everything_that_is_stored() {
    let (bank, _) = busy().await;
    let text = printed(&bank, &["check"]);
    assert!(text.ends_with("This program can read all of them.\n"), "{text}");
    let found = data(&bank, &["check"]);
    assert_eq!((&found["messages"]["fine"], &found["messages"]["faulty"]), (&json!(6), &json!(0)));
    assert_eq!(bank.ask(&["check", "--data"])["data"]["stored"], found);
    assert_eq!(bank.ask(&["check"])["data"]["stored"], Value::Null);
    let type_name = leave_an_unreadable_event(&bank).await;
    for words in [&["events", "check"][..], &["check", "--data"]] {
        let output = bank.program().args(words).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{}", transcript(&output));
        let fault = String::from_utf8(output.stderr).unwrap();
        let start = format!("error: {type_name}: the data of ");
        assert!(fault.starts_with(&start) && fault.lines().count() == 1, "{fault}");
        assert!(fault.contains("(1 event, old at position 7 in fidelis::account-old)"), "{fault}");
    }
    assert_eq!(bank.ask(&["check"])["status"], "pass", "it reads no data");
}

#[test]
fn check_creates_no_database() {
    let bank = Bank::new();
    for words in [&["events", "check"][..], &["check", "--data"]] {
        let output = bank.program().args(words).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{}", transcript(&output));
        assert!(transcript(&output).contains("nothing was created"), "{}", transcript(&output));
    }
    assert!(!bank.database().exists());
}
