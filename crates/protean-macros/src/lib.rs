//! The attribute macros of Protean. Each expands to code that one could write by hand:
//! implementations of the public traits of the facade, `::protean`.
//!
//! Every macro keeps its item, even when it finds a fault, so that editors keep working. It
//! reports all faults of an item at once. The facade documents each macro with an example
//! that compiles and runs.

mod aggregate;
mod aggregate_impl;
mod choice;
mod columns;
mod command;
mod constants;
mod default;
mod derives;
mod documentation;
mod entity;
mod event;
mod external_event;
mod fact;
mod faults;
mod field;
mod field_impl;
mod fields;
mod handler;
mod handler_options;
mod index;
mod invariant;
mod kind;
mod method;
mod nearest;
mod newtype;
mod options;
mod part;
mod place;
mod process_manager;
mod process_manager_impl;
mod projection;
mod query;
mod salvage;
mod serde_words;
mod structure;
mod transitions;
mod value_impl;
mod value_object;

use proc_macro::TokenStream;

use faults::Faults;

/// Options of `#[event]`: `part_of = Aggregate`, `name = "…"` (the name in messages, which
/// then survives a renamed struct), `version = 2`, which needs an upcaster
/// (`model::Upcast`) from each earlier version, and `published`: other systems see the event,
/// through the brokers of `outbox.external_brokers`.
///
/// Derives `Clone`, `Debug`, `PartialEq`, `Serialize` and `Deserialize`, unless the struct
/// does. Put it above the struct's other attributes.
#[proc_macro_attribute]
pub fn event(options: TokenStream, item: TokenStream) -> TokenStream {
    expand(options, item, event::expand)
}

/// Options of `#[command]`: those of [`event`], and `returns = Type`, the type that its
/// handler returns.
///
/// The field marked `#[field(identifier)]` holds the identity of the instance. Each field is
/// also a constant, such as `MakeDeposit::AMOUNT`, from which its limits can be read.
#[proc_macro_attribute]
pub fn command(options: TokenStream, item: TokenStream) -> TokenStream {
    expand(options, item, command::expand)
}

/// The option of `#[query]`: `returns = Type`, the type of the answer.
#[proc_macro_attribute]
pub fn query(options: TokenStream, item: TokenStream) -> TokenStream {
    expand(options, item, query::expand)
}

/// Options of `#[aggregate]`:
///
/// * `commands(…)`: the commands that must have a handler when the domain is built
/// * `name = "…"`: the name in messages and tables
/// * `stream_category = "…"`: the category of its streams, instead of domain and aggregate
/// * `event_sourced`: stores the events instead of a row
/// * `fact_events`: raises an event with the whole state after each change. It is declared
///   beside the aggregate as `AccountFactEvent`, with the identity and all fields, and is
///   handled like any other event. Removing an instance raises none. With
///   `fact_events(published)` other systems see it, as those of a published [`event`]
/// * `snapshot_version = 2`: discards older snapshots of an event-sourced aggregate, because
///   its events are applied in another way; changed columns are noticed without it
///
/// Adds `id()` and `raise(event)`. An event-sourced aggregate also gets `create()` and
/// `create_with(id)`, so its fields need defaults. A `#[field(default = …)]` is also a
/// function, such as `Book::default_status()`. Where every other field has an obvious default
/// (texts, numbers, lists, options), there is `Self { title, ..Self::with_defaults() }`. Each
/// field is also a constant, such as `Book::TITLE`, for queries and for reading limits.
#[proc_macro_attribute]
pub fn aggregate(options: TokenStream, item: TokenStream) -> TokenStream {
    expand(options, item, aggregate::expand)
}

/// `#[invariant(pre, …)]` must hold before a change, `#[invariant(post, …)]` after it. Without
/// a message, the method returns a `Result` with the violations.
#[proc_macro_attribute]
pub fn aggregate_impl(options: TokenStream, item: TokenStream) -> TokenStream {
    expand(options, item, aggregate_impl::expand)
}

/// The identity of an entity is its field `id`, or the one marked `#[field(identifier)]`.
#[proc_macro_attribute]
pub fn entity(options: TokenStream, item: TokenStream) -> TokenStream {
    expand(options, item, entity::expand)
}

/// `#[invariant("field" => "message")]` on a method must hold for every entity of the type. Without a
/// message, the method returns a `Result` with the violations.
#[proc_macro_attribute]
pub fn entity_impl(options: TokenStream, item: TokenStream) -> TokenStream {
    expand(options, item, |options, item, faults| {
        value_impl::expand("#[entity_impl]", options, item, faults)
    })
}

/// `#[invariant("field" => "message")]` on a method must hold for every value of the type. Without a
/// message, the method returns a `Result` with the violations.
#[proc_macro_attribute]
pub fn value_object_impl(options: TokenStream, item: TokenStream) -> TokenStream {
    expand(options, item, |options, item, faults| {
        value_impl::expand("#[value_object_impl]", options, item, faults)
    })
}

/// A struct with named fields, an enum without data, or a newtype such as `struct Sku(String)`.
/// JSON and rows hold the inner value of a newtype; write `#[field(…)]` before the inner type.
///
/// `#[serde(rename = "…")]` on a variant changes its name in JSON and in rows.
/// `#[transitions(Draft => [Placed, Cancelled], …)]` below it lists the states that may follow each
/// state. A state that is not listed is final, and any other change breaks a rule of the aggregate.
#[proc_macro_attribute]
pub fn value_object(options: TokenStream, item: TokenStream) -> TokenStream {
    expand(options, item, value_object::expand)
}

/// The option of `#[projection]`: `name = "…"`.
///
/// Each field is also a constant, such as `AccountSummary::BALANCE`, for queries. Defaults are
/// those of a state-stored [`macro@aggregate`].
#[proc_macro_attribute]
pub fn projection(options: TokenStream, item: TokenStream) -> TokenStream {
    expand(options, item, projection::expand)
}

/// Options of `#[command_handler]` beside `part_of`: `profile = "…"`, `ordering = "none"`,
/// `on_dead_letter = "skip"`, `start_from = "head"`, `subscription_type = "…"`.
///
/// A method returns `Handled<T>` or `Result<T>`; the context is optional.
#[proc_macro_attribute]
pub fn command_handler(options: TokenStream, item: TokenStream) -> TokenStream {
    expand(options, item, |options, item, faults| handler::COMMANDS.expand(options, item, faults))
}

/// With `part_of`, every event must belong to that aggregate. `name = "…"` is the name of its
/// subscription, in the database and in `domain.toml`; without it that is the name of the type. A
/// renamed type that keeps its name goes on where it was. The other options are those of
/// [`macro@command_handler`].
#[proc_macro_attribute]
pub fn event_handler(options: TokenStream, item: TokenStream) -> TokenStream {
    expand(options, item, |options, item, faults| handler::EVENTS.expand(options, item, faults))
}

/// `#[handle]` may be written for `#[on]`. Options beside `projection` are those of
/// [`macro@event_handler`].
#[proc_macro_attribute]
pub fn projector(options: TokenStream, item: TokenStream) -> TokenStream {
    expand(options, item, |options, item, faults| handler::PROJECTOR.expand(options, item, faults))
}

/// The option of `#[process_manager]`: `name = "…"`, the name in messages, tables and
/// subscriptions, which then survives a renamed struct.
///
/// Adds `id()`, `complete()`, `is_complete()`, and for timers `remind(timer, delay)`,
/// `remind_at(timer, moment)` and `cancel_timer::<Timer>()`. Fields need defaults, since a process begins with
/// them. Each state is also a fact, declared beside the process manager as `FulfilmentFactEvent`.
#[proc_macro_attribute]
pub fn process_manager(options: TokenStream, item: TokenStream) -> TokenStream {
    expand(options, item, process_manager::expand)
}

/// A timer of a process: an event that the process sets for itself. Options: `part_of`, the process
/// manager, and `name` and `version` as of [`macro@event`].
#[proc_macro_attribute]
pub fn timer(options: TokenStream, item: TokenStream) -> TokenStream {
    expand(options, item, event::expand_timer)
}

/// `#[on(by = field)]` takes an event of the process that the field names: a text or an integer.
/// `#[on(start, by = field)]` also begins the process; `#[on(late, by = field)]` takes what comes
/// after the process was completed; `#[on(timer)]` takes a timer. Options: `profile = "…"`, `on_dead_letter = "skip"`,
/// `subscription_type = "…"`.
///
/// A method returns `Handled` or `Result`; the context is optional.
#[proc_macro_attribute]
pub fn process_manager_impl(options: TokenStream, item: TokenStream) -> TokenStream {
    expand(options, item, process_manager_impl::expand)
}

/// The option of `#[query_handler]`: `projection = Projection`.
#[proc_macro_attribute]
pub fn query_handler(options: TokenStream, item: TokenStream) -> TokenStream {
    expand(options, item, |options, item, faults| handler::QUERIES.expand(options, item, faults))
}

/// Options of `#[external_event]`: `name = "Bank.AccountOpened"`, the type as it is in the stream, and
/// `version = 2` when the struct has the form of that version. A newer version is refused;
/// `upcast = function` brings the fields of an earlier one into this form:
/// `fn(&mut MessageData, from: u32) -> Result`.
#[proc_macro_attribute]
pub fn external_event(options: TokenStream, item: TokenStream) -> TokenStream {
    expand(options, item, external_event::expand)
}

/// Methods with `#[on]` each take an event of another domain, declared with
/// [`macro@external_event`]. Or one method with `#[handle]` takes every entry: as any type that serde
/// can read, or as `Payload`, the JSON unchanged.
///
/// Options beside `stream`: `broker = "…"` for another broker than `[brokers.default]`;
/// `name = "…"`, `profile = "…"`, `start_from = "beginning"`.
#[proc_macro_attribute]
pub fn subscriber(options: TokenStream, item: TokenStream) -> TokenStream {
    expand(options, item, |options, item, faults| handler::SUBSCRIBER.expand(options, item, faults))
}

/// Expands an item. An item that cannot be expanded is kept, with the errors after it.
fn expand(
    options: TokenStream,
    item: TokenStream,
    expand: impl FnOnce(
        proc_macro2::TokenStream,
        proc_macro2::TokenStream,
        &mut Faults,
    ) -> syn::Result<proc_macro2::TokenStream>,
) -> TokenStream {
    let item = proc_macro2::TokenStream::from(item);
    let mut faults = Faults::default();
    let mut expanded = expand(options.into(), item.clone(), &mut faults).unwrap_or_else(|error| {
        faults.push(error);
        salvage::plain(item)
    });
    expanded.extend(faults.into_compile_errors());
    expanded.into()
}
