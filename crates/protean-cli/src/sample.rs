//! A small bank for the tests of the commands, written as a user would.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use protean::message::Category;
use protean::port::Find;
use protean::prelude::{Context, Failure, Handled, Id, Result, Root};
use protean::{
    Domain, DomainBuilder, Operation, aggregate, aggregate_impl, command, command_handler, event,
    projection, projector,
};

use crate::App;
use crate::globals::Globals;

/// Asynchronous processing in two lanes, without retries.
const SETTINGS: &str = "\
[databases.default]
provider = \"memory\"
[server.priority_lanes]
enabled = true
[server.event_store_subscription]
max_retries = 0
";

#[event(part_of = Account)]
struct AccountOpened {
    account_id: Id,
}

#[command(part_of = Account)]
pub(crate) struct OpenAccount {
    #[field(identifier)]
    pub(crate) account_id: Id,
}

#[aggregate(event_sourced, commands(OpenAccount))]
pub(crate) struct Account {
    root: Root<Account>,
    #[field(default = false)]
    is_open: bool,
}

#[aggregate_impl]
impl Account {
    fn open(id: Id) -> Result<Self> {
        let mut account = Self::create_with(id);
        account.raise(AccountOpened { account_id: account.id() })?;
        Ok(account)
    }

    #[apply]
    fn on_opened(&mut self, _: &AccountOpened) {
        self.is_open = true;
    }
}

#[projection]
struct Customer {
    #[field(identifier)]
    account_id: Id,
}

struct AccountCommandHandler;

#[command_handler(part_of = Account)]
impl AccountCommandHandler {
    #[handle]
    async fn open(&self, command: OpenAccount, ctx: &Context) -> Handled {
        Ok(ctx.repository::<Account>().add(Account::open(command.account_id)?).await?)
    }
}

struct CustomerProjector {
    fails: Arc<AtomicBool>,
}

#[projector(projection = Customer)]
impl CustomerProjector {
    #[on]
    async fn opened(&self, event: AccountOpened, ctx: &Context) -> Handled {
        if self.fails.load(Ordering::SeqCst) {
            return Err(Failure::rejected("no more customers"));
        }
        Ok(ctx.repository::<Customer>().add(Customer { account_id: event.account_id }).await?)
    }
}

/// The bank. Its projector rejects every message while `fails` is true.
pub(crate) fn bank(fails: &Arc<AtomicBool>) -> DomainBuilder {
    protean::domain("fidelis")
        .config(SETTINGS)
        .aggregate::<Account>()
        .register(AccountCommandHandler)
        .register(CustomerProjector { fails: Arc::clone(fails) })
}

/// The bank, whose server has its health page at this port.
pub(crate) fn bank_at(health_port: u16) -> DomainBuilder {
    let settings = format!("{SETTINGS}[server.health]\nport = {health_port}\n");
    bank(&Arc::default()).config(&settings)
}

/// What operators have done, the oldest first: the action, by whom, and how many messages.
pub(crate) async fn operations(domain: &Domain) -> Vec<(String, String, u64)> {
    let category = Some(Category::named("fidelis::operations"));
    let found = domain.store().await.unwrap();
    let found = found.find(Find { category, ..Find::first(99) }).await.unwrap();
    let read = found.iter().map(|of| serde_json::from_str(&of.message.data).unwrap());
    read.map(|Operation { action, by, count, .. }| (action, by, count)).collect()
}

/// One operation at the command line, as [`operations`] gives it.
pub(crate) fn operation(action: &str, count: u64) -> (String, String, u64) {
    (action.to_owned(), "command line".to_owned(), count)
}

/// The bank as an `App`.
pub(crate) fn app() -> App {
    App::new(bank(&Arc::default()), Globals::default())
}
