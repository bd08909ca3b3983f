//! States that follow each other as `#[transitions]` allows.

use protean::prelude::Root;
use protean::{aggregate, aggregate_impl, event};

use crate::checkout::{
    Line, LineStatus, Move, Order, PaymentStatus, Period, Status, add, backwards, day, domains,
    line, payment, violation,
};

#[tokio::test]
async fn a_state_follows_only_those_that_it_may_follow() {
    let folder = tempfile::tempdir().unwrap();
    for (domain, _) in domains(&folder) {
        let go = |through: &[Status], raise| {
            let command = Move { order: "1".into(), through: through.to_vec(), raise };
            domain.process(command).synchronous()
        };
        go(&[Status::Draft], false).await.unwrap();
        let refused = go(&[Status::Paid], false).await;
        let text =
            "cannot change from 'Draft' to 'paid-in-full': it may become 'Placed', 'Cancelled'";
        assert_eq!(violation(refused, "status"), text);
        assert_eq!(violation(go(&[Status::Paid], true).await, "status"), text);
        // The stored state is compared with the loaded one, so each step in between needs an event.
        let refused = go(&[Status::Placed, Status::Paid], false).await;
        assert_eq!(violation(refused, "status"), text);
        go(&[Status::Placed, Status::Paid, Status::Paid], true).await.unwrap();
        let refused = go(&[Status::Cancelled], true).await;
        let text = "cannot change from 'paid-in-full' to 'Cancelled': it is final";
        assert_eq!(violation(refused, "status"), text);

        let set =
            |status| move |order: &mut Order| order.lines = vec![Line { status, ..line("A") }];
        add(&domain, set(LineStatus::Packed)).await.unwrap();
        let text = "cannot change from 'Packed' to 'Open': it is final";
        let refused = add(&domain, set(LineStatus::Open)).await;
        assert_eq!(violation(refused, "lines[0].status"), text);
        let mut other = line("B");
        other.status = LineStatus::Open;
        add(&domain, |order| order.lines = vec![other.clone()]).await.unwrap();
    }
}

#[tokio::test]
async fn another_entity_in_a_field_begins_with_any_state() {
    let folder = tempfile::tempdir().unwrap();
    for (domain, _) in domains(&folder) {
        let pay = |id, status| move |order: &mut Order| order.payment = Some(payment(id, status));
        add(&domain, pay("1", PaymentStatus::Failed)).await.unwrap();
        let refused = add(&domain, pay("1", PaymentStatus::Pending)).await;
        let text = "cannot change from 'Failed' to 'Pending': it is final";
        assert_eq!(violation(refused, "payment.status"), text);
        add(&domain, pay("2", PaymentStatus::Pending)).await.unwrap();
        add(&domain, pay("2", PaymentStatus::Paid)).await.unwrap();
    }
}

#[tokio::test]
async fn an_entity_keeps_its_state_wherever_it_is_in_its_list() {
    let folder = tempfile::tempdir().unwrap();
    for (domain, _) in domains(&folder) {
        let packed = Line { status: LineStatus::Packed, ..line("B") };
        add(&domain, |order| order.lines = vec![line("A"), packed.clone()]).await.unwrap();
        add(&domain, |order| order.lines = vec![packed.clone(), line("A")]).await.unwrap();
        let refused = add(&domain, |order| order.lines = vec![line("A"), line("B")]).await;
        let text = "cannot change from 'Packed' to 'Open': it is final";
        assert_eq!(violation(refused, "lines[1].status"), text);
    }
}

#[event(part_of = Parcel)]
struct ParcelMoved {
    to: LineStatus,
    by: Period,
}

#[aggregate(event_sourced)]
struct Parcel {
    root: Root<Parcel>,
    #[field(default = LineStatus::Open)]
    status: LineStatus,
}

#[aggregate_impl]
impl Parcel {
    #[apply]
    fn on_moved(&mut self, event: &ParcelMoved) {
        self.status = event.to;
    }
}

#[test]
fn an_event_that_changes_a_state_as_it_may_not_is_not_raised() {
    let moved = |to| ParcelMoved { to, by: Period { end: day("2027-02-01"), ..backwards() } };
    let mut parcel = Parcel::create();
    parcel.raise(moved(LineStatus::Packed)).unwrap();
    parcel.raise(moved(LineStatus::Packed)).unwrap();
    let refused = parcel.raise(moved(LineStatus::Open));
    let text = "cannot change from 'Packed' to 'Open': it is final";
    assert_eq!(violation(refused, "status"), text);
    assert!(parcel.raise(moved(LineStatus::Packed)).is_err(), "its state is wrong by now");
    let mut parcel = Parcel::create();
    let refused = parcel.raise(ParcelMoved { to: LineStatus::Open, by: backwards() });
    assert_eq!(violation(refused, "by.end"), "must not be before the start");
}
