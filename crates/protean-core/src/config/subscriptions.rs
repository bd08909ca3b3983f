//! Which places may say something about a subscription, and which is the strongest.
//!
//! ```text
//! the handler's own fields ▶ its profile ▶ its type       (declared in code)
//!   ▶ [server.subscriptions.HANDLER] ▶ the profile named there
//!   ▶ [server] and the section of the type ▶ the default profile ▶ built in
//! ```

use std::collections::BTreeMap;

use super::fault::Fault;
use super::profile::BUILT_IN;
use super::redact::shown;
use super::section::Section;
use super::subscription::{
    Declared, Ordering, StartFrom, SubscriptionConfig, SubscriptionType, ignore_recovery,
};
use crate::nearest::hint;

/// Everything the file says about subscriptions.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Subscriptions {
    file: String,
    server: Declared,
    stream: Declared,
    event_store: Declared,
    broker: Declared,
    default_profile: Declared,
    fallback: SubscriptionType,
    profiles: BTreeMap<String, Declared>,
    handlers: BTreeMap<String, HandlerSection>,
}

/// `[server.subscriptions.HANDLER]`.
#[derive(Clone, Debug, PartialEq)]
struct HandlerSection {
    settings: Declared,
    path: String,
    line: Option<usize>,
}

impl Subscriptions {
    /// Reads the keys of `[server]`; subscriptions are of type `fallback` unless it says otherwise.
    pub(super) fn read(section: &mut Section<'_>, fallback: SubscriptionType) -> Self {
        let profiles = section.named("profiles", read_profile);
        let names = profile_names(&profiles);
        let default = section.name_of("default_subscription_profile", "profile", &names);
        let default = default.and_then(|name| profile(&profiles, &name));
        let handlers = section.named("subscriptions", |_, handler| {
            let said = handler.name_of("profile", "profile", &names);
            let said = said.and_then(|name| profile(&profiles, &name)).unwrap_or_default();
            HandlerSection::read(handler, said)
        });
        Self {
            file: section.file().to_owned(),
            server: Declared::read_server(section),
            stream: section.section("stream_subscription", Declared::read_stream),
            event_store: section.section("event_store_subscription", Declared::read_event_store),
            broker: section.section("broker_subscription", Declared::read_broker),
            default_profile: default.unwrap_or_default(),
            fallback,
            profiles,
            handlers,
        }
    }

    /// The settings of a handler's subscription.
    pub(super) fn of(&self, handler: &str, declared: &Declared) -> SubscriptionConfig {
        self.resolved(self.said(handler, declared))
    }

    /// The settings of a subscriber: it always reads the log, where each entry of its broker
    /// stream is a stream of its own.
    pub(super) fn of_subscriber(&self, handler: &str, declared: &Declared) -> SubscriptionConfig {
        let fixed = Declared {
            subscription_type: Some(SubscriptionType::EventStore),
            ordering: Some(Ordering::None),
            ..Declared::NONE
        };
        let said = fixed.or(self.said(handler, declared)).or(self.server);
        let said = said.or(self.broker).or(self.default_profile);
        said.over(SubscriptionConfig::built_in(SubscriptionType::EventStore))
    }

    /// The settings of a process manager: it takes the events of a process in their order, and
    /// those that come after it was registered.
    ///
    /// # Errors
    /// The settings and what is wrong, when its own section asks for another order or beginning.
    pub(super) fn of_process_manager(
        &self,
        handler: &str,
        declared: &Declared,
    ) -> Result<SubscriptionConfig, (SubscriptionConfig, String)> {
        let said = self.said(handler, declared);
        let fixed = Declared {
            ordering: Some(Ordering::Stream),
            start_from: Some(StartFrom::Head),
            ..Declared::NONE
        };
        let settings = self.resolved(fixed.or(said));
        let refused = match (said.ordering, said.start_from) {
            (Some(Ordering::None), _) => {
                "it takes the events of each process in their order: remove `ordering`"
            }
            (_, Some(StartFrom::Beginning)) => {
                "it begins with the events that come after its registration: remove `start_from`"
            }
            _ => return Ok(settings),
        };
        Err((settings, format!("the process manager {handler}: {refused}")))
    }

    /// What the code and the file say about this handler alone.
    fn said(&self, handler: &str, declared: &Declared) -> Declared {
        let own = Declared { subscription_type: None, ..*declared };
        let profile = declared.profile.and_then(|name| profile(&self.profiles, name));
        let by_type = Declared { subscription_type: declared.subscription_type, ..Declared::NONE };
        let section = self.handlers.get(handler).map(|handler| handler.settings);
        own.or(profile.unwrap_or_default()).or(by_type).or(section.unwrap_or_default())
    }

    /// The type of a subscription about which neither the code nor a section says anything.
    pub(super) fn default_type(&self) -> SubscriptionType {
        self.wanted_type().unwrap_or(self.fallback)
    }

    /// The type that `[server]` or its default profile asks for.
    pub(super) fn wanted_type(&self) -> Option<SubscriptionType> {
        self.server.or(self.default_profile).subscription_type
    }

    /// A fault for each section whose handler is not among `handlers`.
    pub(super) fn unknown(&self, handlers: &[&str]) -> Vec<Fault> {
        let unknown = |(name, _): &(&String, &HandlerSection)| !handlers.contains(&name.as_str());
        let mut faults: Vec<_> = self
            .handlers
            .iter()
            .filter(unknown)
            .map(|(name, handler)| handler.unknown(&self.file, name, handlers))
            .collect();
        faults.sort_by_key(Fault::line);
        faults
    }

    /// The message when the profile of a handler does not exist.
    pub(super) fn unknown_profile(&self, declared: &Declared) -> Option<String> {
        let (name, known) = (declared.profile?, profile_names(&self.profiles));
        let message = || format!("unknown profile '{}'{}", shown(name), hint(name, &known));
        (!known.contains(&name)).then(message)
    }

    fn resolved(&self, handler: Declared) -> SubscriptionConfig {
        let said = handler.or(self.server).or(self.default_profile).subscription_type;
        let subscription_type = said.unwrap_or(self.fallback);
        let by_type = match subscription_type {
            SubscriptionType::Stream => self.stream,
            SubscriptionType::EventStore => self.event_store,
        };
        let said = handler.or(self.server).or(by_type).or(self.default_profile);
        said.over(SubscriptionConfig::built_in(subscription_type))
    }
}

impl HandlerSection {
    fn read(section: &mut Section<'_>, profile: Declared) -> Self {
        ignore_recovery(section);
        for key in ["dlq_retention_hours", "dlq_alert_threshold"] {
            section.ignored(key, "dead letters are maintained for all handlers; see [server.dlq]");
        }
        Self {
            settings: Declared::read(section).or(profile),
            path: section.path().to_owned(),
            line: section.line(),
        }
    }

    fn unknown(&self, file: &str, name: &str, handlers: &[&str]) -> Fault {
        let message = format!("no handler has this name{}", hint(name, handlers));
        Fault::whole(file, message).at(self.line, None).of(&self.path)
    }
}

fn read_profile(name: &str, section: &mut Section<'_>) -> Declared {
    let built_in = BUILT_IN.map(|profile| profile.name);
    if built_in.contains(&name) {
        section
            .refuse("", format!("is built in; choose another name and set inherits = \"{name}\""));
    }
    let inherits = section.name_of("inherits", "built-in profile", &built_in);
    let inherited = inherits.and_then(|name| profile(&BTreeMap::new(), &name));
    Declared::read(section).or(inherited.unwrap_or_default())
}

fn profile(own: &BTreeMap<String, Declared>, name: &str) -> Option<Declared> {
    let built_in = || BUILT_IN.iter().find(|profile| profile.name == name);
    own.get(name).copied().or_else(|| built_in().map(|profile| profile.settings))
}

fn profile_names(own: &BTreeMap<String, Declared>) -> Vec<&str> {
    BUILT_IN.iter().map(|profile| profile.name).chain(own.keys().map(String::as_str)).collect()
}
