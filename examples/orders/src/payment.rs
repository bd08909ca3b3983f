//! What customers pay.

use protean::prelude::{Context, Decimal, Id, Result, Root};
use protean::{aggregate, aggregate_impl, command, command_handler, ensure, event};

use crate::order::Order;

/// A test card number that is always declined.
pub const DECLINED_CARD: &str = "4000000000000002";

#[command(part_of = Payment)]
#[derive(PartialEq)]
pub struct PayOrder {
    /// The order.
    #[field(identifier)]
    pub reference: Id,
    #[field(max_length = 19)]
    pub card: String,
}

#[command(part_of = Payment)]
#[derive(PartialEq)]
pub struct Refund {
    #[field(identifier)]
    pub reference: Id,
}

#[event(part_of = Payment)]
#[derive(PartialEq)]
pub struct CardCharged {
    pub reference: Id,
    pub amount: Decimal,
}

#[event(part_of = Payment)]
#[derive(PartialEq)]
pub struct CardDeclined {
    pub reference: Id,
}

#[event(part_of = Payment)]
#[derive(PartialEq)]
pub struct Refunded {
    pub reference: Id,
    pub amount: Decimal,
}

/// The payment of one order.
#[aggregate(commands(PayOrder, Refund))]
pub struct Payment {
    root: Root<Payment>,
    pub charged: Decimal,
    pub refunded: Decimal,
}

#[aggregate_impl]
impl Payment {
    fn charge(&mut self, amount: Decimal, card: &str) -> Result {
        ensure!(self.charged == 0, "amount" => "is paid already");
        let reference = self.id();
        if card == DECLINED_CARD {
            return self.raise(CardDeclined { reference });
        }
        self.charged = amount;
        self.raise(CardCharged { reference, amount })
    }

    fn refund(&mut self) -> Result {
        ensure!(self.refunded == 0, "amount" => "is refunded already");
        self.refunded = self.charged;
        self.raise(Refunded { reference: self.id(), amount: self.charged })
    }
}

/// Handles the commands of payments.
pub struct Till;

#[command_handler(part_of = Payment)]
impl Till {
    #[handle]
    async fn pay(&self, command: PayOrder, ctx: &Context) -> Result {
        let PayOrder { reference, card } = command;
        let price = ctx.repository::<Order>().get(&reference).await?.price;
        let found = ctx.repository::<Payment>().find(&reference).await?;
        let unpaid = || {
            let root = Root::with_id(reference);
            Payment { root, charged: Decimal::ZERO, refunded: Decimal::ZERO }
        };
        let mut payment = found.unwrap_or_else(unpaid);
        payment.charge(price, &card)?;
        ctx.repository::<Payment>().add(payment).await
    }

    #[handle]
    async fn refund(&self, command: Refund, ctx: &Context) -> Result {
        let mut payment = ctx.repository::<Payment>().get(&command.reference).await?;
        payment.refund()?;
        ctx.repository::<Payment>().add(payment).await
    }
}
