//! Which events other systems see, through the brokers of `outbox.external_brokers`.

use protean::message::Priority;
use protean::{Context, DomainBuilder, Handled, Id, Root};
use protean::{aggregate, aggregate_impl, command, command_handler, event};
use protean_engine::Outbox;
use protean_test_servers::RedisServer;
use serde_json::{Value, json};

use crate::harness::{Harness, On};

/// Kept as rows, so that no `apply` makes its events known.
#[aggregate(commands(Rename), fact_events(published))]
struct Customer {
    root: Root<Customer>,
    name: String,
}

#[aggregate_impl]
impl Customer {}

#[command(part_of = Customer)]
struct Rename {
    #[field(identifier)]
    customer: Id,
    name: String,
}

/// Other systems may see it.
#[event(part_of = Customer, version = 2, name = "Renamed", published)]
struct CustomerRenamed {
    customer: Id,
    name: String,
}

struct Earlier;

impl protean::Upcast for Earlier {
    type Message = CustomerRenamed;
    const FROM: u32 = 1;

    fn upcast(_: &mut protean::MessageData) -> protean::Result {
        Ok(())
    }
}

/// The domain's own business.
#[event(part_of = Customer)]
struct Reviewed {
    customer: Id,
}

struct Customers;

#[command_handler(part_of = Customer)]
impl Customers {
    #[handle]
    async fn rename(&self, command: Rename, ctx: &Context) -> Handled {
        let Rename { customer, name } = command;
        let mut renamed = Customer { root: Root::with_id(customer.clone()), name: name.clone() };
        renamed.raise(Reviewed { customer: customer.clone() })?;
        renamed.raise(CustomerRenamed { customer, name })?;
        Ok(ctx.repository::<Customer>().add(renamed).await?)
    }
}

fn customers(builder: DomainBuilder) -> DomainBuilder {
    let builder = builder.aggregate::<Customer>().register(Customers);
    builder.event::<CustomerRenamed>().upcaster::<Earlier>()
}

fn harness(on: On, partner: &RedisServer) -> Harness {
    let config = format!(
        "[outbox]\ntick_interval = 0.05\nexternal_brokers = ['partner']\n\
         [brokers.partner]\nprovider = 'redis'\nURI = '{}'\n",
        partner.uri()
    );
    Harness::configured(on, &config, customers)
}

fn entries(server: &RedisServer, stream: &str) -> Vec<Value> {
    let shown = server.command(&["XRANGE", stream, "-", "+"]);
    let data = shown.lines().filter(|line| line.starts_with('{'));
    data.map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn rename(number: u32) -> Rename {
    Rename { customer: format!("c{number}").into(), name: format!("Ada {number}") }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis: cargo xtask test"]
async fn other_systems_see_published_events_and_no_others() {
    let partner = RedisServer::start("");
    let harness = harness(On::Streams, &partner);
    // The first one begins the relay at the end of the log.
    harness
        .serve_until(async || {
            harness.domain.process(rename(1)).synchronous().await.unwrap();
            harness.add("t", 1, Priority::NORMAL).await;
            true
        })
        .await;
    for number in 2..12 {
        let sent = harness.domain.process(rename(number));
        sent.priority(Priority::BULK).asynchronous().await.unwrap();
    }
    harness.serve_until(async || entries(&partner, "harness::customer").len() >= 10).await;
    harness.drain().await;
    let sent = entries(&partner, "harness::customer");
    let last = sent.last().unwrap();
    assert!(sent.iter().all(|entry| entry["metadata"]["domain"]["fqn"] == "harness.Renamed"));
    assert_eq!(last["metadata"]["headers"]["type"], "Harness.Renamed.v2");
    assert_eq!(last["metadata"]["domain"]["version"], 2);
    assert_eq!(last["data"]["name"].as_str().unwrap().split(' ').next(), Some("Ada"));
    let facts = entries(&partner, "harness::customer-fact");
    assert!(facts.len() >= 10, "{facts:?}");
    assert_eq!(facts[0]["metadata"]["headers"]["type"], "Harness.CustomerFactEvent.v1");
    let outbox = Outbox::of(&harness.domain).await.unwrap();
    let waiting = async || {
        let statuses = outbox.status().await;
        statuses.iter().find(|status| status.broker == "partner").and_then(|of| of.waiting)
    };
    harness.serve_until(async || waiting().await == Some(0)).await;
    harness.assert_closes().await;
}

#[tokio::test]
async fn a_published_event_that_the_domain_does_not_have_is_refused_with_the_fix() {
    let domain = protean::domain("shop").aggregate::<Customer>().register(Customers);
    let domain = domain.in_memory().build().unwrap();
    let refused = domain.process(rename(1)).synchronous().await.unwrap_err().to_string();
    let expected = "Renamed is published and the domain does not have it, so other systems would \
                    miss it: add `.event::<Renamed>()` to the builder";
    assert!(refused.contains(expected), "{refused}");
}

#[test]
fn an_external_broker_needs_a_published_event() {
    let config = "[server]\ndefault_subscription_type = 'event_store'\n\
                  [outbox]\nexternal_brokers = ['partner']\n\
                  [brokers.partner]\nprovider = 'redis'\nURI = 'redis://h'\n";
    let shop = || protean::domain("shop").config(config).broker_provider(protean_redis::Redis);
    let fault = shop().build().err().unwrap().to_string();
    assert!(fault.contains("write `#[event(…, published)]`"), "{fault}");
    customers(shop()).build().unwrap();
}

#[test]
fn what_the_domain_has_not_published_is_not_in_the_plan() {
    let shop = customers(protean::domain("shop")).build().unwrap();
    let plan = protean_engine::RelayPlan::external(&shop, "partner");
    let published = plan.routes.iter().map(|route| (route.category.as_str(), &route.published));
    let published: Vec<_> = published.map(|(of, names)| json!([of, names])).collect();
    let expected = [
        json!(["shop::customer", ["Renamed"]]),
        json!(["shop::customer-fact", ["CustomerFactEvent"]]),
    ];
    assert_eq!(published, expected);
}
