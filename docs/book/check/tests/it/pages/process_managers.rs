//! Two process managers of one shop: they differ in what they wait for.

use protean::prelude::*;
use protean::{aggregate, aggregate_impl, command, command_handler, event};

#[event(part_of = Order)]
struct OrderPlaced {
    order_id: Id,
}

#[event(part_of = Order)]
struct OrderCancelled {
    order_id: Id,
}

#[event(part_of = Order)]
struct StockReserved {
    order_id: Id,
}

#[event(part_of = Order)]
struct CardCharged {
    reference: Id,
}

#[command(part_of = Order)]
struct PlaceOrder {
    #[field(identifier)]
    order_id: Id,
}

#[command(part_of = Order)]
#[derive(PartialEq)]
struct CancelOrder {
    #[field(identifier)]
    order_id: Id,
}

#[command(part_of = Order)]
#[derive(PartialEq)]
struct ReserveStock {
    #[field(identifier)]
    order_id: Id,
}

#[command(part_of = Order)]
#[derive(PartialEq)]
struct ReleaseStock {
    #[field(identifier)]
    order_id: Id,
}

#[command(part_of = Order)]
#[derive(PartialEq)]
struct ChargeCard {
    #[field(identifier)]
    order_id: Id,
}

#[aggregate(commands(PlaceOrder, CancelOrder, ReserveStock, ReleaseStock, ChargeCard))]
struct Order {
    root: Root<Order>,
}

#[aggregate_impl]
impl Order {}

struct Orders;

#[command_handler(part_of = Order)]
impl Orders {
    #[handle]
    async fn place(&self, command: PlaceOrder, ctx: &Context) -> Handled {
        let order_id = command.order_id;
        let mut order = Order { root: Root::with_id(order_id.clone()) };
        order.raise(OrderPlaced { order_id })?;
        Ok(ctx.repository::<Order>().add(order).await?)
    }

    #[handle]
    async fn cancel(&self, command: CancelOrder, ctx: &Context) -> Handled {
        let order_id = command.order_id;
        let mut order = ctx.repository::<Order>().get(&order_id).await?;
        order.raise(OrderCancelled { order_id })?;
        Ok(ctx.repository::<Order>().add(order).await?)
    }

    #[handle]
    async fn reserve(&self, command: ReserveStock, ctx: &Context) -> Handled {
        let order_id = command.order_id;
        let mut order = ctx.repository::<Order>().get(&order_id).await?;
        order.raise(StockReserved { order_id })?;
        Ok(ctx.repository::<Order>().add(order).await?)
    }

    #[handle]
    async fn release(&self, _: ReleaseStock) -> Handled {
        Ok(())
    }

    #[handle]
    async fn charge(&self, _: ChargeCard) -> Handled {
        Ok(())
    }
}

mod with_compensation {
    use protean::prelude::*;
    use protean::{process_manager, process_manager_impl};
    use protean_testing::TestDomain;

    use super::{
        CancelOrder, CardCharged, ChargeCard, Order, OrderCancelled, OrderPlaced, Orders,
        PlaceOrder, ReleaseStock, ReserveStock, StockReserved,
    };

    #[process_manager]
    struct Fulfilment {
        root: Root<Fulfilment>,
        #[field(default = "waiting")]
        status: String,
    }

    #[process_manager_impl]
    impl Fulfilment {
        #[on(start, by = order_id)]
        async fn placed(&mut self, event: OrderPlaced, ctx: &Context) -> Handled {
            ctx.process(ReserveStock { order_id: event.order_id })?;
            Ok(())
        }

        #[on(by = order_id)]
        async fn reserved(&mut self, event: StockReserved, ctx: &Context) -> Handled {
            self.status = "reserved".to_owned();
            ctx.process(ChargeCard { order_id: event.order_id })?;
            Ok(())
        }

        #[on(by = reference)]
        async fn charged(&mut self, _event: CardCharged) -> Handled {
            self.status = "paid".to_owned();
            self.complete();
            Ok(())
        }

        #[on(by = order_id)]
        async fn cancelled(&mut self, event: OrderCancelled, ctx: &Context) -> Handled {
            if self.status == "reserved" {
                ctx.process(ReleaseStock { order_id: event.order_id })?;
            }
            self.complete();
            Ok(())
        }

        #[on(late, by = order_id)]
        async fn reserved_too_late(&mut self, event: StockReserved, ctx: &Context) -> Handled {
            ctx.process(ReleaseStock { order_id: event.order_id })?;
            Ok(())
        }
    }

    #[test]
    fn stock_goes_back_when_an_order_is_cancelled() {
        let shop = protean::domain("shop")
            .aggregate::<Order>()
            .register(Orders)
            .register(Fulfilment::manager());
        let shop = TestDomain::new(shop);
        shop.when(PlaceOrder { order_id: "7".into() }).then_commands((
            ReserveStock { order_id: "7".into() },
            ChargeCard { order_id: "7".into() },
        ));
        shop.when(CancelOrder { order_id: "7".into() })
            .then_commands([ReleaseStock { order_id: "7".into() }])
            .then_state("7", |process: &Fulfilment| assert!(process.is_complete()));
        // As when the warehouse had been slow.
        shop.when(ReserveStock { order_id: "7".into() })
            .then_commands([ReleaseStock { order_id: "7".into() }]);
    }
}

mod with_a_timer {
    use std::time::Duration;

    use protean::prelude::*;
    use protean::{DomainBuilder, process_manager, process_manager_impl, timer};
    use protean_testing::TestDomain;

    use super::{CancelOrder, Order, OrderPlaced, Orders, PlaceOrder, ReserveStock};

    #[process_manager]
    struct Fulfilment {
        root: Root<Fulfilment>,
    }

    #[timer(part_of = Fulfilment)]
    #[derive(PartialEq)]
    struct PaymentDue {}

    #[process_manager_impl]
    impl Fulfilment {
        #[on(start, by = order_id)]
        async fn placed(&mut self, event: OrderPlaced, ctx: &Context) -> Handled {
            self.remind(PaymentDue {}, Duration::from_secs(15 * 60))?;
            ctx.process(ReserveStock { order_id: event.order_id })?;
            Ok(())
        }

        #[on(timer)]
        async fn payment_due(&mut self, _timer: PaymentDue, ctx: &Context) -> Handled {
            ctx.process(CancelOrder { order_id: self.id() })?;
            self.complete();
            Ok(())
        }
    }

    fn shop() -> DomainBuilder {
        let shop = protean::domain("shop").aggregate::<Order>().register(Orders);
        shop.register(Fulfilment::manager())
    }

    #[test]
    fn an_order_that_nobody_pays_is_cancelled() {
        let shop = TestDomain::new(shop());
        let minutes = |minutes: u64| Duration::from_secs(minutes * 60);
        shop.when(PlaceOrder { order_id: "7".into() })
            .then_commands([ReserveStock { order_id: "7".into() }])
            .then_timer("7", PaymentDue {}, minutes(15));
        shop.when_passed(minutes(15))
            .then_commands([CancelOrder { order_id: "7".into() }])
            .then_no_timer::<PaymentDue>("7");
    }
}
