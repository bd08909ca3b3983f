use protean::prelude::*;
use protean::{MessageData, Upcast, aggregate, aggregate_impl, event, event_handler};
use protean_testing::TestDomain;

#[event(part_of = Account, version = 2)]
struct DepositMade {
    account_id: Id,
    amount: Decimal,
    currency: String,
}

/// Version 1 had no currency.
struct DepositsHaveACurrency;

impl Upcast for DepositsHaveACurrency {
    type Message = DepositMade;
    const FROM: u32 = 1;

    fn upcast(data: &mut MessageData) -> Result {
        data.set("currency", "GBP")
    }
}

#[aggregate(event_sourced)]
struct Account {
    root: Root<Account>,
    balance: Decimal,
}

#[aggregate_impl]
impl Account {
    #[apply]
    fn deposited(&mut self, event: &DepositMade) {
        self.balance += event.amount;
    }
}

struct Postman;

#[event_handler(part_of = Account, name = "Mailer")]
impl Postman {
    #[handle]
    async fn deposited(&self, event: DepositMade) -> Handled {
        assert!(event.amount > 0);
        Ok(())
    }
}

#[test]
fn a_new_version_builds_with_its_upcaster() {
    let bank = || {
        protean::domain("bank")
            .upcaster::<DepositsHaveACurrency>()
            .aggregate::<Account>()
            .register(Postman)
    };
    let bank = TestDomain::new(bank());
    assert_eq!(bank.domain().name(), "bank");
}

#[test]
fn a_version_without_a_way_up_is_named() {
    let bank = protean::domain("bank").aggregate::<Account>().in_memory().build();
    assert!(bank.err().unwrap().to_string().contains("DepositMade"));
}
