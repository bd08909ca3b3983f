//! What declares handlers, each with an example that runs.

/// Declares the handler of an aggregate's commands.
///
/// ```
/// use protean::prelude::*;
/// use protean::{aggregate, aggregate_impl, command, command_handler};
///
/// #[command(part_of = Account, returns = Id)]
/// struct OpenAccount {
///     holder: String,
/// }
///
/// #[aggregate(commands(OpenAccount))]
/// struct Account {
///     root: Root<Account>,
///     holder: String,
/// }
///
/// #[aggregate_impl]
/// impl Account {}
///
/// struct AccountCommandHandler;
///
/// #[command_handler(part_of = Account)]
/// impl AccountCommandHandler {
///     #[handle]
///     async fn open(&self, command: OpenAccount, ctx: &Context) -> Handled<Id> {
///         let account = Account { root: Root::new(), holder: command.holder };
///         let id = account.id();
///         ctx.repository::<Account>().add(account).await?;
///         Ok(id)
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let bank = protean::domain("bank")
///     .aggregate::<Account>()
///     .register(AccountCommandHandler)
///     .in_memory()
///     .build()?;
/// let id = bank.process(OpenAccount { holder: "Ada".into() }).synchronous().await?;
/// assert_eq!(bank.repository::<Account>().await?.get(&id).await?.holder, "Ada");
/// # Ok(())
/// # }
/// ```
pub use protean_macros::command_handler;

/// Declares a handler that reacts to events.
///
/// ```
/// use std::sync::{Arc, Mutex};
///
/// use protean::prelude::*;
/// use protean::{aggregate, aggregate_impl, event, event_handler};
///
/// #[event(part_of = Account)]
/// struct AccountOpened {
///     account_id: Id,
/// }
///
/// #[aggregate]
/// struct Account {
///     root: Root<Account>,
/// }
///
/// #[aggregate_impl]
/// impl Account {}
///
/// #[derive(Clone, Default)]
/// struct Mailer {
///     sent: Arc<Mutex<Vec<Id>>>,
/// }
///
/// #[event_handler(part_of = Account)]
/// impl Mailer {
///     #[handle]
///     async fn opened(&self, event: AccountOpened) -> Handled {
///         self.sent.lock().unwrap().push(event.account_id);
///         Ok(())
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let mailer = Mailer::default();
/// let bank = protean::domain("bank")
///     .aggregate::<Account>()
///     .register(mailer.clone())
///     .in_memory()
///     .build()?;
/// bank.unit_of_work(async |ctx| {
///     let mut account = Account { root: Root::with_id("7") };
///     account.raise(AccountOpened { account_id: account.id() })?;
///     ctx.repository::<Account>().add(account).await
/// })
/// .await?;
/// assert_eq!(*mailer.sent.lock().unwrap(), ["7".into()]);
/// # Ok(())
/// # }
/// ```
pub use protean_macros::event_handler;

/// Declares the projector that maintains a projection from events.
///
/// ```
/// use protean::prelude::*;
/// use protean::{aggregate, aggregate_impl, event, projection, projector};
///
/// #[event(part_of = Account)]
/// struct AccountOpened {
///     account_id: Id,
/// }
///
/// #[aggregate]
/// struct Account {
///     root: Root<Account>,
/// }
///
/// #[aggregate_impl]
/// impl Account {}
///
/// #[projection]
/// struct AccountSummary {
///     #[field(identifier)]
///     account_id: Id,
///     #[field(default = 0)]
///     balance: Decimal,
/// }
///
/// struct AccountSummaryProjector;
///
/// #[projector(projection = AccountSummary)]
/// impl AccountSummaryProjector {
///     #[on]
///     async fn opened(&self, event: AccountOpened, ctx: &Context) -> Handled {
///         let summary = AccountSummary { account_id: event.account_id, balance: 0.into() };
///         Ok(ctx.repository::<AccountSummary>().add(summary).await?)
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let bank = protean::domain("bank")
///     .aggregate::<Account>()
///     .register(AccountSummaryProjector)
///     .in_memory()
///     .build()?;
/// bank.unit_of_work(async |ctx| {
///     let mut account = Account { root: Root::with_id("7") };
///     account.raise(AccountOpened { account_id: account.id() })?;
///     ctx.repository::<Account>().add(account).await
/// })
/// .await?;
/// let summaries = bank.repository::<AccountSummary>().await?;
/// assert!(summaries.get(&"7".into()).await?.balance == 0);
/// # Ok(())
/// # }
/// ```
pub use protean_macros::projector;

/// Declares the handler of queries about a projection.
///
/// ```
/// use protean::prelude::*;
/// use protean::{projection, query, query_handler};
///
/// #[projection]
/// #[derive(Debug)]
/// struct AccountSummary {
///     #[field(identifier)]
///     account_id: Id,
///     balance: Decimal,
/// }
///
/// #[query(returns = Vec<AccountSummary>)]
/// struct RichestAccounts {
///     limit: u16,
/// }
///
/// struct Summaries;
///
/// #[query_handler(projection = AccountSummary)]
/// impl Summaries {
///     #[handle]
///     async fn richest(
///         &self,
///         query: RichestAccounts,
///         ctx: &Context,
///     ) -> Handled<Vec<AccountSummary>> {
///         let summaries = ctx.repository::<AccountSummary>().query();
///         let richest = summaries.order_by(AccountSummary::BALANCE.descending());
///         Ok(richest.limit(query.limit.into()).all().await?)
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let bank = protean::domain("bank")
///     .projection::<AccountSummary>()
///     .register(Summaries)
///     .in_memory()
///     .build()?;
/// bank.unit_of_work(async |ctx| {
///     for (id, balance) in [("poor", 1), ("rich", 9)] {
///         let summary = AccountSummary { account_id: id.into(), balance: balance.into() };
///         ctx.repository::<AccountSummary>().add(summary).await?;
///     }
///     Ok(())
/// })
/// .await?;
/// let richest = bank.dispatch(RichestAccounts { limit: 1 }).await?;
/// assert_eq!(richest[0].account_id, "rich".into());
/// # Ok(())
/// # }
/// ```
pub use protean_macros::query_handler;

/// Declares a subscriber: a handler of messages that other systems publish to a stream of a
/// broker.
///
/// ```
/// use protean::prelude::*;
/// use protean::{Payload, subscriber};
///
/// struct PartnerOrders;
///
/// #[subscriber(stream = "external-orders")]
/// impl PartnerOrders {
///     #[handle]
///     async fn ordered(&self, order: Payload) -> Handled {
///         if order.as_str().contains("test") {
///             return Err(Failure::rejected("test orders are not accepted"));
///         }
///         Ok(())
///     }
/// }
///
/// # fn main() {
/// let shop = protean::domain("shop").register(PartnerOrders).in_memory().build().unwrap();
/// assert_eq!(&*shop.groups()[0].name, "shop.PartnerOrders");
/// # }
/// ```
pub use protean_macros::subscriber;

/// What the macros write, by hand:
///
/// ```
/// use protean::prelude::*;
/// use protean::{Handle, Register, Registry, aggregate, aggregate_impl, command};
///
/// # #[command(part_of = Account, returns = Id)]
/// # struct OpenAccount { holder: String }
/// # #[aggregate(commands(OpenAccount))]
/// # struct Account { root: Root<Account>, holder: String }
/// # #[aggregate_impl]
/// # impl Account {}
/// struct AccountCommandHandler;
///
/// impl Handle<OpenAccount> for AccountCommandHandler {
///     async fn handle(&self, command: OpenAccount, ctx: &Context) -> Handled<Id> {
///         let account = Account { root: Root::new(), holder: command.holder };
///         let id = account.id();
///         ctx.repository::<Account>().add(account).await?;
///         Ok(id)
///     }
/// }
///
/// impl Register for AccountCommandHandler {
///     fn register(self, registry: &mut Registry) {
///         registry
///             .command_handler::<Account, _>("AccountCommandHandler", self)
///             .handles::<OpenAccount>();
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let builder = protean::domain("bank").aggregate::<Account>();
/// let bank = builder.register(AccountCommandHandler).in_memory().build()?;
/// let id = bank.process(OpenAccount { holder: "Ada".into() }).synchronous().await?;
/// assert_eq!(bank.repository::<Account>().await?.get(&id).await?.holder, "Ada");
/// # Ok(())
/// # }
/// ```
pub use protean_core::domain::Register;
