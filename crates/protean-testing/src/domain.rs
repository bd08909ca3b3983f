//! Given, when, then for handlers and projectors.

use std::future::Future;
use std::path::Path;
use std::time::Duration;

use protean_core::domain::{Domain, DomainBuilder, ScheduledMessages, in_file, record_events};
use protean_core::model::{Aggregate, Command};
use protean_port::Result;
use protean_port::message::{Id, Ids, Priority};
use protean_port::port::Clock;
use tokio::runtime::{Builder, Runtime};

use crate::TestClock;
use crate::messages::{EventsOf, ExpectedMessage, Messages};
use crate::refusal::succeeded;

/// A domain in memory, with a clock that stands still and numbered identities.
/// Commands, and all that follows from them, are handled before a call returns,
/// as synchronous processing does.
///
/// It brings its own runtime: use it in a plain `#[test]`.
///
/// ```
/// # use protean::prelude::{Context, Id, Result, Root};
/// # use protean::{aggregate, aggregate_impl, command, command_handler, event, projection, projector};
/// # #[event(part_of = Account)]
/// # struct DepositMade { account_id: Id, amount: i64 }
/// # #[command(part_of = Account)]
/// # struct MakeDeposit { #[field(identifier)] account_id: Id, amount: i64 }
/// # #[aggregate(event_sourced)]
/// # struct Account { root: Root<Account>, balance: i64 }
/// # #[aggregate_impl]
/// # impl Account {
/// #     #[apply]
/// #     fn deposited(&mut self, event: &DepositMade) { self.balance += event.amount; }
/// # }
/// # struct Handler;
/// # #[command_handler(part_of = Account)]
/// # impl Handler {
/// #     #[handle]
/// #     async fn deposit(&self, command: MakeDeposit, ctx: &Context) -> Result {
/// #         let MakeDeposit { account_id, amount } = command;
/// #         let found = ctx.repository::<Account>().find(&account_id).await?;
/// #         let mut account = found.unwrap_or_else(|| Account::create_with(account_id));
/// #         account.raise(DepositMade { account_id: account.id(), amount })?;
/// #         ctx.repository::<Account>().add(account).await
/// #     }
/// # }
/// # #[projection]
/// # struct Balance { #[field(identifier)] account_id: Id, total: i64 }
/// # struct Balances;
/// # #[projector(projection = Balance)]
/// # impl Balances {
/// #     #[on]
/// #     async fn deposited(&self, event: DepositMade, ctx: &Context) -> Result {
/// #         let found = ctx.repository::<Balance>().find(&event.account_id).await?;
/// #         let total = event.amount + found.map_or(0, |row| row.total);
/// #         let account_id = event.account_id;
/// #         ctx.repository::<Balance>().add(Balance { account_id, total }).await
/// #     }
/// # }
/// # fn bank() -> protean::DomainBuilder {
/// #     protean::domain("bank").aggregate::<Account>().register(Handler).register(Balances)
/// # }
/// use protean_testing::TestDomain;
///
/// let id = || Id::from("7");
/// TestDomain::new(bank())
///     .given(MakeDeposit { account_id: id(), amount: 5 })
///     .when(MakeDeposit { account_id: id(), amount: 3 })
///     .then([DepositMade { account_id: id(), amount: 3 }])
///     .then_row(Balance { account_id: id(), total: 8 });
/// ```
pub struct TestDomain {
    domain: Domain,
    clock: TestClock,
    ids: Ids,
    runtime: Runtime,
}

impl TestDomain {
    /// The domain, with its own configuration except for where things are kept
    /// and when they are processed.
    ///
    /// # Panics
    /// When the domain cannot be built; with every fault.
    #[track_caller]
    pub fn new(builder: DomainBuilder) -> Self {
        Self::built(builder.in_memory())
    }

    /// The same, stored in an SQLite file: for handlers that run their own SQL. Use `rusqlite` to
    /// create their tables in the file and to inspect it.
    ///
    /// # Panics
    /// When the domain cannot be built; with every fault.
    #[track_caller]
    pub fn in_file(builder: DomainBuilder, file: impl AsRef<Path>) -> Self {
        Self::built(in_file(builder, file))
    }

    #[track_caller]
    fn built(builder: DomainBuilder) -> Self {
        let clock = TestClock::default();
        let domain = match builder.clock(clock.clone()).build() {
            Ok(domain) => domain,
            Err(faults) => panic!("the domain cannot be built:\n{faults}"),
        };
        let runtime = match Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => runtime,
            Err(error) => panic!("no runtime can be started: {error}"),
        };
        Self { domain, clock, ids: Ids::default(), runtime }
    }

    /// The clock of the domain.
    pub fn clock(&self) -> &TestClock {
        &self.clock
    }

    /// Time goes on by this much, and what is due by then is handled, in its order: scheduled
    /// commands and the timers of processes.
    ///
    /// # Panics
    /// When a handler fails.
    #[track_caller]
    pub fn advance(&self, time: Duration) -> &Self {
        let end = self.clock.now() + time;
        let scheduled = ScheduledMessages::of(&self.domain);
        succeeded("the schedule", self.run(scheduled.schedule_recurring()));
        loop {
            let next = self.run(scheduled.page(None, usize::MAX));
            let next = succeeded("the schedule", next).into_iter().map(|of| of.due).min();
            let Some(next) = next.filter(|next| *next <= end) else { break };
            self.clock.set(next.max(self.clock.now()));
            let release = scheduled.release(Priority::ALL, usize::MAX);
            succeeded("what was due", self.numbered(release));
        }
        self.clock.set(end);
        self
    }

    /// The domain.
    pub fn domain(&self) -> &Domain {
        &self.domain
    }

    /// Runs `work`, for what the other methods do not cover:
    /// `bank.run(bank.domain().dispatch(query))`.
    pub fn run<F: Future>(&self, work: F) -> F::Output {
        self.runtime.block_on(work)
    }

    /// This command has been handled, with all that follows from it.
    ///
    /// # Panics
    /// When a handler fails.
    #[track_caller]
    pub fn given<C: Command>(&self, command: C) -> &Self {
        succeeded(C::NAME, self.process(command));
        self
    }

    /// These events have record_events to an instance and were handled, whatever its
    /// state: nobody checks whether it would have raised them.
    ///
    /// # Panics
    /// When a handler fails.
    #[track_caller]
    pub fn given_events<A: Aggregate>(
        &self,
        id: impl Into<Id>,
        events: impl Messages<EventsOf<A>>,
    ) -> &Self {
        succeeded(A::NAME, self.happen::<A>(&id.into(), events.expected()));
        self
    }

    pub(crate) fn process<C: Command>(&self, command: C) -> Result<C::Output> {
        let processing = self.domain.process(command);
        self.numbered(processing.synchronous())
    }

    pub(crate) fn happen<A: Aggregate>(&self, id: &Id, events: Vec<ExpectedMessage>) -> Result {
        let events: Vec<_> = events.into_iter().map(ExpectedMessage::into_raised).collect();
        self.numbered(record_events::<A>(&self.domain, id, &events))
    }

    /// Runs `work`, whose new identities are numbered.
    pub(crate) fn numbered<F: Future>(&self, work: F) -> F::Output {
        self.run(self.ids.scope(work))
    }
}
