use protean::{Context, Handled, Id, Payload, event, external_event, subscriber, timer};

#[external_event]
struct Nameless {
    account_id: Id,
}

#[external_event(name = "Bank.AccountOpened.v2")]
struct Versioned {
    account_id: Id,
}

#[external_event(name = "AccountOpened", part_of = Account)]
struct Local {
    account_id: Id,
}

#[external_event(name = "Bank.AccountClosed")]
struct Closed {
    #[field(unique)]
    account_id: Id,
    #[field(renamed_from = "reason")]
    why: String,
}

#[event(part_of = Account, publish)]
struct Opened {
    account_id: Id,
}

#[timer(part_of = Account, published)]
struct Due {}

struct Mixed;

#[subscriber(stream = "bank::account")]
impl Mixed {
    #[on]
    async fn closed(&self, _event: Closed, _ctx: &Context) -> Handled {
        Ok(())
    }

    #[handle]
    async fn everything(&self, _payload: Payload) -> Handled {
        Ok(())
    }
}

fn main() {}
