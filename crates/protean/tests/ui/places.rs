use protean::{
    Context, Domain, Handled, Id, Result, Root, aggregate, aggregate_impl, command, event,
    event_handler, projection, projector,
};

#[aggregate]
struct Account {
    root: Root<Account>,
}

#[aggregate_impl]
impl Account {
    fn send(&mut self) -> Result {
        self.raise(OrderSent { order_id: self.id() })
    }
}

#[aggregate]
struct Order {
    root: Root<Order>,
}

#[aggregate_impl]
impl Order {}

#[event(part_of = Order)]
struct OrderSent {
    order_id: Id,
}

#[command(part_of = Order)]
struct SendOrder {}

struct Mailer;

#[event_handler(part_of = Account)]
impl Mailer {
    #[handle]
    async fn sent(&self, _event: OrderSent) -> Handled {
        Ok(())
    }
}

#[projection]
struct OrderRow {
    #[field(identifier)]
    order_id: Id,
}

struct OrderRows;

#[projector(projection = OrderRow)]
impl OrderRows {
    #[on]
    async fn sent(&self, _command: SendOrder) -> Handled {
        Ok(())
    }
}

struct Cleaner;

#[projector(projection = Order)]
impl Cleaner {
    #[on]
    async fn sent(&self, _event: OrderSent) -> Handled {
        Ok(())
    }
}

fn asks(domain: Domain, context: Context) {
    domain.process(OrderSent { order_id: Id::new() });
    domain.dispatch(SendOrder {});
    context.repository::<OrderSent>();
    protean::domain("shop").aggregate::<OrderRow>().register(Order { root: Root::new() });
}

fn main() {}
