//! Processes under way in a program whose process manager has changed.

use std::path::Path;
use std::time::Duration;

use protean::model::{MessageData, Stored, Upcast};
use protean::prelude::*;
use protean::{DomainBuilder, Manages, Server, Storage};
use protean_testing::TestDomain;

const MINUTE: Duration = Duration::from_secs(60);

/// A program with events in one of their versions, and its process manager.
macro_rules! program {
    ($name:ident, version $version:tt by $by:ident, $($rest:tt)*) => {
        mod $name {
            use protean::prelude::*;
            use protean::{aggregate, aggregate_impl, event, process_manager};

            #[event(part_of = Order, version = $version)]
            #[derive(PartialEq)]
            pub(super) struct Placed {
                pub(super) $by: Id,
            }

            #[event(part_of = Order, version = $version)]
            #[derive(PartialEq)]
            pub(super) struct Paid {
                pub(super) $by: Id,
                pub(super) amount: i64,
            }

            #[aggregate]
            pub(super) struct Order {
                root: Root<Order>,
            }

            #[aggregate_impl]
            impl Order {}

            $($rest)*
        }
    };
}

/// The process manager as it was, and as it is when only the events have changed.
macro_rules! watch {
    ($by:ident) => {
        use protean::{process_manager_impl, timer};

        #[process_manager]
        pub(super) struct Watch {
            root: Root<Watch>,
            pub(super) total: i64,
            pub(super) due: bool,
        }

        #[timer(part_of = Watch)]
        #[derive(PartialEq)]
        pub(super) struct Due {}

        #[process_manager_impl]
        impl Watch {
            #[on(start, by = $by)]
            async fn placed(&mut self, _event: Placed) -> Handled {
                Ok(self.remind(Due {}, 10 * super::MINUTE)?)
            }

            #[on(by = $by)]
            async fn paid(&mut self, event: Paid) -> Handled {
                self.total += event.amount;
                Ok(())
            }

            #[on(timer)]
            async fn due(&mut self, _timer: Due) -> Handled {
                self.due = true;
                Ok(())
            }
        }
    };
}

program! { before, version 1 by order, watch! { order } }
program! { reworded, version 2 by order_id, watch! { order_id } }

program! { renamed, version 1 by order,
    use protean::{process_manager_impl, timer};

    #[process_manager(name = "Watch")]
    pub(super) struct Lookout {
        root: Root<Lookout>,
        #[field(renamed_from = "total")]
        pub(super) paid: i64,
        #[field(default = 3)]
        pub(super) patience: u32,
        pub(super) due: bool,
    }

    #[timer(part_of = Lookout)]
    #[derive(PartialEq)]
    pub(super) struct Due {}

    #[process_manager_impl]
    impl Lookout {
        #[on(start, by = order)]
        async fn placed(&mut self, _event: Placed) -> Handled {
            Ok(self.remind(Due {}, 10 * super::MINUTE)?)
        }

        #[on(by = order)]
        async fn paid(&mut self, event: Paid) -> Handled {
            self.paid += event.amount;
            self.patience += 1;
            Ok(())
        }

        #[on(timer)]
        async fn due(&mut self, _timer: Due) -> Handled {
            self.due = true;
            Ok(())
        }
    }
}

// It has the former name as well, which the database does not know.
program! { by_hand, version 2 by order_id,
    use protean::{React, RegisterProcess, Registry};

    #[process_manager]
    pub(super) struct Watch {
        root: Root<Watch>,
        pub(super) total: i64,
    }

    impl React<Placed> for Watch {
        const BY: &'static [&'static str] = &["order_id", "order"];

        async fn react(&mut self, _event: Placed, _: &Context) -> Handled {
            Ok(())
        }
    }

    impl React<Paid> for Watch {
        const BY: &'static [&'static str] = &["order_id", "order"];

        async fn react(&mut self, event: Paid, _: &Context) -> Handled {
            self.total += event.amount;
            Ok(())
        }
    }

    impl RegisterProcess for Watch {
        fn register(registry: &mut Registry) {
            registry.process_manager::<Self>().starts::<Placed>().on::<Paid>();
        }
    }
}

/// `order` is called `order_id`.
macro_rules! upcasters {
    ($($name:ident of $program:ident::$message:ident),*) => {$(
        struct $name;

        impl Upcast for $name {
            type Message = $program::$message;
            const FROM: u32 = 1;

            fn upcast(data: &mut MessageData) -> Result {
                data.rename("order", "order_id");
                Ok(())
            }
        }
    )*};
}

upcasters! {
    OldPlaced of reworded::Placed, OldPaid of reworded::Paid,
    OldPlacedByHand of by_hand::Placed, OldPaidByHand of by_hand::Paid
}

fn shop() -> DomainBuilder {
    protean::domain("shop")
}

fn before(file: &Path) -> TestDomain {
    let shop = shop().aggregate::<before::Order>().register(before::Watch::manager());
    let shop = TestDomain::in_file(shop, file);
    let (placed, paid) =
        (before::Placed { order: "a".into() }, before::Paid { order: "a".into(), amount: 5 });
    shop.given_events::<before::Order>("a", [placed]);
    shop.when_event("a", paid)
        .then_state("a", |watch: &before::Watch| assert_eq!(watch.total, 5))
        .then_timer("a", before::Due {}, 10 * MINUTE);
    shop
}

#[test]
fn a_process_goes_on_when_its_struct_and_fields_have_other_names() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("shop.db");
    drop(before(&file));
    let shop = shop().aggregate::<renamed::Order>().register(renamed::Lookout::manager());
    let shop = TestDomain::in_file(shop, &file);
    shop.when_event("a", renamed::Paid { order: "a".into(), amount: 2 })
        .then_state("a", |lookout: &renamed::Lookout| {
            let renamed::Lookout { paid, patience, due, .. } = lookout;
            assert_eq!((*paid, *patience, *due), (7, 4, false), "what was kept, and the default");
        })
        .then_timer("a", renamed::Due {}, 10 * MINUTE);
    shop.when_passed(10 * MINUTE)
        .then_state("a", |lookout: &renamed::Lookout| assert!(lookout.due, "its timer comes"));
    let report = shop.run(protean::verify(shop.domain())).unwrap();
    let groups: Vec<_> =
        report.groups.iter().map(|group| (&*group.handler, group.handled)).collect();
    assert_eq!(groups, [("Watch", 4)], "its subscription goes on");
    assert!(report.closes && report.vanished.is_empty(), "{report:?}");
}

/// An older program without the process manager, which writes what it knows.
fn pay_by_an_older_program(file: &Path, amount: i64) {
    let old = TestDomain::in_file(shop().aggregate::<before::Order>(), file);
    old.given_events::<before::Order>("a", [before::Paid { order: "a".into(), amount }]);
}

/// Serves until the process says so.
fn serve_until<P: Stored<Storage: Storage<P>>>(shop: &TestDomain, done: fn(&P) -> bool) {
    let served = Server::new(shop.domain().clone()).run(async {
        let processes = shop.domain().repository::<P>().await.unwrap();
        while !processes.find(&"a".into()).await.unwrap().is_some_and(|process| done(&process)) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    shop.run(async { tokio::time::timeout(MINUTE, served).await }).unwrap().unwrap();
}

#[test]
fn a_process_goes_on_when_the_field_that_names_it_is_called_otherwise() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("shop.db");
    drop(before(&file));
    let shop = shop().aggregate::<reworded::Order>().register(reworded::Watch::manager());
    let shop = TestDomain::in_file(shop.upcaster::<OldPlaced>().upcaster::<OldPaid>(), &file);
    shop.when_event("a", reworded::Paid { order_id: "a".into(), amount: 2 })
        .then_state("a", |watch: &reworded::Watch| assert_eq!(watch.total, 7));
    pay_by_an_older_program(&file, 1);
    serve_until(&shop, |watch: &reworded::Watch| watch.total == 8);
    shop.when_passed(10 * MINUTE).then_state("a", |watch: &reworded::Watch| assert!(watch.due));
}

#[test]
fn a_process_manager_that_is_new_takes_old_events_by_the_former_name_of_the_field() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("shop.db");
    let shop = shop().aggregate::<by_hand::Order>().register(Manages::<by_hand::Watch>::new());
    let shop = shop.upcaster::<OldPlacedByHand>().upcaster::<OldPaidByHand>();
    let shop = TestDomain::in_file(shop, &file);
    shop.given_events::<by_hand::Order>("a", [by_hand::Placed { order_id: "a".into() }]);
    pay_by_an_older_program(&file, 1);
    serve_until(&shop, |watch: &by_hand::Watch| watch.total == 1);
}
