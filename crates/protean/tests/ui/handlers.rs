use protean::{
    Context, Handled, Id, Root, aggregate, aggregate_impl, command, command_handler, event_handler,
};

#[aggregate]
struct Order {
    root: Root<Order>,
}

#[aggregate_impl]
impl Order {}

#[command(part_of = Order, returns = Id)]
struct PlaceOrder {}

struct Mailer;

#[event_handler(part_of = Order, ordering = "nome", on_dead_leter = "skip")]
impl Mailer {
    async fn sent(&self) -> Handled {
        Ok(())
    }
}

struct Answers;

#[command_handler(part_of = Order)]
impl Answers {
    #[handle]
    async fn place(&self, _command: PlaceOrder, _ctx: &Context) -> Handled {
        Ok(())
    }
}

struct Postman;

#[event_handler(part_of = Order, name = "shop.Mailer")]
impl Postman {
    #[handle]
    async fn sent(&self, _event: OrderPlaced) -> Handled {
        Ok(())
    }
}

struct Nobodys;

#[command_handler]
impl Nobodys {
    #[handle]
    async fn place(&self, _command: &PlaceOrder) {}
}

fn main() {}
