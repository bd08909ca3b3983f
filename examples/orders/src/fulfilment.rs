//! The process manager that takes an order through stock and payment.

use std::time::Duration;

use protean::prelude::{Context, Handled, Id, Root};
use protean::{process_manager, process_manager_impl, timer};

use crate::order::{CancelOrder, OrderPlaced, ShipOrder};
use crate::payment::{CardCharged, CardDeclined, Refund};
use crate::stock::{ReleaseStock, ReserveStock, ShipStock, StockReserved, StockShort};

/// One order on its way. It is shipped when its stock is reserved and its price is paid, in whichever
/// order these come.
#[process_manager]
pub struct Fulfilment {
    root: Root<Fulfilment>,
    sku: Id,
    quantity: i64,
    is_reserved: bool,
    is_paid: bool,
}

/// The customer should have paid by now.
#[timer(part_of = Fulfilment)]
#[derive(PartialEq)]
pub struct PaymentDue {}

#[process_manager_impl]
impl Fulfilment {
    #[on(start, by = order_id)]
    async fn placed(&mut self, event: OrderPlaced, ctx: &Context) -> Handled {
        let OrderPlaced { order_id, sku, quantity, seconds_to_pay, .. } = event;
        (self.sku, self.quantity) = (sku.clone(), quantity);
        ctx.process(ReserveStock { sku, order_id, quantity })?;
        self.remind(PaymentDue {}, Duration::from_secs(seconds_to_pay.into()))?;
        Ok(())
    }

    #[on(by = order_id)]
    async fn reserved(&mut self, _event: StockReserved, ctx: &Context) -> Handled {
        self.is_reserved = true;
        self.ship_if_ready(ctx)
    }

    #[on(by = reference)]
    async fn charged(&mut self, _event: CardCharged, ctx: &Context) -> Handled {
        self.is_paid = true;
        self.ship_if_ready(ctx)
    }

    #[on(by = order_id)]
    async fn short(&mut self, _event: StockShort, ctx: &Context) -> Handled {
        self.cancel("out of stock", ctx)
    }

    #[on(by = reference)]
    async fn declined(&mut self, _event: CardDeclined, ctx: &Context) -> Handled {
        self.cancel("card declined", ctx)
    }

    #[on(timer)]
    async fn payment_due(&mut self, _timer: PaymentDue, ctx: &Context) -> Handled {
        match self.is_paid {
            // The customer has paid; only the stock is missing.
            true => Ok(()),
            false => self.cancel("not paid in time", ctx),
        }
    }

    #[on(late, by = order_id)]
    async fn reserved_too_late(&mut self, event: StockReserved, ctx: &Context) -> Handled {
        let StockReserved { order_id, sku, quantity } = event;
        ctx.process(ReleaseStock { sku, order_id, quantity })?;
        Ok(())
    }

    #[on(late, by = reference)]
    async fn charged_too_late(&mut self, event: CardCharged, ctx: &Context) -> Handled {
        ctx.process(Refund { reference: event.reference })?;
        Ok(())
    }

    fn ship_if_ready(&mut self, ctx: &Context) -> Handled {
        if self.is_reserved && self.is_paid {
            let (order_id, sku, quantity) = (self.id(), self.sku.clone(), self.quantity);
            ctx.process(ShipStock { sku, order_id: order_id.clone(), quantity })?;
            ctx.process(ShipOrder { order_id })?;
            self.complete();
        }
        Ok(())
    }

    /// Releases stock and money, and ends the process. Later events are late arrivals.
    fn cancel(&mut self, reason: &str, ctx: &Context) -> Handled {
        let (order_id, sku, quantity) = (self.id(), self.sku.clone(), self.quantity);
        if self.is_reserved {
            ctx.process(ReleaseStock { sku, order_id: order_id.clone(), quantity })?;
        }
        if self.is_paid {
            ctx.process(Refund { reference: order_id.clone() })?;
        }
        ctx.process(CancelOrder { order_id, reason: reason.to_owned() })?;
        self.complete();
        Ok(())
    }
}
