//! Process managers: how a process takes an event.
//!
//! ```text
//! no process, the event starts one   ─▶ begin ─▶ react ─▶ keep
//! no process, another event          ─▶ ignored
//! a process                          ─▶ react ─▶ keep
//! a complete one                     ─▶ react_late ─▶ keep, or ignored
//! ```
//! The events of a process are copied to its stream as they are committed, so that the order of the
//! stream is that in which it takes them: see [`Correlations`](protean_port::port::Correlations).

use std::any::{TypeId, type_name};
use std::collections::HashMap;
use std::future::Future;
use std::marker::PhantomData;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use protean_port::message::Id;
use protean_port::port::{BoxFuture, Correlated, correlated};

use super::erased::{HandlerInput, HandlerOutput};
use super::failure::{Failure, Handled};
use super::group::HandlerKind;
use super::handle::Register;
use super::registry::{Registration, Registry, Route, Source};
use crate::config::Declared;
use crate::model::{Event, Fields, Lifecycle, MessageType, ProcessManager, Root};
use crate::unit::{Context, Repository, processing_priority};

/// How a process takes an event, while it is under way.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not react to `{E}`",
    note = "add an `async fn` with `#[on(by = …)]` for it to the `#[process_manager_impl]` block"
)]
pub trait React<E: Event>: ProcessManager {
    /// The field of the event that names the process; after it, the names that the field had in
    /// earlier versions of the event. Empty for a timer of the process.
    const BY: &'static [&'static str];

    /// Changes the state and issues commands. All of it commits together, once.
    fn react(&mut self, event: E, context: &Context) -> impl Future<Output = Handled> + Send;
}

/// How a process takes an event that comes after it was completed. Without this, it is ignored.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not react to a late `{E}`",
    note = "add an `async fn` with `#[on(late, by = …)]` for it to the `#[process_manager_impl]` block"
)]
pub trait ReactLate<E: Event>: ProcessManager {
    /// As that of [`React`].
    const BY: &'static [&'static str];

    /// Gives back what has come too late, for example.
    fn react_late(&mut self, event: E, context: &Context) -> impl Future<Output = Handled> + Send;
}

/// A process manager that can be registered. Says which events it takes.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be registered as a process manager",
    note = "put `#[process_manager_impl]` on its `impl` block"
)]
pub trait RegisterProcess: ProcessManager {
    /// Enters the process manager and its events.
    fn register(registry: &mut Registry);
}

/// A process manager, registered like any handler: `.register(Fulfilment::manager())`.
pub struct Manages<P>(PhantomData<fn() -> P>);

impl<P: RegisterProcess> Manages<P> {
    /// That of this type.
    #[expect(clippy::new_without_default, reason = "it is only ever registered")]
    pub fn new() -> Self {
        Self(PhantomData)
    }
}

impl<P: RegisterProcess> Register for Manages<P> {
    fn register(self, registry: &mut Registry) {
        P::register(registry);
    }
}

/// The events that a process manager takes, as it is registered.
pub struct Reactions<'r, P> {
    registration: &'r mut Registration,
    faults: &'r mut Vec<String>,
    reactions: HashMap<TypeId, Arc<Reaction<P>>>,
}

/// What a process does with one event.
struct Reaction<P> {
    by: &'static [&'static str],
    starts: AtomicBool,
    living: OnceLock<Call<P>>,
    late: OnceLock<Call<P>>,
}

type Call<P> = for<'a> fn(&'a mut P, HandlerInput, &'a Context) -> BoxFuture<'a, Handled>;

impl Registry {
    /// A process manager, which is an aggregate of its own.
    pub fn process_manager<P: ProcessManager>(&mut self) -> Reactions<'_, P> {
        self.aggregate::<P>();
        let kind = HandlerKind::Process;
        let Self { registrations, faults, .. } = self;
        let mut registration = Registration::new(P::NAME, type_name::<P>(), kind);
        registration.processes = Some(TypeId::of::<P>());
        registrations.push(registration);
        let last = registrations.len() - 1;
        Reactions { registration: &mut registrations[last], faults, reactions: HashMap::new() }
    }
}

impl<P: ProcessManager> Reactions<'_, P> {
    /// Sets what the code decides: `domain.toml` cannot change it.
    pub fn declare(self, declared: Declared) -> Self {
        self.registration.declared = declared;
        self
    }

    /// Takes events of this type; the first one of a process begins it.
    pub fn starts<E: Event>(mut self) -> Self
    where
        P: React<E>,
    {
        self.reaction::<E>(<P as React<E>>::BY).starts.store(true, Ordering::Relaxed);
        self.on::<E>()
    }

    /// Takes events of this type.
    pub fn on<E: Event>(mut self) -> Self
    where
        P: React<E>,
    {
        let reaction = self.reaction::<E>(<P as React<E>>::BY);
        if reaction.living.set(react::<P, E>).is_err() {
            self.refuse_second::<E>();
        }
        self
    }

    /// Takes events of this type that come after the process was completed.
    pub fn late<E: Event>(mut self) -> Self
    where
        P: ReactLate<E>,
    {
        let reaction = self.reaction::<E>(<P as ReactLate<E>>::BY);
        if reaction.late.set(react_late::<P, E>).is_err() {
            self.refuse_second::<E>();
        }
        self
    }

    fn refuse_second<E: Event>(&mut self) {
        let (process, event) = (P::NAME, E::NAME);
        self.faults.push(format!("{process} reacts to {event} twice: remove one"));
    }

    /// What it does with an event, with the route to it.
    fn reaction<E: Event>(&mut self, by: &'static [&'static str]) -> Arc<Reaction<P>> {
        let (process, event) = (P::NAME, E::NAME);
        if let Some(known) = self.reactions.get(&TypeId::of::<E>()) {
            if known.by != by {
                let (one, other) = (known.by.join("', '"), by.join("', '"));
                self.faults.push(format!(
                    "{process} finds the process of {event} by the fields '{one}' and '{other}', so one \
                     event would belong to two processes: name the same field"
                ));
            }
            return Arc::clone(known);
        }
        let names: Vec<&str> = <E as Fields>::RULES.iter().map(|rules| rules.name).collect();
        if let Some(by) = by.first().filter(|by| !names.contains(by)) {
            self.faults.push(format!(
                "{process} finds the process of {event} by the field '{by}', which {event} does not \
                 have: use one of '{}'",
                names.join("', '")
            ));
        }
        let (starts, living, late) = Default::default();
        let reaction = Arc::new(Reaction { by, starts, living, late });
        self.reactions.insert(TypeId::of::<E>(), Arc::clone(&reaction));
        let of = Arc::clone(&reaction);
        self.registration.routes.push(Route {
            external: None,
            source: Source::of_event::<E>(),
            message: MessageType::event::<E>(),
            by,
            call: Arc::new(move |input, context| {
                let of = Arc::clone(&of);
                Box::pin(async move { take(&of, E::NAME, input, &context).await })
            }),
        });
        reaction
    }
}

fn react<'a, P, E>(
    process: &'a mut P,
    input: HandlerInput,
    context: &'a Context,
) -> BoxFuture<'a, Handled>
where
    P: React<E>,
    E: Event,
{
    Box::pin(async move {
        let event = input.take::<E>(E::NAME, context)?;
        process.react(event, context).await
    })
}

fn react_late<'a, P, E>(
    process: &'a mut P,
    input: HandlerInput,
    context: &'a Context,
) -> BoxFuture<'a, Handled>
where
    P: ReactLate<E>,
    E: Event,
{
    Box::pin(async move {
        let event = input.take::<E>(E::NAME, context)?;
        process.react_late(event, context).await
    })
}

/// Has the process take an event that is in its stream.
async fn take<P: ProcessManager>(
    reaction: &Reaction<P>,
    event: &str,
    input: HandlerInput,
    context: &Context,
) -> Handled<HandlerOutput> {
    let id = process_of(reaction.by, event, &input, context)?;
    let timer =
        reaction.by.is_empty().then(|| context.message().map(|of| &*of.message.id)).flatten();
    let processes: Repository<P> = context.repository();
    let (mut process, call) = match processes.find(&id).await? {
        Some(mut process) => {
            if let Some(timer) = timer
                && !process.root_mut().takes_timer(event, timer)
            {
                return Ok(HandlerOutput::passed_over());
            }
            let is_complete = process.root().lifecycle().is_complete;
            let call = if is_complete { &reaction.late } else { &reaction.living };
            (process, call.get())
        }
        None if reaction.starts.load(Ordering::Relaxed) => {
            let lifecycle = Lifecycle { priority: context.priority(), ..Lifecycle::default() };
            let root = Root::with_id(id).with_lifecycle(lifecycle);
            (P::begin(root), reaction.living.get())
        }
        None => return Ok(HandlerOutput::passed_over()),
    };
    let Some(call) = call else { return Ok(HandlerOutput::passed_over()) };
    let priority = process.root().lifecycle().priority;
    processing_priority(priority, call(&mut process, input, context)).await?;
    processes.add(process).await?;
    Ok(HandlerOutput::new(()))
}

/// The process whose stream an event is in.
///
/// # Errors
/// A rejection when the event, brought to its present version, does not name it.
fn process_of(by: &[&str], event: &str, input: &HandlerInput, context: &Context) -> Handled<Id> {
    let stream = context.message().map(|recorded| Id::from(recorded.message.stream.id()));
    if by.is_empty() {
        // A timer, which the process has set itself.
        return stream.ok_or_else(|| Failure::rejected(format!("{event} is in no stream")));
    }
    let named = match input {
        HandlerInput::Json(json) => correlated(json, by),
        HandlerInput::Value(_) => Correlated::Unknown,
    };
    match (named, stream) {
        (Correlated::To(named), Some(stream)) if named == stream => Ok(named),
        _ => Err(Failure::rejected(format!(
            "{event} does not name its process: its field '{}' is missing, blank, or neither a text \
             nor an integer",
            by.first().copied().unwrap_or_default()
        ))),
    }
}
