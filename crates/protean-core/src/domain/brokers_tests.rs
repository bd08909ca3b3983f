use std::sync::Arc;

use super::DomainBuilder;
use protean_port::Result;
use protean_port::port::{BoxFuture, Broker, BrokerLocation, BrokerProvider};

/// A provider that is never opened.
struct Pubsub;

impl BrokerProvider for Pubsub {
    fn name(&self) -> &'static str {
        "redis_pubsub"
    }

    fn fault(&self, _location: &BrokerLocation) -> Option<String> {
        None
    }

    fn open<'a>(&'a self, _: &'a BrokerLocation) -> BoxFuture<'a, Result<Arc<dyn Broker>>> {
        unreachable!("nothing is opened when a domain is built")
    }
}

fn faults(config: &str) -> Vec<String> {
    let built = DomainBuilder::new("d").config(config).broker_provider(Pubsub).build();
    built.err().map(|error| error.faults().to_vec()).unwrap_or_default()
}

#[test]
fn messages_do_not_go_through_a_broker_that_keeps_nothing() {
    let broker = "[brokers.default]\nprovider = 'redis_pubsub'\nURI = 'redis://h'\n";
    assert_eq!(faults(broker), [""; 0]);
    let found = faults(&format!("enable_outbox = true\n{broker}"));
    let [fault] = &found[..] else { panic!("{found:?}") };
    let expected = "outbox.broker: 'default' is redis_pubsub, which keeps nothing for a reader that is \
                    away: set brokers.default.provider = \"redis\", or list 'default' in \
                    outbox.external_brokers";
    assert!(fault.ends_with(expected), "{fault}");
}

#[test]
fn an_external_broker_is_within_reach_of_others() {
    let inline = "[brokers.partner]\nprovider = 'inline'\n\
                  [outbox]\nexternal_brokers = ['partner']\n";
    let pubsub = inline.replace("'inline'", "'redis_pubsub'\nURI = 'redis://h'");
    let found = faults(&pubsub);
    let [nothing_published] = &found[..] else { panic!("{found:?}") };
    let expected = "outbox.external_brokers: 'partner' gets only published events, and the domain \
                    has none: write `#[event(…, published)]` above each event that other systems \
                    may see";
    assert!(nothing_published.ends_with(expected), "{nothing_published}");
    let found = faults(inline);
    let [fault, _] = &found[..] else { panic!("{found:?}") };
    let expected = "outbox.external_brokers: 'partner' is inline, where others cannot read: \
                    set brokers.partner.provider = \"redis\"";
    assert!(fault.ends_with(expected), "{fault}");
}
