//! What declares messages and models, each with an example that runs.

/// Declares an event of an aggregate.
///
/// ```
/// use protean::prelude::*;
/// use protean::{aggregate, aggregate_impl, event, model::Event};
///
/// #[event(part_of = Account)]
/// struct DepositMade {
///     account_id: Id,
///     amount: Decimal,
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
/// # fn main() {
/// assert_eq!(DepositMade::NAME, "DepositMade");
/// assert_eq!(DepositMade::VERSION, 1);
/// # }
/// ```
pub use protean_macros::event;

/// Declares an event of another domain, which a [subscriber](macro@crate::subscriber) takes. The
/// struct has the fields that this program needs; others are passed over.
///
/// ```
/// use protean::prelude::*;
/// use protean::{external_event, subscriber};
///
/// #[external_event(name = "Bank.AccountOpened", version = 2)]
/// struct AccountOpened {
///     account_id: Id,
///     holder: String,
///     /// Version 1 had none.
///     #[field(default = "EUR")]
///     currency: String,
/// }
///
/// struct NewCustomers;
///
/// #[subscriber(stream = "bank::account", broker = "partner")]
/// impl NewCustomers {
///     #[on]
///     async fn opened(&self, event: AccountOpened) -> Handled {
///         ensure!(event.currency == "EUR", "currency" => "must be EUR, {} pays in another", event.holder);
///         Ok(())
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let shop = protean::domain("shop")
///     .config("[brokers.partner]\nprovider = \"inline\"\n")
///     .register(NewCustomers)
///     .in_memory()
///     .build()?;
/// let opened = r#"{"account_id": "7", "holder": "Ada", "limit": 100}"#;
/// let entry = format!(
///     r#"{{"data": {opened}, "metadata": {{
///         "headers": {{"id": "e1", "type": "Bank.AccountOpened.v1", "stream": "bank::account-7"}},
///         "domain": {{"kind": "EVENT"}}
///     }}}}"#
/// );
/// protean::inject_entry(&shop, "bank::account", &entry).await?;
/// # Ok(())
/// # }
/// ```
pub use protean_macros::external_event;

/// Declares a command for an aggregate.
///
/// ```
/// use protean::prelude::*;
/// use protean::{aggregate, aggregate_impl, command};
/// use protean::model::{Command, Fields};
///
/// #[command(part_of = Account, returns = Decimal)]
/// struct MakeDeposit {
///     #[field(identifier)]
///     account_id: Id,
///     #[field(min_value = 0.01)]
///     amount: Decimal,
/// }
///
/// #[aggregate(commands(MakeDeposit))]
/// struct Account {
///     root: Root<Account>,
/// }
///
/// #[aggregate_impl]
/// impl Account {}
///
/// # fn main() {
/// let command = MakeDeposit { account_id: "7".into(), amount: 0.into() };
/// assert_eq!(command.instance(), Some("7".into()));
/// assert_eq!(command.check().get("amount").len(), 1);
/// # }
/// ```
pub use protean_macros::command;

/// Declares a query for a [query handler](macro@crate::query_handler).
///
/// ```
/// use protean::{model::Query, query};
///
/// #[query(returns = Vec<String>)]
/// struct RichestAccounts {
///     limit: u32,
/// }
///
/// # fn main() {
/// assert_eq!(RichestAccounts::NAME, "RichestAccounts");
/// # let _ = RichestAccounts { limit: 3 }.limit;
/// # }
/// ```
pub use protean_macros::query;

/// Declares an aggregate. It is stored as a row, or with
/// `#[aggregate(event_sourced)]` as its events.
///
/// ```
/// use protean::prelude::*;
/// use protean::{aggregate, aggregate_impl};
///
/// #[aggregate]
/// struct Book {
///     root: Root<Book>,
///     #[field(max_length = 100)]
///     title: String,
///     #[field(default = 1)]
///     copies: u32,
/// }
///
/// #[aggregate_impl]
/// impl Book {
///     fn new(title: &str) -> Self {
///         Self { title: title.to_owned(), ..Self::with_defaults() }
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let library = protean::domain("library").aggregate::<Book>().in_memory().build()?;
/// library.unit_of_work(async |ctx| ctx.repository::<Book>().add(Book::new("Emma")).await).await?;
/// let books = library.repository::<Book>().await?;
/// assert_eq!(books.query().all().await?[0].copies, 1);
/// assert_eq!(books.query().filter(Book::TITLE.equals("Emma")).count().await?, 1);
/// # Ok(())
/// # }
/// ```
pub use protean_macros::aggregate;

/// Declares the behaviour of an aggregate, on exactly one `impl` block.
///
/// ```
/// use protean::prelude::*;
/// use protean::{aggregate, aggregate_impl, event};
///
/// #[event(part_of = Account)]
/// struct Withdrawn {
///     account_id: Id,
///     amount: Decimal,
/// }
///
/// #[aggregate(event_sourced)]
/// struct Account {
///     root: Root<Account>,
///     #[field(default = 100)]
///     balance: Decimal,
/// }
///
/// #[aggregate_impl]
/// impl Account {
///     fn withdraw(&mut self, amount: Decimal) -> Result {
///         self.raise(Withdrawn { account_id: self.id(), amount })
///     }
///
///     #[invariant(post, "balance" => "balance cannot be negative")]
///     fn balance_is_not_negative(&self) -> bool {
///         self.balance >= 0
///     }
///
///     #[apply]
///     fn on_withdrawn(&mut self, event: &Withdrawn) {
///         self.balance -= event.amount;
///     }
/// }
///
/// # fn main() {
/// let mut account = Account::create();
/// account.withdraw(60.into()).unwrap();
/// assert!(account.balance == 40);
/// assert!(account.withdraw(60.into()).unwrap_err().is_invalid());
/// # }
/// ```
pub use protean_macros::aggregate_impl;

/// Declares an entity: an object with an identity inside an aggregate, in a field of its own, an
/// `Option` or a `Vec`, where [`Children`](crate::Children) finds it by its identity.
///
/// ```
/// use protean::prelude::*;
/// use protean::{aggregate, aggregate_impl, entity};
///
/// #[entity]
/// struct OrderLine {
///     id: Id,
///     #[field(min_value = 1)]
///     quantity: u32,
/// }
///
/// #[aggregate]
/// struct Order {
///     root: Root<Order>,
///     lines: Vec<OrderLine>,
/// }
///
/// #[aggregate_impl]
/// impl Order {}
///
/// # fn main() {
/// use protean::model::Fields;
///
/// let lines = vec![OrderLine { id: "1".into(), quantity: 0 }];
/// let order = Order { root: Root::with_id("7"), lines };
/// assert!(!order.check().is_empty(), "the quantity is too low");
/// # }
/// ```
pub use protean_macros::entity;

/// Declares the invariants of an entity.
///
/// ```
/// use protean::prelude::*;
/// use protean::model::Fields;
/// use protean::{entity, entity_impl};
///
/// #[entity]
/// struct Reservation {
///     id: Id,
///     wanted: u32,
///     reserved: u32,
/// }
///
/// #[entity_impl]
/// impl Reservation {
///     #[invariant("reserved" => "cannot be more than is wanted")]
///     fn is_not_more_than_wanted(&self) -> bool {
///         self.reserved <= self.wanted
///     }
/// }
///
/// # fn main() {
/// let reservation = Reservation { id: "1".into(), wanted: 2, reserved: 3 };
/// assert_eq!(reservation.check().get("reserved"), ["cannot be more than is wanted"]);
/// # }
/// ```
pub use protean_macros::entity_impl;

/// Declares a value object: a struct, stored as columns of its owner; an enum without data,
/// stored as text; or a newtype, stored as its inner value.
///
/// ```
/// use protean::value_object;
/// use protean::model::{Choice, Fields};
///
/// #[value_object]
/// struct Address {
///     #[field(max_length = 100)]
///     street: String,
///     #[field(min_length = 1)]
///     city: String,
/// }
///
/// #[value_object]
/// struct Sku(#[field(min_length = 1, max_length = 20)] String);
///
/// #[value_object]
/// #[transitions(Active => [Closed])]
/// enum Status {
///     Active,
///     #[serde(rename = "closed-for-good")]
///     Closed,
/// }
///
/// # fn main() {
/// assert!(Sku::from("").valid().is_err());
/// assert!(!Status::Closed.can_become(Status::Active));
/// let address = Address { street: "Main Street 1".into(), city: "".into() };
/// assert_eq!(address.check().get("city").len(), 1);
/// assert_eq!(Status::NAMES, ["Active", "closed-for-good"]);
/// # }
/// ```
pub use protean_macros::value_object;

/// Declares the invariants of a value object.
///
/// They are checked when a value becomes part of a message, an aggregate or a row. For a value used
/// elsewhere, call [`valid`](crate::model::Fields::valid).
///
/// ```
/// use protean::model::Fields;
/// use protean::{Date, value_object, value_object_impl};
///
/// #[value_object]
/// struct Period {
///     start: Date,
///     end: Date,
/// }
///
/// #[value_object_impl]
/// impl Period {
///     #[invariant("end" => "must not be before the start")]
///     fn ends_after_its_start(&self) -> bool {
///         self.start <= self.end
///     }
/// }
///
/// # fn main() {
/// let start = Date::new(2027, 1, 31).unwrap();
/// assert!(Period { start, end: start }.valid().is_ok());
/// let error = Period { start, end: start.plus_days(-1) }.valid().unwrap_err();
/// assert_eq!(error.to_string(), "end: must not be before the start");
/// # }
/// ```
pub use protean_macros::value_object_impl;

/// Declares a projection: a read model that a [projector](macro@crate::projector) maintains.
///
/// ```
/// use protean::prelude::*;
/// use protean::{model::Projection, projection};
///
/// #[projection]
/// struct AccountSummary {
///     #[field(identifier)]
///     account_id: Id,
///     #[field(default = 0)]
///     balance: Decimal,
/// }
///
/// # fn main() {
/// let summary = AccountSummary { account_id: "7".into(), ..AccountSummary::with_defaults() };
/// assert_eq!(summary.key(), "7".into());
/// assert!(summary.balance == 0);
/// # }
/// ```
pub use protean_macros::projection;

/// Register it with [`DomainBuilder::upcaster`](crate::DomainBuilder::upcaster).
///
/// ```
/// use protean::prelude::*;
/// use protean::{MessageData, Upcast, aggregate, aggregate_impl, event};
///
/// #[event(part_of = Account, version = 2)]
/// struct DepositMade {
///     account_id: Id,
///     amount: Decimal,
///     currency: String,
/// }
///
/// # #[aggregate]
/// # struct Account { root: Root<Account> }
/// # #[aggregate_impl]
/// # impl Account {}
/// /// Version 1 had a sum without a currency.
/// struct AmountsHaveACurrency;
///
/// impl Upcast for AmountsHaveACurrency {
///     type Message = DepositMade;
///     const FROM: u32 = 1;
///
///     fn upcast(data: &mut MessageData) -> Result {
///         data.rename("sum", "amount");
///         data.set("currency", "GBP")
///     }
/// }
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let mut data: MessageData = serde_json::from_str(r#"{"account_id":"7","sum":5}"#)?;
/// AmountsHaveACurrency::upcast(&mut data)?;
/// let present = r#"{"account_id":"7","amount":5,"currency":"GBP"}"#;
/// assert_eq!(serde_json::to_string(&data)?, present);
/// # Ok(())
/// # }
/// ```
pub use protean_core::model::Upcast;
