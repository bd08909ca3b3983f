//! Idempotency keys: what repeats a command, and what only has its key.

use std::time::Duration;

use protean::prelude::{Context, Decimal, Domain, Id, Result, Root, Timestamp};
use protean::{
    Error, Submission, aggregate, aggregate_impl, command, command_handler, event, value_object,
};

#[value_object]
#[derive(Clone)]
struct Part {
    account: Id,
    amount: Decimal,
}

#[event(part_of = Payment)]
struct Paid {
    total: Decimal,
}

#[command(part_of = Payment, returns = Id)]
#[derive(Clone)]
struct Pay {
    #[field(identifier)]
    payment: Id,
    parts: Vec<Part>,
    at: Timestamp,
    note: Option<String>,
}

#[aggregate(event_sourced, commands(Pay))]
struct Payment {
    root: Root<Payment>,
    total: Decimal,
}

#[aggregate_impl]
impl Payment {
    #[apply]
    fn on_paid(&mut self, event: &Paid) {
        self.total = event.total;
    }
}

struct Payments;

#[command_handler(part_of = Payment)]
impl Payments {
    #[handle]
    async fn pay(&self, command: Pay, context: &Context) -> Result<Id> {
        let mut payment = Payment::create_with(command.payment);
        let mut total = Decimal::ZERO;
        command.parts.iter().for_each(|part| total += part.amount);
        payment.raise(Paid { total })?;
        let id = payment.id();
        context.repository::<Payment>().add(payment).await?;
        Ok(id)
    }
}

fn domain(settings: &str) -> Domain {
    let config = format!("{settings}[databases.default]\nprovider = \"memory\"\n");
    let builder = protean::domain("payments").config(&config).aggregate::<Payment>();
    builder.register(Payments).build().unwrap()
}

/// As a sender makes it for each attempt.
fn pay(domain: &Domain, amount: i64) -> Pay {
    Pay {
        payment: Id::new(),
        parts: vec![Part { account: "a-1".into(), amount: Decimal::from(amount) }],
        at: domain.clock().now(),
        note: None,
    }
}

/// An identity of version 7 that was made at this moment, in milliseconds.
fn uuid_of(millis: i64) -> String {
    let hex = format!("{millis:012x}");
    format!("{}-{}-7000-8000-000000000001", &hex[..8], &hex[8..])
}

fn refused(error: &Error, field: &str) -> String {
    let violations = error.violations().unwrap_or_else(|| panic!("{error}"));
    assert_eq!(violations.iter().map(|(name, _)| name).collect::<Vec<_>>(), [field]);
    violations.get(field)[0].clone()
}

#[tokio::test]
async fn a_command_that_is_made_anew_for_each_attempt_is_the_same_command() {
    let domain = domain("");
    let pay = || pay(&domain, 5);
    let first = domain.process(pay()).idempotency_key("k").synchronous().await.unwrap();
    let again = domain.process(pay()).idempotency_key("k").synchronous().await.unwrap();
    assert_eq!(first, again, "the answer of the first");
    let queued = domain.process(pay()).idempotency_key("q").asynchronous().await.unwrap();
    let again = domain.process(pay()).idempotency_key("q").asynchronous().await.unwrap();
    assert_eq!(queued, again);
}

#[tokio::test]
async fn another_command_with_the_same_key_is_refused_with_both_values() {
    let domain = domain("");
    domain.process(pay(&domain, 5)).idempotency_key("k").synchronous().await.unwrap();
    domain.process(pay(&domain, 5)).idempotency_key("q").asynchronous().await.unwrap();
    for key in ["k", "q"] {
        let other = || domain.process(pay(&domain, 6)).idempotency_key(key);
        for error in
            [other().synchronous().await.unwrap_err(), other().asynchronous().await.unwrap_err()]
        {
            let reason = refused(&error, "parts[0].amount");
            assert!(reason.starts_with("is 6, was 5 in the first"), "{reason}");
            assert!(reason.contains(&format!("'{key}'")), "{reason}");
        }
    }
    let mut noted = pay(&domain, 5);
    noted.note = Some("for the rent".into());
    let error = domain.process(noted).idempotency_key("k").synchronous().await.unwrap_err();
    assert!(refused(&error, "note").contains("was null"), "{error}");
    // Equal amounts are equal however they are written, and long ones to the last digit.
    let exact = |text: &str| {
        let mut command = pay(&domain, 0);
        command.parts[0].amount = text.parse().unwrap();
        domain.process(command).idempotency_key("exact")
    };
    exact("10").synchronous().await.unwrap();
    exact("10.00").synchronous().await.unwrap();
    let long = |text| exact(text).idempotency_key("long");
    long("12345678901234567890.12").synchronous().await.unwrap();
    let error = long("12345678901234567890.13").synchronous().await.unwrap_err();
    refused(&error, "parts[0].amount");
    let mut of_old = pay(&domain, 5);
    of_old.payment = Id::derived("payment", "7");
    let error = domain.process(of_old).idempotency_key("k").synchronous().await.unwrap_err();
    refused(&error, "payment");
    // An identity that was made for something else a while before counts.
    let mut old_id = pay(&domain, 5);
    let hour_ago = uuid_of(domain.clock().now().as_micros() / 1000 - 3_600_000);
    old_id.payment = hour_ago.as_str().into();
    let error = domain.process(old_id).idempotency_key("k").synchronous().await.unwrap_err();
    refused(&error, "payment");
    let mut late = pay(&domain, 5);
    late.at = domain.clock().now() + Duration::from_secs(3600);
    let error = domain.process(late).idempotency_key("k").synchronous().await.unwrap_err();
    refused(&error, "at");
}

#[tokio::test]
async fn a_key_that_tells_nothing_apart_is_refused() {
    let domain = domain("");
    for key in ["", "  ", "null", "N/A", "undefined", "NaN", "-"] {
        let error = domain.process(pay(&domain, 5)).idempotency_key(key).synchronous().await;
        refused(&error.unwrap_err(), "idempotency_key");
    }
    for key in ["0", "N/A-7", "nullable"] {
        domain.process(pay(&domain, 5)).idempotency_key(key).synchronous().await.unwrap();
    }
}

#[tokio::test]
async fn an_import_counts_what_differs_and_changes_nothing() {
    let domain = domain("");
    let rows = |amounts: &[i64]| {
        let numbered = amounts.iter().zip(1..).map(|(amount, line)| {
            let key = format!("row-{line}");
            Submission::new(pay(&domain, *amount)).idempotency_key(key).reference(line)
        });
        numbered.collect::<Vec<_>>()
    };
    let first = domain.process_all(rows(&[1, 2, 3])).await.unwrap();
    assert_eq!((first.accepted, first.duplicate, first.differing), (3, 0, 0));
    let (sender, left_out) = std::sync::mpsc::channel();
    let again = domain.process_all(rows(&[1, 7, 3, 4]));
    let again = again.on_rejected(move |rejection| sender.send(rejection).unwrap()).await.unwrap();
    let counts = (again.accepted, again.duplicate, again.differing, again.rejected);
    assert_eq!((counts, again.total()), ((1, 2, 1, 0), 4));
    let left_out: Vec<_> = left_out.iter().collect();
    let [differing] = &left_out[..] else { panic!("{left_out:?}") };
    assert!(differing.is_differing && differing.reference == 2, "{differing:?}");
    refused(&differing.error, "parts[0].amount");
}

#[tokio::test]
async fn a_permanent_key_outlives_the_others() {
    let domain = domain("[idempotency]\nttl = 0.05\n");
    let pay = || domain.process(pay(&domain, 5));
    let kept = pay().permanent_idempotency_key("kept").synchronous().await.unwrap();
    let gone = pay().idempotency_key("gone").synchronous().await.unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(pay().permanent_idempotency_key("kept").synchronous().await.unwrap(), kept);
    assert_ne!(pay().idempotency_key("gone").synchronous().await.unwrap(), gone);
}
