//! Where a message is, and why it waits there.

use protean_core::config::SubscriptionType;
use protean_core::domain::{Domain, Standing, Subscriber};
use protean_port::message::Recorded;
use protean_port::port::{Find, Store};
use protean_port::{Error, Result};

use crate::relay::RelayPlan;

/// A message, and where it stands with each handler of its category.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Explanation {
    /// The message.
    pub recorded: Recorded,
    /// The handlers, in the order of the registry.
    pub handlers: Vec<HandlerStanding>,
}

/// Where a message stands with one handler.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct HandlerStanding {
    /// The group, `<domain>.<handler>`.
    pub group: String,
    /// The handler; all their names, when several share a category's commands.
    pub handler: String,
    /// Where the message stands with it.
    pub standing: Standing,
    /// What it waits for before the handler can receive it; `None` when it is in the log
    /// that the handler reads, or published.
    pub unpublished: Option<Unpublished>,
}

/// A message that the relay has not published yet.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Unpublished {
    /// The broker, as `domain.toml` names it.
    pub broker: String,
    /// Where the message stands with the relay.
    pub standing: Standing,
}

/// Says where the message with this id stands, from the store alone: no server and no
/// broker needs to run. Cancel safe: it only reads.
///
/// # Errors
/// [`Error::is_not_found`] when no message has this id; else when the store cannot be read.
pub async fn explain(domain: &Domain, message_id: &str) -> Result<Explanation> {
    let store = domain.store().await?;
    let find = Find { message_id: Some(message_id.into()), ..Find::first(1) };
    let found = store.find(find).await?.pop();
    let recorded = found.ok_or_else(|| Error::not_found("message", message_id))?;
    let (message, now) = (&recorded.message, domain.clock().now());
    let mut handlers = Vec::new();
    for group in domain.groups() {
        if group.category != *message.stream.category() {
            continue;
        }
        let subscriber = Subscriber::of(group, message, domain.lanes());
        let standing = subscriber.standing(&**store, &recorded, now).await?;
        let is_streamed = group.subscription.subscription_type == SubscriptionType::Stream;
        let unpublished = match standing {
            Standing::Waiting(_) if is_streamed => unpublished(domain, &**store, &recorded).await?,
            _ => None,
        };
        let (group, handler) = (group.name.to_string(), group.handler.clone());
        handlers.push(HandlerStanding { group, handler, standing, unpublished });
    }
    Ok(Explanation { recorded, handlers })
}

/// Where the message stands with the relay to the broker that handlers read; `None` once
/// it is published.
async fn unpublished(
    domain: &Domain,
    store: &dyn Store,
    recorded: &Recorded,
) -> Result<Option<Unpublished>> {
    let broker = &domain.config().outbox.broker;
    let relay = Subscriber {
        group: &RelayPlan::of(domain, broker).name,
        category: recorded.message.stream.category(),
        is_ordered: false,
        is_from_beginning: false,
        ignores: false,
        lanes: domain.lanes(),
    };
    Ok(match relay.standing(store, recorded, domain.clock().now()).await? {
        Standing::Settled(_) => None,
        standing => Some(Unpublished { broker: broker.clone(), standing }),
    })
}
