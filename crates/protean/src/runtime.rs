//! The types that run a domain, each with an example that compiles and runs.

/// A domain, wired and ready to use.
///
/// [`process`](crate::Domain::process) handles one command, [`process_all`](crate::Domain::process_all) accepts
/// many, [`dispatch`](crate::Domain::dispatch) answers a query.
///
/// ```
/// # use protean::prelude::*;
/// # use protean::{aggregate, aggregate_impl, command, command_handler};
/// # #[aggregate(commands(AddTask))]
/// # struct Task { root: Root<Task>, title: String }
/// # #[aggregate_impl]
/// # impl Task {}
/// #[command(part_of = Task)]
/// struct AddTask {
///     #[field(identifier)]
///     task_id: Id,
///     #[field(min_length = 1)]
///     title: String,
/// }
/// # struct TaskCommandHandler;
/// # #[command_handler(part_of = Task)]
/// # impl TaskCommandHandler {
/// #     #[handle]
/// #     async fn add(&self, command: AddTask, ctx: &Context) -> Handled {
/// #         let root = Root::with_id(command.task_id);
/// #         Ok(ctx.repository::<Task>().add(Task { root, title: command.title }).await?)
/// #     }
/// # }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let builder = protean::domain("tasks").aggregate::<Task>().register(TaskCommandHandler);
/// let tasks: Domain = builder.in_memory().build()?;
///
/// // One command, handled at once.
/// let command = AddTask { task_id: "1".into(), title: "write".into() };
/// tasks.process(command).synchronous().await?;
/// assert_eq!(tasks.repository::<Task>().await?.get(&"1".into()).await?.title, "write");
///
/// // Many commands, stored in large commits for a server; invalid ones are reported.
/// let titles = ["read", "", "test"].into_iter().enumerate();
/// let commands = titles.map(|(line, title)| AddTask {
///     task_id: format!("import-{line}").into(),
///     title: title.into(),
/// });
/// let progress = tasks.process_all(commands).priority(Priority::BULK).await?;
/// assert_eq!((progress.accepted, progress.rejected), (2, 1));
/// # Ok(())
/// # }
/// ```
pub use protean_core::domain::Domain;

/// Builds a [`Domain`]; [`domain()`](fn@crate::domain) makes one with every provider.
///
/// [`build`](crate::DomainBuilder::build) checks wiring and configuration, and reports all faults at once:
///
/// ```
/// use protean::prelude::*;
/// use protean::{aggregate, aggregate_impl, command};
///
/// #[command(part_of = Task)]
/// struct AddTask {
///     title: String,
/// }
///
/// #[aggregate(commands(AddTask))]
/// struct Task {
///     root: Root<Task>,
/// }
///
/// #[aggregate_impl]
/// impl Task {}
///
/// # fn main() {
/// let settings = "[server]\nhealht = { enabled = false }\n";
/// let error = protean::domain("tasks").config(settings).aggregate::<Task>().build().err().unwrap();
/// assert_eq!(error.faults().len(), 2, "a misspelt key, and a command without a handler");
/// # }
/// ```
pub use protean_core::domain::DomainBuilder;

/// A command that is about to be processed: choose how, then `.await`.
///
/// ```
/// # use protean::prelude::*;
/// # use protean::{aggregate, aggregate_impl, command, command_handler, Processed};
/// # #[aggregate(commands(AddTask))]
/// # struct Task { root: Root<Task> }
/// # #[aggregate_impl]
/// # impl Task {}
/// # #[command(part_of = Task, returns = Id)]
/// # struct AddTask {}
/// # struct TaskCommandHandler;
/// # #[command_handler(part_of = Task)]
/// # impl TaskCommandHandler {
/// #     #[handle]
/// #     async fn add(&self, _: AddTask, ctx: &Context) -> Handled<Id> {
/// #         let task = Task { root: Root::new() };
/// #         let id = task.id();
/// #         ctx.repository::<Task>().add(task).await?;
/// #         Ok(id)
/// #     }
/// # }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let builder = protean::domain("tasks").aggregate::<Task>().register(TaskCommandHandler);
/// # let tasks = builder.in_memory().build()?;
/// // The same idempotency key twice: the second call returns the first one's answer.
/// let add = || tasks.process(AddTask {}).idempotency_key("order-7").synchronous();
/// assert_eq!(add().await?, add().await?);
///
/// // As the configuration says, with a priority of its own.
/// match tasks.process(AddTask {}).priority(Priority::HIGH).await? {
///     Processed::Handled(task_id) => println!("added {task_id}"),
///     Processed::Queued(message_id) => println!("a server will handle {message_id}"),
/// }
/// # Ok(())
/// # }
/// ```
pub use protean_core::domain::Process;

/// The receipt of a command: ask it for the outcome later, or wait to read your own writes.
///
/// ```
/// # use protean::prelude::*;
/// # use protean::{aggregate, aggregate_impl, command, command_handler};
/// # #[aggregate(commands(AddTask))]
/// # struct Task { root: Root<Task> }
/// # #[aggregate_impl]
/// # impl Task {}
/// # #[command(part_of = Task, returns = Id)]
/// # struct AddTask {}
/// # struct TaskCommandHandler;
/// # #[command_handler(part_of = Task)]
/// # impl TaskCommandHandler {
/// #     #[handle]
/// #     async fn add(&self, _: AddTask, ctx: &Context) -> Handled<Id> {
/// #         let task = Task { root: Root::new() };
/// #         let id = task.id();
/// #         ctx.repository::<Task>().add(task).await?;
/// #         Ok(id)
/// #     }
/// # }
/// use protean::{CommandOutcome, Receipt};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let builder = protean::domain("tasks").aggregate::<Task>().register(TaskCommandHandler);
/// # let tasks = builder.in_memory().build()?;
/// let receipt: Receipt<AddTask> = tasks.process(AddTask {}).keep_outcome().receipt().await?;
/// match receipt.outcome().await? {
///     CommandOutcome::Handled(task_id) => println!("added {task_id}"),
///     other => println!("not added: {other:?}"),
/// }
/// # Ok(())
/// # }
/// ```
pub use protean_core::domain::Receipt;

/// A handler's access to repositories and to further commands. Everything that is changed
/// through one context commits together.
///
/// ```
/// use protean::prelude::*;
/// use protean::{aggregate, aggregate_impl, command, command_handler};
///
/// # #[aggregate(commands(CloseOrder))]
/// # struct Order { root: Root<Order>, #[field(default = true)] open: bool }
/// # #[aggregate_impl]
/// # impl Order {}
/// # #[aggregate(commands(WriteInvoice))]
/// # struct Invoice { root: Root<Invoice> }
/// # #[aggregate_impl]
/// # impl Invoice {}
/// # #[command(part_of = Order)]
/// # struct CloseOrder { #[field(identifier)] order_id: Id }
/// # #[command(part_of = Invoice)]
/// # struct WriteInvoice { #[field(identifier)] order_id: Id }
/// struct OrderCommandHandler;
///
/// #[command_handler(part_of = Order)]
/// impl OrderCommandHandler {
///     #[handle]
///     async fn close(&self, command: CloseOrder, ctx: &Context) -> Handled {
///         let orders = ctx.repository::<Order>();
///         let mut order = orders.get(&command.order_id).await?;
///         order.open = false;
///         orders.add(order).await?;
///         // Stored in the same transaction, and handled afterwards.
///         ctx.process(WriteInvoice { order_id: command.order_id })?;
///         Ok(())
///     }
/// }
/// # struct InvoiceCommandHandler;
/// # #[command_handler(part_of = Invoice)]
/// # impl InvoiceCommandHandler {
/// #     #[handle]
/// #     async fn write(&self, command: WriteInvoice, ctx: &Context) -> Handled {
/// #         let root = Root::with_id(command.order_id);
/// #         Ok(ctx.repository::<Invoice>().add(Invoice { root }).await?)
/// #     }
/// # }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let builder = protean::domain("shop").aggregate::<Order>().aggregate::<Invoice>();
/// # let builder = builder.register(OrderCommandHandler).register(InvoiceCommandHandler);
/// # let shop = builder.in_memory().build()?;
/// // The same context outside a handler:
/// shop.unit_of_work(async |ctx| {
///     let order = Order { root: Root::with_id("7"), open: true };
///     ctx.repository::<Order>().add(order).await
/// })
/// .await?;
/// shop.process(CloseOrder { order_id: "7".into() }).synchronous().await?;
/// assert!(shop.repository::<Invoice>().await?.find(&"7".into()).await?.is_some());
/// # Ok(())
/// # }
/// ```
pub use protean_core::domain::Context;

/// Loads and stores instances of one type within a unit of work.
///
/// ```
/// # use protean::prelude::*;
/// # use protean::{aggregate, aggregate_impl};
/// # #[aggregate]
/// # struct Book { root: Root<Book>, copies: u32 }
/// # #[aggregate_impl]
/// # impl Book {}
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let library = protean::domain("library").aggregate::<Book>().in_memory().build()?;
/// let borrowed = library
///     .unit_of_work(async |ctx| {
///         let books = ctx.repository::<Book>();
///         books.add(Book { root: Root::with_id("emma"), copies: 2 }).await?;
///         // The unit sees its own changes.
///         let mut emma = books.get(&"emma".into()).await?;
///         emma.copies -= 1;
///         books.add(emma).await?;
///         Ok(books.find(&"persuasion".into()).await?.is_some())
///     })
///     .await?;
/// assert!(!borrowed);
/// assert_eq!(library.repository::<Book>().await?.get(&"emma".into()).await?.copies, 1);
/// # Ok(())
/// # }
/// ```
pub use protean_core::domain::Repository;

/// A query for rows of a state-stored aggregate or a projection. It sees committed rows.
///
/// ```
/// # use protean::prelude::*;
/// # use protean::{aggregate, aggregate_impl};
/// # #[aggregate]
/// # struct Book { root: Root<Book>, title: String, price: u32 }
/// # #[aggregate_impl]
/// # impl Book {}
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let library = protean::domain("library").aggregate::<Book>().in_memory().build()?;
/// # library.unit_of_work(async |ctx| {
/// #     for (title, price) in [("Emma", 3), ("Persuasion", 4), ("Pamela", 9)] {
/// #         let book = Book { root: Root::new(), title: title.into(), price };
/// #         ctx.repository::<Book>().add(book).await?;
/// #     }
/// #     Ok(())
/// # }).await?;
/// let books = library.repository::<Book>().await?;
/// let cheap = books.query().filter(Book::PRICE.below(5)).order_by(Book::TITLE.descending());
/// assert_eq!(cheap.count().await?, 2);
/// assert_eq!(cheap.limit(1).all().await?[0].title, "Persuasion");
/// # Ok(())
/// # }
/// ```
pub use protean_core::domain::Selection;

/// Why a handler did not do its work. `?` converts every error type into one.
///
/// ```
/// use protean::prelude::*;
/// use protean::FailureKind;
///
/// fn charge(card: &str) -> Handled {
///     if card.is_empty() {
///         // A retry would change nothing: the message becomes a dead letter.
///         return Err(Failure::rejected("the order has no card"));
///     }
///     let digits: u64 = card.parse()?;
///     if digits == 0 {
///         // The message waits, and the attempt does not count.
///         return Err(Failure::unavailable("the bank does not answer"));
///     }
///     Ok(())
/// }
///
/// # fn main() {
/// let kind = |card| charge(card).unwrap_err().kind();
/// assert_eq!(kind(""), FailureKind::Rejected);
/// assert_eq!(kind("0"), FailureKind::Unavailable);
/// assert_eq!(kind("not a number"), FailureKind::Failed);
/// # }
/// ```
pub use protean_core::domain::Failure;

/// Runs the handlers of a domain: every message in the log, and every new one.
///
/// ```
/// # use protean::prelude::*;
/// # use protean::{aggregate, aggregate_impl, command, command_handler};
/// # #[aggregate(commands(AddTask))]
/// # struct Task { root: Root<Task> }
/// # #[aggregate_impl]
/// # impl Task {}
/// # #[command(part_of = Task)]
/// # struct AddTask { #[field(identifier)] task_id: Id }
/// # struct TaskCommandHandler;
/// # #[command_handler(part_of = Task)]
/// # impl TaskCommandHandler {
/// #     #[handle]
/// #     async fn add(&self, command: AddTask, ctx: &Context) -> Handled {
/// #         let root = Root::with_id(command.task_id);
/// #         Ok(ctx.repository::<Task>().add(Task { root }).await?)
/// #     }
/// # }
/// use protean::Server;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let builder = protean::domain("tasks").aggregate::<Task>().register(TaskCommandHandler);
/// # let tasks = builder.config("databases.default.provider = \"memory\"").build()?;
/// tasks.process(AddTask { task_id: "1".into() }).asynchronous().await?;
/// let server = Server::new(tasks.clone());
/// // The server finishes its running messages and stops when this future ends.
/// let shutdown = async {
///     let reader = tasks.repository::<Task>().await.unwrap();
///     while reader.find(&"1".into()).await.unwrap().is_none() {
///         tokio::task::yield_now().await;
///     }
/// };
/// server.run(shutdown).await?;
/// assert!(tasks.repository::<Task>().await?.get(&"1".into()).await.is_ok());
/// # Ok(())
/// # }
/// ```
pub use protean_engine::Server;
