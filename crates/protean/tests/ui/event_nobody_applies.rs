use protean::{Id, Result, Root, aggregate, aggregate_impl, event};

#[aggregate(event_sourced)]
struct Account {
    root: Root<Account>,
}

#[event(part_of = Account)]
struct AccountClosed {
    account_id: Id,
}

#[event(part_of = Account)]
struct AccountOpened {
    account_id: Id,
}

#[aggregate_impl]
impl Account {
    #[apply]
    fn on_opened(&mut self, _event: &AccountOpened) {}

    fn close(&mut self) -> Result {
        self.raise(AccountClosed { account_id: self.id() })
    }
}

fn main() {}
