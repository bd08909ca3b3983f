//! What a relay publishes, and to which streams.

use std::collections::BTreeSet;
use std::sync::Arc;

use protean_core::config::{OutboxConfig, PriorityLanes, SubscriptionType};
use protean_core::domain::{Domain, known_ids};
use protean_port::message::{Category, Envelope, Lane, LaneRule, Recorded, Unreadable};
use protean_port::port::{
    BrokerGroup, GroupRegistration, Start, Watched, generation, id_in_generation,
};

use super::page::RouteLane;
use crate::source::names::stream;

/// What a relay publishes, and how.
#[derive(Clone, Debug)]
pub struct RelayPlan {
    /// The relay's name in the ledger: `fidelis.relay:default`.
    pub name: Arc<str>,
    /// The domain whose messages these are.
    pub domain: String,
    /// The broker, as `domain.toml` names it.
    pub broker: String,
    /// The metadata keys that external systems get; `None` for the domain's own broker.
    pub external_metadata: Option<Vec<String>>,
    /// Which priorities are bulk work.
    pub lanes: LaneRule,
    /// The name of the backfill lane, and how many of its messages may lie in the broker.
    pub priority_lanes: PriorityLanes,
    /// Batches, retries, and the interval of polls without a wake-up.
    pub outbox: OutboxConfig,
    /// The categories that are published.
    pub routes: Vec<RelayRoute>,
}

/// A category and the groups that read it.
#[derive(Clone, Debug)]
pub struct RelayRoute {
    /// The category.
    pub category: Category,
    /// The ids of the groups that read its streams.
    pub groups: Vec<Arc<str>>,
    /// The names of the events that other systems get.
    pub published: BTreeSet<&'static str>,
}

impl RelayPlan {
    /// What the groups of a domain need from the broker of this name.
    pub fn of(domain: &Domain, broker: &str) -> Self {
        let mut routes: Vec<RelayRoute> = Vec::new();
        let groups = domain.groups().iter();
        let streams =
            groups.filter(|group| group.subscription.subscription_type == SubscriptionType::Stream);
        for group in streams {
            let (category, name) = (group.category.clone(), known_ids(domain).id(&group.name));
            match routes.iter_mut().find(|route| route.category == category) {
                Some(route) => route.groups.push(name),
                None => {
                    let published = BTreeSet::new();
                    routes.push(RelayRoute { category, groups: vec![name], published });
                }
            }
        }
        Self {
            name: format!("{}{broker}", prefix(domain)).into(),
            domain: domain.name().to_owned(),
            broker: broker.to_owned(),
            external_metadata: None,
            lanes: domain.lanes(),
            priority_lanes: domain.config().server.priority_lanes.clone(),
            outbox: domain.config().outbox.clone(),
            routes,
        }
    }

    /// What other systems get through the broker of this name: published events, in one stream a
    /// category. The relay passes over the others.
    pub fn external(domain: &Domain, broker: &str) -> Self {
        let catalog = domain.catalog();
        let aggregates = catalog.aggregates();
        // Processes are the domain's own business.
        let categories =
            aggregates.filter(|known| !known.is_process).map(|aggregate| aggregate.category);
        let categories = categories.flat_map(|category| [category.clone(), category.facts()]);
        let route = |category| RelayRoute {
            published: catalog.published(&category).collect(),
            category,
            groups: Vec::new(),
        };
        Self {
            external_metadata: Some(domain.config().outbox.external_metadata.clone()),
            lanes: LaneRule::default(),
            routes: categories.map(route).collect(),
            ..Self::of(domain, broker)
        }
    }

    /// Encodes a message of the domain for the broker.
    pub(super) fn envelope(&self, recorded: &Recorded) -> Result<Envelope, Unreadable> {
        match &self.external_metadata {
            None => Envelope::of(recorded, &self.domain),
            Some(keys) => Envelope::external(recorded, &self.domain, keys),
        }
    }

    /// True for a message that the broker gets: other systems get only published events.
    pub(super) fn carries(&self, route: usize, recorded: &Recorded) -> bool {
        self.external_metadata.is_none()
            || self.routes[route].published.contains(recorded.message.name())
    }

    /// How the relay registers in the ledger: at the head of the log. Of the messages
    /// before that, it publishes those that its groups have not settled.
    pub(crate) fn registrations(&self) -> Vec<GroupRegistration> {
        let registration = |route: &RelayRoute| {
            GroupRegistration::new(&*self.name, route.category.clone(), Start::Head)
        };
        self.routes.iter().map(registration).collect()
    }

    /// New messages of each route in one lane.
    pub(super) fn watched(&self, lane: Lane) -> Vec<Watched> {
        let arrivals = self.routes.iter().map(|route| Watched::Arrivals {
            category: route.category.clone(),
            priorities: self.lanes.range(lane),
        });
        arrivals.collect()
    }

    /// The broker stream of one lane of a category.
    pub(super) fn stream(&self, of: RouteLane) -> Arc<str> {
        stream(of.lane, &self.routes[of.route].category, &self.priority_lanes).into()
    }

    /// The suffix of bulk streams, when bulk work has streams of its own.
    pub(super) fn bulk_lane(&self) -> Option<&str> {
        let lanes = self.lanes.lanes();
        lanes.contains(&Lane::Backfill).then_some(self.priority_lanes.backfill_suffix.as_str())
    }

    /// The name of the mark that the broker keeps of a lane.
    pub(super) fn mark(&self, lane: Lane) -> Arc<str> {
        match lane {
            Lane::Primary => Arc::clone(&self.name),
            Lane::Backfill => self.mark_of_lane(&self.priority_lanes.backfill_suffix),
        }
    }

    /// The name of the mark of a backfill lane with this suffix.
    pub(super) fn mark_of_lane(&self, suffix: &str) -> Arc<str> {
        format!("{}:{suffix}", self.name).into()
    }

    /// Every group on its stream of this lane.
    pub(super) fn groups(&self, lane: Lane) -> Vec<BrokerGroup> {
        let routes = self.routes.iter().enumerate();
        let on = |(index, route): (usize, &RelayRoute)| {
            route.on(&self.stream(RouteLane { route: index, lane }))
        };
        routes.flat_map(on).collect()
    }

    /// The groups of earlier generations on the streams of this lane: nobody reads for them any
    /// more.
    pub(super) fn former_groups(&self, lane: Lane) -> Vec<BrokerGroup> {
        let former = |of: BrokerGroup| {
            let earlier = 1..generation(&of.group);
            earlier.map(move |number| BrokerGroup {
                group: id_in_generation(&of.group, number).into(),
                ..of.clone()
            })
        };
        self.groups(lane).into_iter().flat_map(former).collect()
    }

    /// Every group on the bulk streams of a lane with this suffix.
    pub(super) fn groups_of_lane(&self, lane: &str) -> Vec<BrokerGroup> {
        let stream = |route: &RelayRoute| format!("{}:{lane}", route.category).into();
        self.routes.iter().flat_map(|route| route.on(&stream(route))).collect()
    }
}

impl RelayRoute {
    /// Its groups on a stream.
    fn on(&self, stream: &Arc<str>) -> Vec<BrokerGroup> {
        let on =
            |group: &Arc<str>| BrokerGroup { stream: Arc::clone(stream), group: Arc::clone(group) };
        self.groups.iter().map(on).collect()
    }
}

/// What the relays of a server publish.
pub(crate) fn relay_plans(domain: &Domain) -> Vec<RelayPlan> {
    let config = domain.config();
    let own = config.enable_outbox.then(|| RelayPlan::of(domain, &config.outbox.broker));
    let external = config.outbox.external_brokers.iter();
    own.into_iter().chain(external.map(|name| RelayPlan::external(domain, name))).collect()
}

/// The prefix of the names of a domain's relays; the broker's name follows it.
pub(crate) fn prefix(domain: &Domain) -> String {
    format!("{}.relay:", domain.name())
}
