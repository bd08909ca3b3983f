//! A theatre: a seat that is held and not paid within a quarter of an hour is free again.
//!
//! You learn how a process manager follows one booking over two aggregates, waits with a timer, and
//! gives back what was taken. The tests move the clock, and show a payment that comes too late. Read
//! `06-bulk-import` next, or `orders` for a process with more steps and servers that are killed.
#![expect(clippy::print_stdout, reason = "the program shows what it does")]

use std::error::Error;
use std::time::Duration;

use protean::prelude::{Context, Handled, Id, Result, Root};
use protean::{
    DomainBuilder, aggregate, aggregate_impl, command, command_handler, ensure, event,
    process_manager, process_manager_impl, timer,
};

const TIME_TO_PAY: Duration = Duration::from_secs(15 * 60);

/// A seat was taken for a booking.
#[event(part_of = Seat)]
struct SeatHeld {
    booking_id: Id,
    seat_id: Id,
}

/// Takes a seat for a booking.
#[command(part_of = Seat)]
struct HoldSeat {
    #[field(identifier)]
    seat_id: Id,
    booking_id: Id,
}

/// Gives a seat back.
#[command(part_of = Seat)]
#[derive(PartialEq)]
struct ReleaseSeat {
    #[field(identifier)]
    seat_id: Id,
}

/// A seat, and the booking that has it.
#[aggregate(commands(HoldSeat, ReleaseSeat))]
struct Seat {
    root: Root<Seat>,
    booking_id: Option<Id>,
}

#[aggregate_impl]
impl Seat {}

/// Handles the commands of seats.
struct BoxOffice;

#[command_handler(part_of = Seat)]
impl BoxOffice {
    #[handle]
    async fn hold(&self, command: HoldSeat, ctx: &Context) -> Result {
        let HoldSeat { seat_id, booking_id } = command;
        let found = ctx.repository::<Seat>().find(&seat_id).await?;
        let root = Root::with_id(seat_id.clone());
        let mut seat = found.unwrap_or(Seat { root, booking_id: None });
        ensure!(seat.booking_id.is_none(), "seat_id" => "is taken");
        seat.booking_id = Some(booking_id.clone());
        seat.raise(SeatHeld { booking_id, seat_id })?;
        ctx.repository::<Seat>().add(seat).await
    }

    #[handle]
    async fn release(&self, command: ReleaseSeat, ctx: &Context) -> Result {
        let mut seat = ctx.repository::<Seat>().get(&command.seat_id).await?;
        seat.booking_id = None;
        ctx.repository::<Seat>().add(seat).await
    }
}

/// Money for a booking came in.
#[event(part_of = Payment)]
struct PaymentReceived {
    booking_id: Id,
}

/// Pays a booking.
#[command(part_of = Payment)]
struct Pay {
    #[field(identifier)]
    booking_id: Id,
}

/// Pays the money back.
#[command(part_of = Payment)]
#[derive(PartialEq)]
struct Refund {
    #[field(identifier)]
    booking_id: Id,
}

/// The payment of a booking. It knows nothing of seats.
#[aggregate(commands(Pay, Refund))]
struct Payment {
    root: Root<Payment>,
    refunded: bool,
}

#[aggregate_impl]
impl Payment {}

/// Handles the commands of payments.
struct Till;

#[command_handler(part_of = Payment)]
impl Till {
    #[handle]
    async fn pay(&self, command: Pay, ctx: &Context) -> Result {
        let root = Root::with_id(command.booking_id.clone());
        let mut payment = Payment { root, refunded: false };
        payment.raise(PaymentReceived { booking_id: command.booking_id })?;
        ctx.repository::<Payment>().add(payment).await
    }

    #[handle]
    async fn refund(&self, command: Refund, ctx: &Context) -> Result {
        let mut payment = ctx.repository::<Payment>().get(&command.booking_id).await?;
        payment.refunded = true;
        ctx.repository::<Payment>().add(payment).await
    }
}

/// One booking, from the held seat to the payment or the end of the time for it.
#[process_manager]
struct Booking {
    root: Root<Booking>,
    seat_id: Id,
}

/// The booking should be paid by now.
#[timer(part_of = Booking)]
#[derive(PartialEq)]
struct PaymentDue {}

#[process_manager_impl]
impl Booking {
    #[on(start, by = booking_id)]
    async fn held(&mut self, event: SeatHeld) -> Handled {
        self.seat_id = event.seat_id;
        Ok(self.remind(PaymentDue {}, TIME_TO_PAY)?)
    }

    // The end of a process is also that of its timers.
    #[on(by = booking_id)]
    async fn paid(&mut self, _event: PaymentReceived) -> Handled {
        self.complete();
        Ok(())
    }

    #[on(timer)]
    async fn payment_due(&mut self, _timer: PaymentDue, ctx: &Context) -> Handled {
        ctx.process(ReleaseSeat { seat_id: self.seat_id.clone() })?;
        self.complete();
        Ok(())
    }

    // Somebody else may have the seat by now.
    #[on(late, by = booking_id)]
    async fn paid_too_late(&mut self, event: PaymentReceived, ctx: &Context) -> Handled {
        ctx.process(Refund { booking_id: event.booking_id })?;
        Ok(())
    }
}

fn theatre() -> DomainBuilder {
    protean::domain("theatre")
        .aggregate::<Seat>()
        .aggregate::<Payment>()
        .register(BoxOffice)
        .register(Till)
        .register(Booking::manager())
        .in_memory()
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let theatre = theatre().build()?;
    let hold = HoldSeat { seat_id: "A1".into(), booking_id: "7".into() };
    theatre.process(hold).synchronous().await?;
    theatre.process(Pay { booking_id: "7".into() }).synchronous().await?;
    let booking = theatre.repository::<Booking>().await?.get(&"7".into()).await?;
    println!("Booking 7 is paid, and complete: {}.", booking.is_complete());
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use protean_testing::TestDomain;

    use super::{HoldSeat, Pay, PaymentDue, Refund, ReleaseSeat, Seat, TIME_TO_PAY, theatre};

    fn hold(booking: &str) -> HoldSeat {
        HoldSeat { seat_id: "A1".into(), booking_id: booking.into() }
    }

    #[test]
    fn a_seat_that_is_paid_in_time_stays_taken() {
        let theatre = TestDomain::new(theatre());
        theatre.when(hold("7")).then_timer("7", PaymentDue {}, TIME_TO_PAY);
        theatre.when(Pay { booking_id: "7".into() }).then_no_timer::<PaymentDue>("7");
        theatre.when_passed(2 * TIME_TO_PAY).then_commands(());
        theatre.when(hold("8")).then_rejected("seat_id");
    }

    #[test]
    fn a_seat_that_is_not_paid_in_time_is_free_again() {
        let theatre = TestDomain::new(theatre());
        theatre.given(hold("7"));
        theatre.when_passed(TIME_TO_PAY - Duration::from_secs(1)).then_commands(());
        let release = ReleaseSeat { seat_id: "A1".into() };
        theatre.when_passed(Duration::from_secs(1)).then_commands([release]);
        let is_of_8 = |seat: &Seat| assert_eq!(seat.booking_id, Some("8".into()));
        theatre.when(hold("8")).then_state("A1", is_of_8);
    }

    #[test]
    fn money_that_comes_too_late_goes_back() {
        let theatre = TestDomain::new(theatre());
        theatre.given(hold("7")).advance(TIME_TO_PAY);
        let pay = theatre.when(Pay { booking_id: "7".into() });
        pay.then_commands([Refund { booking_id: "7".into() }]);
    }
}
