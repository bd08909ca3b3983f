use protean::{Id, Root, aggregate, aggregate_impl, event};
use protean_testing::given;

#[event(part_of = Account)]
struct AccountOpened {
    account_id: Id,
}

#[aggregate(event_sourced)]
struct Account {
    root: Root<Account>,
}

#[aggregate_impl]
impl Account {
    #[apply]
    fn on_opened(&mut self, _event: &AccountOpened) {}
}

#[event(part_of = Order)]
struct OrderSent {
    order_id: Id,
}

#[aggregate]
struct Order {
    root: Root<Order>,
}

#[aggregate_impl]
impl Order {}

fn main() {
    let account_id = || Id::from("7");
    given::<Account>("7", AccountOpened { account_id: account_id() });
    let given = given::<Account>("7", ());
    given.when(|_| Ok(())).then([OrderSent { order_id: account_id() }]);
}
