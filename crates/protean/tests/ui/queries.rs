use protean::{
    Domain, Id, Root, aggregate, aggregate_impl, event, projection, value_object,
};

#[event(part_of = Account)]
struct AccountOpened {
    account_id: Id,
}

#[aggregate(event_sourced)]
struct Account {
    root: Root<Account>,
    owner: String,
}

#[aggregate_impl]
impl Account {
    #[apply]
    fn opened(&mut self, _: &AccountOpened) {}
}

#[value_object]
struct Address {
    street: String,
    city: String,
}

#[projection]
struct AccountRow {
    #[field(identifier)]
    account_id: Id,
    balance: i64,
    address: Address,
    tags: Vec<String>,
}

async fn ask(domain: &Domain) {
    let accounts = domain.repository::<Account>().await.unwrap();
    accounts.query();
    let rows = domain.repository::<AccountRow>().await.unwrap();
    rows.query().filter(AccountRow::BALANCE.contains("1"));
    rows.query().filter(AccountRow::BALANCE.equals("1"));
    rows.query().filter(AccountRow::BALANCE.has(1));
    rows.query().filter(AccountRow::TAGS.contains("new"));
    rows.query().filter(AccountRow::BALANCE.field(Address::CITY).equals("Ulm"));
    rows.query().filter(Address::CITY.equals("Ulm"));
}

fn main() {}
