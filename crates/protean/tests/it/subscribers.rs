//! What is declared to take the streams of other systems, and what cannot be built.

use protean::HandlerKind;
use protean::config::{Ordering, StartFrom, SubscriptionType};
use protean::message::{Priority, Recorded};
use protean::port::Find;
use protean::prelude::{Context, Handled, Id, Result, Root};
use protean::{
    Domain, DomainBuilder, Payload, aggregate, aggregate_impl, command, command_handler, subscriber,
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
    #[field(identifier)]
    id: Id,
    text: String,
}

struct LetterCommandHandler;

#[command_handler(part_of = Letter)]
impl LetterCommandHandler {
    #[handle]
    async fn file(&self, File { id, text }: File, ctx: &Context) -> Result {
        ctx.repository::<Letter>().add(Letter { root: Root::with_id(id), text }).await
    }
}

struct Mailroom;

#[subscriber(stream = "post", profile = "fast", start_from = "beginning")]
impl Mailroom {
    #[handle]
    async fn arrived(&self, payload: Payload, ctx: &Context) -> Handled {
        ctx.process(File { id: Id::new(), text: payload.as_str().to_owned() })?;
        Ok(())
    }
}

/// Another one of the same stream.
struct Gatekeeper;

#[subscriber(stream = "post", broker = "partner")]
impl Gatekeeper {
    #[handle]
    fn arrived(&self, _: String) -> Handled {
        Ok(())
    }
}

struct Curious;

#[subscriber(stream = "office::letter")]
impl Curious {
    #[handle]
    async fn arrived(&self, _: Payload) -> Handled {
        Ok(())
    }
}

fn office() -> DomainBuilder {
    protean::domain("office").aggregate::<Letter>().register(LetterCommandHandler)
}

async fn texts(office: &Domain) -> Vec<String> {
    let letters = office.repository::<Letter>().await.unwrap().query().all().await.unwrap();
    letters.into_iter().map(|letter| letter.text).collect()
}

#[tokio::test]
async fn a_payload_reaches_its_subscribers() {
    let office = office().register(Mailroom).in_memory().build().unwrap();
    let odd = r#"{"b":1.0, "a" : [null]}"#;
    protean::inject_entry(&office, "post", odd).await.unwrap();
    assert_eq!(texts(&office).await, [odd]);
}

/// Writes down the metadata and the trace that come with a payload.
struct Postmark;

#[subscriber(stream = "post", start_from = "beginning")]
impl Postmark {
    #[handle]
    async fn arrived(&self, _: Payload, ctx: &Context) -> Handled {
        let trace = ctx.traceparent().map(|of| of.to_string()).unwrap_or_default();
        let text = format!("{} {trace}", ctx.metadata());
        ctx.process(File { id: Id::new(), text })?;
        Ok(())
    }
}

#[tokio::test]
async fn an_envelope_brings_its_metadata_and_priority() {
    let office = office().register(Postmark).in_memory().build().unwrap();
    let (trace, parent) = ("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7");
    let entry = serde_json::json!({
        "data": {},
        "metadata": {
            "domain": {"kind": "EVENT", "priority": -50},
            "headers": {
                "id": "7",
                "stream": "partner::letter-7",
                "type": "Partner.Posted.v1",
                "traceparent": {"trace_id": trace, "parent_id": parent, "sampled": true},
            },
            "extensions": {"tenant": "acme"},
        },
    });
    protean::inject_entry(&office, "post", &entry.to_string()).await.unwrap();
    assert_eq!(texts(&office).await, [format!("tenant=acme 00-{trace}-{parent}-01")]);
    let messages = office.store().await.unwrap().find(Find::first(9)).await.unwrap();
    let tenant = |of: &Recorded| of.message.extensions.metadata.get("tenant").map(str::to_owned);
    // So does what it causes.
    assert_eq!(messages.len(), 2);
    for of in &messages {
        assert_eq!((tenant(of).as_deref(), of.message.priority), (Some("acme"), Priority::LOW));
    }
}

#[test]
fn a_subscriber_reads_the_log_whatever_the_default_is() {
    let config = "
        [server.subscriptions.Mailroom]
        ordering = \"stream\"
        subscription_type = \"stream\"
        max_retries = 9
    ";
    let office = office().register(Mailroom).config(config).build().unwrap();
    let groups = office.groups();
    let group = groups.iter().find(|group| &*group.name == "office.Mailroom").unwrap();
    let subscription = group.subscription;
    assert_eq!(subscription.subscription_type, SubscriptionType::EventStore);
    assert_eq!((subscription.ordering, group.is_ordered()), (Ordering::None, false));
    assert_eq!(subscription.start_from, Some(StartFrom::Beginning));
    assert_eq!(subscription.max_retries, 2, "the profile of the code");
    assert_eq!(group.kind, HandlerKind::Subscriber { broker: "default" });
    assert_eq!(group.category.as_str(), "post");
}

#[track_caller]
fn faults(builder: DomainBuilder, expected: &[&str]) {
    let error = builder.build().err().unwrap();
    let faults = error.faults();
    assert_eq!(faults.len(), expected.len(), "{faults:#?}");
    for (fault, expected) in faults.iter().zip(expected) {
        assert!(fault.contains(expected), "{fault}");
    }
}

#[test]
fn a_broker_that_is_not_configured_is_told() {
    let text = "Gatekeeper reads the stream 'post' of the broker 'partner', which is not \
                configured: add [brokers.partner]; known: 'default'";
    faults(office().register(Gatekeeper), &[text]);
    let partner = "[brokers.partner]\nprovider = \"inline\"\n";
    office().register(Gatekeeper).config(partner).build().unwrap();
}

#[test]
fn streams_that_would_be_mixed_up_are_told() {
    let partner = "[brokers.partner]\nprovider = \"inline\"\n";
    let both = office().register(Mailroom).register(Gatekeeper).config(partner);
    faults(both, &["read streams named 'post' of two brokers"]);
    let text = "Curious reads the stream 'office::letter', which is Letter's own";
    faults(office().register(Curious), &[text]);
}
