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
mod entity;
mod event;
mod fact;
mod faults;
mod field;
mod fields;
mod handler;
mod handler_options;
mod invariant;
mod kind;
mod method;
mod nearest;
mod options;
mod part;
mod place;
mod projection;
mod query;
mod salvage;
mod structure;
mod value_object;

use proc_macro::TokenStream;

use faults::Faults;

/// An event of an aggregate.
///
/// ```ignore
/// #[event(part_of = Account)]
/// pub struct DepositMade {
///     pub account_id: Id,
///     pub amount: Decimal,
/// }
/// ```
///
/// Options: `part_of = Aggregate`, `name = "…"` (the name in messages, which
/// then survives a renamed struct) and `version = 2`, which needs an upcaster
/// (`model::Upcast`) from each version before. Derives `Clone`, `Debug`,
/// `PartialEq`, `Serialize` and `Deserialize`, unless the struct does.
/// Put it above the struct's other attributes.
#[proc_macro_attribute]
pub fn event(options: TokenStream, item: TokenStream) -> TokenStream {
    expand(options, item, event::expand)
}

/// A command for an aggregate.
///
/// ```ignore
/// #[command(part_of = Account, returns = Decimal)]
/// pub struct MakeDeposit {
///     #[field(identifier)]
///     pub account_id: Id,
///     #[field(min_value = 0.01)]
///     pub amount: Decimal,
/// }
/// ```
///
/// Options: those of [`event`], and `returns = Type`, what its handler answers.
/// The field marked `#[field(identifier)]` names the instance the command is for.
/// Each field is a constant, `MakeDeposit::AMOUNT`, that tells its limits.
#[proc_macro_attribute]
pub fn command(options: TokenStream, item: TokenStream) -> TokenStream {
    expand(options, item, command::expand)
}

/// A question to a query handler.
///
/// ```ignore
/// #[query(returns = Vec<AccountSummary>)]
/// pub struct RichestAccounts {
///     pub limit: u32,
/// }
/// ```
#[proc_macro_attribute]
pub fn query(options: TokenStream, item: TokenStream) -> TokenStream {
    expand(options, item, query::expand)
}

/// An aggregate, kept as a row; as its events with `#[aggregate(event_sourced)]`.
///
/// ```ignore
/// #[aggregate(event_sourced, commands(OpenAccount, MakeDeposit))]
/// pub struct Account {
///     root: Root<Account>,
///     #[field(max_length = 100)]
///     holder_name: String,
///     #[field(default = 0)]
///     balance: Decimal,
/// }
/// ```
///
/// Options: `commands(…)`, the commands that must have a handler when the
/// domain is built; `name = "…"`; `stream_category = "…"`, when its streams are
/// not to be named after domain and aggregate; `fact_events`, which tells the
/// whole state after each change as an event of its own. It is declared here as
/// `AccountFactEvent`, with the identity and all fields, and handled like any
/// other event. An instance that is removed tells no fact;
/// `snapshot_version = 2`, for an event-sourced aggregate whose snapshots are
/// worthless because events are applied in another way (changed columns are
/// noticed without it).
///
/// Adds `id()` and `raise(event)`. An event-sourced aggregate also gets
/// `create()` and `create_with(id)`, for which its fields need a default. A
/// `#[field(default = …)]` is also a function, `Book::default_status()`, and
/// where every other field has an obvious default (texts, numbers, lists,
/// options) there is `Self { title, ..Self::with_defaults() }`. Each field is a
/// constant, `Book::TITLE`, for queries and for reading limits.
#[proc_macro_attribute]
pub fn aggregate(options: TokenStream, item: TokenStream) -> TokenStream {
    expand(options, item, aggregate::expand)
}

/// How an aggregate behaves; on exactly one `impl` block of each aggregate.
///
/// ```ignore
/// #[aggregate_impl]
/// impl Account {
///     pub fn deposit(&mut self, amount: Decimal) -> Result {
///         self.raise(DepositMade { account_id: self.id(), amount })
///     }
///
///     #[invariant(post, "balance" => "balance cannot be negative")]
///     fn balance_is_not_negative(&self) -> bool {
///         self.balance >= 0
///     }
///
///     #[apply]
///     fn on_deposit_made(&mut self, event: &DepositMade) {
///         self.balance += event.amount;
///     }
/// }
/// ```
///
/// `#[invariant(pre, …)]` must hold before a change, `#[invariant(post, …)]`
/// after it. Without a message the method returns a `Result` and says itself
/// what is wrong.
#[proc_macro_attribute]
pub fn aggregate_impl(options: TokenStream, item: TokenStream) -> TokenStream {
    expand(options, item, aggregate_impl::expand)
}

/// Something with an identity inside an aggregate, kept in a `Vec` field.
///
/// ```ignore
/// #[entity]
/// pub struct OrderLine {
///     id: Id,
///     #[field(min_value = 1)]
///     quantity: u32,
/// }
/// ```
#[proc_macro_attribute]
pub fn entity(options: TokenStream, item: TokenStream) -> TokenStream {
    expand(options, item, entity::expand)
}

/// A value without an identity: a struct, kept as columns of its owner, or an
/// enum of names, kept as text.
///
/// ```ignore
/// #[value_object]
/// pub struct Address {
///     #[field(max_length = 100)]
///     street: String,
///     city: String,
/// }
///
/// #[value_object]
/// pub enum Status {
///     Active,
///     Closed,
/// }
/// ```
///
/// `#[serde(rename = "…")]` on a variant changes its name everywhere.
#[proc_macro_attribute]
pub fn value_object(options: TokenStream, item: TokenStream) -> TokenStream {
    expand(options, item, value_object::expand)
}

/// A read model, kept by a projector.
///
/// ```ignore
/// #[projection]
/// pub struct AccountSummary {
///     #[field(identifier)]
///     pub account_id: Id,
///     #[field(default = 0)]
///     pub balance: Decimal,
/// }
/// ```
///
/// Options: `name = "…"`. Each field is a constant, `AccountSummary::BALANCE`,
/// for queries. Defaults are as those of a state-stored [`macro@aggregate`].
#[proc_macro_attribute]
pub fn projection(options: TokenStream, item: TokenStream) -> TokenStream {
    expand(options, item, projection::expand)
}

/// Handles the commands of one aggregate.
///
/// ```ignore
/// #[command_handler(part_of = Account)]
/// impl AccountCommandHandler {
///     #[handle]
///     async fn deposit(&self, command: MakeDeposit, ctx: &Context) -> Handled {
///         let mut account = ctx.repository::<Account>().get(&command.account_id).await?;
///         account.deposit(command.amount)?;
///         Ok(ctx.repository::<Account>().add(account).await?)
///     }
/// }
/// ```
///
/// A method returns `Handled<T>` or `Result<T>`; the context may be left out.
/// Options beside `part_of`: `profile = "…"`, `ordering = "none"`,
/// `on_dead_letter = "skip"`, `start_from = "head"`, `subscription_type = "…"`.
#[proc_macro_attribute]
pub fn command_handler(options: TokenStream, item: TokenStream) -> TokenStream {
    expand(options, item, |options, item, faults| handler::COMMANDS.expand(options, item, faults))
}

/// Reacts to events.
///
/// ```ignore
/// #[event_handler(part_of = Account)]
/// impl Mailer {
///     #[handle]
///     async fn deposited(&self, event: DepositMade) -> Handled {
///         Ok(self.client.send(&event.account_id).await?)
///     }
/// }
/// ```
///
/// With `part_of` every event must be of that aggregate. The other options are
/// those of [`macro@command_handler`].
#[proc_macro_attribute]
pub fn event_handler(options: TokenStream, item: TokenStream) -> TokenStream {
    expand(options, item, |options, item, faults| handler::EVENTS.expand(options, item, faults))
}

/// Keeps a projection from events.
///
/// ```ignore
/// #[projector(projection = AccountSummary)]
/// impl AccountSummaryProjector {
///     #[on]
///     async fn opened(&self, event: AccountOpened, ctx: &Context) -> Handled {
///         let summary = AccountSummary { account_id: event.account_id, balance: 0.into() };
///         Ok(ctx.repository::<AccountSummary>().add(summary).await?)
///     }
/// }
/// ```
///
/// `#[handle]` may be written for `#[on]`. The other options are those of
/// [`macro@command_handler`].
#[proc_macro_attribute]
pub fn projector(options: TokenStream, item: TokenStream) -> TokenStream {
    expand(options, item, |options, item, faults| handler::PROJECTOR.expand(options, item, faults))
}

/// Answers queries about a projection.
///
/// ```ignore
/// #[query_handler(projection = AccountSummary)]
/// impl Summaries {
///     #[handle]
///     async fn richest(&self, query: RichestAccounts, ctx: &Context) -> Handled<Vec<AccountSummary>> {
///         let summaries = ctx.repository::<AccountSummary>().query();
///         Ok(summaries.order_by(AccountSummary::BALANCE.descending()).all().await?)
///     }
/// }
/// ```
#[proc_macro_attribute]
pub fn query_handler(options: TokenStream, item: TokenStream) -> TokenStream {
    expand(options, item, |options, item, faults| handler::QUERIES.expand(options, item, faults))
}

/// Takes what other systems put into a broker's stream.
///
/// ```ignore
/// #[subscriber(stream = "external-orders")]
/// impl PartnerOrders {
///     #[handle]
///     async fn ordered(&self, order: PartnerOrder, ctx: &Context) -> Handled {
///         ctx.process(PlaceOrder { order_id: order.reference.into() })?;
///         Ok(())
///     }
/// }
/// ```
///
/// Its one method takes any type that serde can read, or `Payload`, the JSON as it is.
/// Options beside `stream`: `broker = "…"`, another one than `[brokers.default]`;
/// `profile = "…"`, `start_from = "beginning"`.
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
