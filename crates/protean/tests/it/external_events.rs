//! Events of other domains, as this one reads them.

use protean::prelude::{Context, Handled, Id, Result, Root};
use protean::{Domain, DomainBuilder, MessageData, Receive, Register, Registry};
use protean::{
    Payload, aggregate, aggregate_impl, command, command_handler, external_event, subscriber,
};

#[aggregate(commands(File))]
struct Letter {
    root: Root<Letter>,
    text: String,
}

#[aggregate_impl]
impl Letter {}

#[command(part_of = Letter)]
struct File {
    text: String,
}

struct Letters;

#[command_handler(part_of = Letter)]
impl Letters {
    #[handle]
    async fn file(&self, File { text }: File, ctx: &Context) -> Result {
        ctx.repository::<Letter>().add(Letter { root: Root::new(), text }).await
    }
}

/// With names and defaults of this program's own.
#[external_event(name = "Bank.AccountOpened", version = 3, upcast = opened_before)]
struct Opened {
    #[serde(rename = "account_id")]
    account: Id,
    #[field(max_length = 10)]
    holder: String,
    #[field(default = "EUR")]
    currency: String,
}

/// Version 1 had the holder's name in two fields.
fn opened_before(data: &mut MessageData, from: u32) -> Result {
    if from == 1 {
        let [first, last] = ["first", "last"].map(|name| data.get::<String>(name));
        data.set("holder", &[first?.unwrap_or_default(), last?.unwrap_or_default()].join(" "))?;
    }
    Ok(())
}

#[external_event(name = "Bank.AccountClosed")]
struct Closed {
    account_id: Id,
}

struct Clerk;

#[subscriber(stream = "bank::account")]
impl Clerk {
    #[on]
    async fn opened(&self, event: Opened, ctx: &Context) -> Handled {
        let Opened { account, holder, currency } = event;
        ctx.process(File { text: format!("{holder} opened {account} in {currency}") })?;
        Ok(())
    }

    #[on]
    async fn closed(&self, event: Closed, ctx: &Context) -> Handled {
        ctx.process(File { text: format!("{} is closed", event.account_id) })?;
        Ok(())
    }
}

fn office() -> DomainBuilder {
    protean::domain("office").aggregate::<Letter>().register(Letters)
}

fn with_clerk() -> Domain {
    office().register(Clerk).in_memory().build().unwrap()
}

async fn texts(office: &Domain) -> Vec<String> {
    let letters = office.repository::<Letter>().await.unwrap().query().all().await.unwrap();
    let mut texts: Vec<String> = letters.into_iter().map(|letter| letter.text).collect();
    texts.sort_unstable();
    texts
}

/// An entry as another service writes it.
fn entry(type_name: &str, data: &str) -> String {
    format!(
        r#"{{"data": {data}, "metadata": {{"headers": {{"id": "e", "type": "{type_name}",
            "stream": "bank::account-7"}}, "domain": {{"kind": "EVENT"}}}}}}"#
    )
}

#[tokio::test]
async fn each_method_takes_its_event_and_others_are_passed_over() {
    let office = with_clerk();
    for entry in [
        entry("Bank.AccountOpened.v3", r#"{"account_id": "7", "holder": "Ada", "limit": 5}"#),
        entry("Bank.AccountRenamed.v1", r#"{"account_id": "7"}"#),
        entry("Bank.AccountClosed.v1", r#"{"account_id": "7"}"#),
    ] {
        protean::inject_entry(&office, "bank::account", &entry).await.unwrap();
    }
    assert_eq!(texts(&office).await, ["7 is closed", "Ada opened 7 in EUR"]);
}

#[tokio::test]
async fn earlier_versions_are_read_and_newer_ones_refused() {
    let office = with_clerk();
    let first = r#"{"account_id": "7", "first": "Ada", "last": "King"}"#;
    let second = r#"{"account_id": "8", "holder": "Bob", "currency": "GBP"}"#;
    for (version, data) in [(1, first), (2, second)] {
        let entry = entry(&format!("Bank.AccountOpened.v{version}"), data);
        protean::inject_entry(&office, "bank::account", &entry).await.unwrap();
    }
    assert_eq!(texts(&office).await, ["Ada King opened 7 in EUR", "Bob opened 8 in GBP"]);
    for (type_name, data, reason) in [
        ("Bank.AccountOpened.v4", second, "is at version 4, this program reads up to version 3"),
        ("Bank.AccountOpened.v3", r#"{"account_id": "7"}"#, "missing field `holder`"),
        (
            "Bank.AccountOpened.v3",
            r#"{"account_id": "7", "holder": "Augusta Ada King"}"#,
            "at most 10",
        ),
    ] {
        let entry = entry(type_name, data);
        let refused = protean::inject_entry(&office, "bank::account", &entry).await.unwrap_err();
        assert!(format!("{refused:#}").contains(reason), "{refused:#}");
    }
    let plain = protean::inject_entry(&office, "bank::account", r#"{"holder": "Ada"}"#).await;
    let refused = format!("{:#}", plain.unwrap_err());
    assert!(refused.contains("the entry is not an event of a domain"), "{refused}");
}

#[tokio::test]
async fn a_test_publishes_an_event_as_the_other_domain_does() {
    let office = with_clerk();
    let opened = Opened { account: "7".into(), holder: "Ada".into(), currency: "USD".into() };
    protean::inject_event(&office, "bank::account", &opened).await.unwrap();
    assert_eq!(texts(&office).await, ["Ada opened 7 in USD"]);
}

/// Registered by hand, as no macro would.
struct Confused(fn(&mut Registry, Confused));

impl Receive<Closed> for Confused {
    async fn receive(&self, _: Closed, _: &Context) -> Handled {
        Ok(())
    }
}

impl Receive<Payload> for Confused {
    async fn receive(&self, _: Payload, _: &Context) -> Handled {
        Ok(())
    }
}

impl Register for Confused {
    fn register(self, registry: &mut Registry) {
        (self.0)(registry, self);
    }
}

#[test]
fn an_event_has_one_method() {
    let fault = |register: fn(&mut Registry, Confused)| {
        office().register(Confused(register)).build().err().unwrap().to_string()
    };
    let twice = fault(|registry, handler| {
        let routes = registry.subscriber("Confused", handler, "bank::account");
        drop(routes.takes::<Closed>().takes::<Closed>());
    });
    assert_eq!(twice, "Confused takes Bank.AccountClosed twice: remove one");
    let mixed = fault(|registry, handler| {
        let routes = registry.subscriber("Confused", handler, "bank::account");
        drop(routes.receives::<Payload>().takes::<Closed>());
    });
    assert!(mixed.starts_with("Confused takes events and entries of any form"), "{mixed}");
}
