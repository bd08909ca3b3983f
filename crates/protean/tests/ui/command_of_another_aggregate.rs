use protean::{Handled, Root, aggregate, aggregate_impl, command, command_handler};

#[aggregate(commands(OpenAccount))]
struct Account {
    root: Root<Account>,
}

#[aggregate]
struct Order {
    root: Root<Order>,
}

#[aggregate_impl]
impl Account {}

#[aggregate_impl]
impl Order {}

#[command(part_of = Order)]
struct PlaceOrder {}

#[command(part_of = Order)]
struct OpenAccount {}

struct AccountCommandHandler;

#[command_handler(part_of = Account)]
impl AccountCommandHandler {
    #[handle]
    async fn place(&self, _command: PlaceOrder) -> Handled {
        Ok(())
    }
}

fn main() {}
