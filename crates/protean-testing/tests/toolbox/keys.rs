//! Idempotency keys of commands that handlers issue.

use protean::prelude::{Context, Handled, Id, Root};
use protean::{aggregate, aggregate_impl, command, command_handler, event, event_handler};
use protean_testing::TestDomain;

#[event(part_of = Order)]
struct Placed {
    customer: Id,
    gift: i64,
}

#[command(part_of = Order)]
struct Welcome {
    customer: Id,
    gift: i64,
}

#[aggregate(commands(Welcome))]
struct Order {
    root: Root<Order>,
}

#[aggregate_impl]
impl Order {}

struct Orders;

#[command_handler(part_of = Order)]
impl Orders {
    #[handle]
    async fn welcome(&self, _: Welcome, _ctx: &Context) -> Handled {
        Ok(())
    }
}

struct Greeter;

#[event_handler(part_of = Order)]
impl Greeter {
    #[handle]
    async fn placed(&self, event: Placed, ctx: &Context) -> Handled {
        let Placed { customer, gift } = event;
        let key = format!("welcome-{customer}");
        let command = Welcome { customer, gift };
        ctx.command(command).idempotency_key(key).issue()?;
        Ok(())
    }
}

fn placed(customer: &str, gift: i64) -> Placed {
    Placed { customer: customer.into(), gift }
}

fn welcome(customer: &str, gift: i64) -> Welcome {
    Welcome { customer: customer.into(), gift }
}

#[test]
fn a_command_with_a_key_is_sent_once() {
    let shop = TestDomain::new(
        protean::domain("shop").aggregate::<Order>().register(Orders).register(Greeter),
    );
    shop.when_event("1", placed("ada", 5)).then_commands([welcome("ada", 5)]);
    shop.when_event("2", placed("ada", 5)).then_commands(());
    shop.when_event("3", placed("bob", 5)).then_commands([welcome("bob", 5)]);
    shop.when_event("4", placed("ada", 6))
        .then_error(|error| {
            let why = "gift: is 6, was 5 in the first command with the key 'welcome-ada'";
            assert!(error.to_string().contains(why), "{error}");
        })
        .then_commands(());
    shop.when_event("5", placed("bob", 5)).then_commands(());
}
