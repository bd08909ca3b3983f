//! The databases and brokers that a domain can be configured for.

use protean_core::domain::DomainBuilder;

/// Begins a domain with this name, with every provider that this crate was built with: the
/// databases `memory`, `sqlite` (feature `sqlite`, default) and `postgresql` (feature
/// `postgres`), and the brokers `redis` and `redis_pubsub` (feature `redis`).
///
/// ```
/// use protean::prelude::*;
/// use protean::{aggregate, aggregate_impl, command, command_handler, event};
///
/// #[event(part_of = Account)]
/// struct DepositMade {
///     account_id: Id,
///     amount: Decimal,
/// }
///
/// #[command(part_of = Account, returns = Decimal)]
/// struct MakeDeposit {
///     #[field(identifier)]
///     account_id: Id,
///     #[field(min_value = 0.01)]
///     amount: Decimal,
/// }
///
/// #[aggregate(event_sourced, commands(MakeDeposit))]
/// struct Account {
///     root: Root<Account>,
///     #[field(default = 0)]
///     balance: Decimal,
/// }
///
/// #[aggregate_impl]
/// impl Account {
///     fn deposit(&mut self, amount: Decimal) -> Result {
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
///
/// struct AccountCommandHandler;
///
/// #[command_handler(part_of = Account)]
/// impl AccountCommandHandler {
///     #[handle]
///     async fn deposit(&self, command: MakeDeposit, ctx: &Context) -> Handled<Decimal> {
///         let accounts = ctx.repository::<Account>();
///         let found = accounts.find(&command.account_id).await?;
///         let mut account = found.unwrap_or_else(|| Account::create_with(command.account_id));
///         account.deposit(command.amount)?;
///         let balance = account.balance;
///         accounts.add(account).await?;
///         Ok(balance)
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let fidelis = protean::domain("fidelis")
///     .config("databases.default.provider = \"memory\"")
///     .aggregate::<Account>()
///     .register(AccountCommandHandler)
///     .build()?;
/// for _ in 0..2 {
///     let deposit = MakeDeposit { account_id: "7".into(), amount: 5.into() };
///     fidelis.process(deposit).synchronous().await?;
/// }
/// let account = fidelis.repository::<Account>().await?.get(&"7".into()).await?;
/// assert!(account.balance == 10);
/// # Ok(())
/// # }
/// ```
pub fn domain(name: &str) -> DomainBuilder {
    let builder = DomainBuilder::new(name);
    #[cfg(feature = "sqlite")]
    let builder = builder.provider(protean_sqlite::Sqlite);
    #[cfg(feature = "postgres")]
    let builder = builder.provider(protean_postgres::Postgres);
    #[cfg(feature = "redis")]
    let builder =
        builder.broker_provider(protean_redis::Redis).broker_provider(protean_redis::RedisPubsub);
    builder
}
