//! Queries as users write them, on every store.

use protean::prelude::{Context, Decimal, Id, Result, Root};
use protean::{
    Condition, Cursor, Domain, Json, aggregate, aggregate_impl, event, projection, value_object,
};

use crate::stores::local;

#[value_object]
#[derive(PartialEq, Eq)]
enum State {
    Open,
    Shipped,
}

#[value_object]
struct Country {
    code: String,
}

#[value_object]
struct Address {
    street: String,
    city: Option<String>,
    country: Country,
}

#[aggregate(index(state, total desc), index(address.city), unique(customer, number))]
struct Order {
    root: Root<Order>,
    #[field(index)]
    customer: String,
    number: u32,
    state: State,
    total: Decimal,
    address: Address,
    billing: Option<Address>,
    tags: Vec<String>,
    amounts: Vec<Decimal>,
}

#[aggregate_impl]
impl Order {
    #[invariant(post)]
    fn has_a_customer(&self) -> Result {
        protean::ensure!(self.customer != "nobody", "customer" => "must be somebody");
        Ok(())
    }
}

#[event(part_of = Order)]
struct OrderShipped {
    number: u32,
}

#[projection(index(city, label desc))]
struct OrderRow {
    #[field(identifier)]
    id: Id,
    label: String,
    city: Option<String>,
}

#[value_object]
struct Packaging {
    labels: Vec<String>,
}

#[projection(index(packaging.labels))]
struct Parcel {
    #[field(identifier)]
    id: Id,
    packaging: Packaging,
}

#[projection]
struct Note {
    #[field(identifier)]
    id: Id,
    #[field(unique)]
    text: Json,
}

crate::on_every_store! {
    every_condition_finds_its_rows
    pages_lead_from_one_to_the_next
    a_cursor_of_another_query_is_refused
    a_selection_is_changed_as_the_unit_sees_it
    changing_a_selection_keeps_every_rule
    one_unit_changes_a_thousand_rows_at_most
    a_query_that_is_too_much_is_refused_everywhere
}

fn domains(stores: &[String]) -> Vec<Domain> {
    let build = |database: &String| {
        let config = format!("[databases.default]\n{database}\n");
        let builder = protean::domain("queries").config(&config);
        builder
            .aggregate::<Order>()
            .projection::<OrderRow>()
            .event::<OrderShipped>()
            .build()
            .unwrap()
    };
    stores.iter().map(build).collect()
}

fn address(street: &str, city: Option<&str>, code: &str) -> Address {
    let (street, city) = (street.to_owned(), city.map(str::to_owned));
    Address { street, city, country: Country { code: code.to_owned() } }
}

fn order(number: u32) -> Order {
    let customer = ["ann", "Bob", "ännchen"][number as usize % 3];
    let city = [None, Some("Ulm"), Some("Genf")][number as usize % 3];
    Order {
        root: Root::with_id(format!("o{number}")),
        customer: customer.to_owned(),
        number,
        state: if number < 4 { State::Open } else { State::Shipped },
        total: Decimal::new(i64::from(number) * 150, 2),
        address: address(&format!("Weg {number}"), city, "CH"),
        billing: number.is_multiple_of(2).then(|| address("Allee 1", None, "DE")),
        tags: vec![format!("tag{number}"), "all".to_owned()],
        amounts: vec![Decimal::new(i64::from(number) * 10, 1)],
    }
}

async fn filled(domain: &Domain, count: u32) {
    let added = domain.unit_of_work(async |ctx: &Context| {
        for number in 1..=count {
            ctx.repository::<Order>().add(order(number)).await?;
            let city = number.is_multiple_of(2).then(|| "Ulm".to_owned());
            let row = OrderRow { id: format!("r{number}").into(), label: "l".to_owned(), city };
            ctx.repository::<OrderRow>().add(row).await?;
        }
        Ok(())
    });
    added.await.unwrap();
}

async fn numbers(domain: &Domain, condition: Condition<Order>) -> Vec<u32> {
    let orders = domain.repository::<Order>().await.unwrap().query().filter(condition);
    let orders = orders.order_by(Order::NUMBER.ascending()).all().await.unwrap();
    orders.iter().map(|order| order.number).collect()
}

async fn every_condition_finds_its_rows(stores: &[String]) {
    for domain in domains(stores) {
        filled(&domain, 6).await;
        let cases: Vec<(Condition<Order>, &[u32])> = vec![
            (Order::ID.equals("o3"), &[3]),
            (Order::NUMBER.one_of([1, 5, 9]), &[1, 5]),
            (Order::STATE.one_of([State::Shipped]), &[4, 5, 6]),
            (Order::CUSTOMER.starts_with("B"), &[1, 4]),
            (Order::CUSTOMER.ignoring_case().starts_with("b"), &[1, 4]),
            (Order::CUSTOMER.ignoring_case().equals("ÄNNCHEN"), &[]),
            (Order::CUSTOMER.ends_with("nn"), &[3, 6]),
            (Order::CUSTOMER.contains("n"), &[2, 3, 5, 6]),
            (Order::TAGS.has("tag2"), &[2]),
            (Order::TAGS.has("tag"), &[]),
            (Order::AMOUNTS.has(3), &[3]),
            (Order::ADDRESS.field(Address::CITY).equals("Ulm"), &[1, 4]),
            (Order::ADDRESS.field(Address::CITY).is_null(), &[3, 6]),
            (Order::ADDRESS.field(Address::CITY).contains("l"), &[1, 4]),
            (
                Order::ADDRESS.field(Address::COUNTRY).field(Country::CODE).equals("CH"),
                &[1, 2, 3, 4, 5, 6],
            ),
            (Order::BILLING.field(Address::STREET).equals("Allee 1"), &[2, 4, 6]),
            (Order::BILLING.field(Address::STREET).is_null(), &[1, 3, 5]),
            (!Order::BILLING.field(Address::STREET).equals("Allee 1"), &[1, 3, 5]),
            (Order::TOTAL.above(3).and(Order::TOTAL.at_most(6)), &[3, 4]),
            (Order::TOTAL.below(3).or(Order::NUMBER.equals(6_u32)), &[1, 6]),
            (!(Order::TOTAL.below(3).or(Order::NUMBER.equals(6_u32))), &[2, 3, 4, 5]),
            (Condition::any((1..3_u32).map(|number| Order::NUMBER.equals(number))), &[1, 2]),
            (Condition::all([]), &[1, 2, 3, 4, 5, 6]),
            (Condition::any([]), &[]),
        ];
        for (condition, expected) in cases {
            let orders = domain.repository::<Order>().await.unwrap();
            let found = orders.query().filter(condition.clone());
            assert_eq!(found.exists().await.unwrap(), !expected.is_empty(), "{condition:?}");
            assert_eq!(numbers(&domain, condition.clone()).await, expected, "{condition:?}");
        }
    }
}

async fn pages_lead_from_one_to_the_next(stores: &[String]) {
    for domain in domains(stores) {
        filled(&domain, 7).await;
        let rows = domain.repository::<OrderRow>().await.unwrap();
        let by_city = || rows.query().order_by(OrderRow::CITY.descending());
        let (mut seen, mut cursor) = (Vec::new(), None::<Cursor>);
        loop {
            // A client keeps it as a text.
            let after = cursor.map(|cursor| serde_json::to_string(&cursor).unwrap());
            let after: Option<Cursor> = after.map(|text| serde_json::from_str(&text).unwrap());
            let page = by_city().after(after).with_total().page(3).await.unwrap();
            assert_eq!(page.total, Some(7));
            assert_eq!(page.rows.len(), 3.min(7 - seen.len()));
            seen.extend(page.rows.iter().map(|row| row.id.to_string()));
            cursor = page.next;
            if cursor.is_none() {
                break;
            }
        }
        assert_eq!(seen, ["r6", "r4", "r2", "r7", "r5", "r3", "r1"]);
        let first = by_city().page(7).await.unwrap();
        assert_eq!((first.rows.len(), first.next, first.total), (7, None, None));
        // A page always leads on.
        let smallest = by_city().page(0).await.unwrap();
        assert_eq!((smallest.rows.len(), smallest.next.is_some()), (1, true));
        let second = by_city().offset(1).limit(2).all().await.unwrap();
        assert_eq!(second.iter().map(|row| row.id.as_str()).collect::<Vec<_>>(), ["r4", "r2"]);
    }
}

async fn a_cursor_of_another_query_is_refused(stores: &[String]) {
    for domain in domains(stores) {
        filled(&domain, 4).await;
        let rows = domain.repository::<OrderRow>().await.unwrap();
        let cursor = rows.query().order_by(OrderRow::CITY.ascending()).page(2).await.unwrap().next;
        let cursor = cursor.unwrap();
        let other_query = "is a cursor of another query";
        let text = cursor.to_string();
        let cut = Cursor::from(&text[..text.len() - 4]);
        for (selection, why) in [
            (rows.query().order_by(OrderRow::CITY.descending()).after(cursor.clone()), other_query),
            (rows.query().after(cursor.clone()), other_query),
            (
                rows.query()
                    .filter(OrderRow::LABEL.equals("l"))
                    .order_by(OrderRow::CITY.ascending())
                    .after(cursor.clone()),
                other_query,
            ),
            (rows.query().order_by(OrderRow::CITY.ascending()).after(cut), "is not a cursor"),
            (rows.query().after(Cursor::from("'; DROP TABLE")), "is not a cursor"),
        ] {
            let error = selection.page(2).await.unwrap_err();
            assert!(error.is_invalid() && error.to_string().contains(why), "{error}");
            assert!(error.violations().unwrap().get("after").len() == 1, "{error}");
        }
    }
}

async fn a_selection_is_changed_as_the_unit_sees_it(stores: &[String]) {
    for domain in domains(stores) {
        filled(&domain, 6).await;
        let changed = domain.unit_of_work(async |ctx: &Context| {
            let orders = ctx.repository::<Order>();
            // One more matching row and one fewer, both uncommitted changes of this unit.
            orders.add(Order { state: State::Open, ..order(7) }).await?;
            let mut second = orders.get(&"o2".into()).await?;
            second.state = State::Shipped;
            orders.add(second).await?;
            let open = Order::STATE.equals(State::Open);
            let shipped = orders.update_where(open.clone(), |order| {
                order.state = State::Shipped;
                order.raise(OrderShipped { number: order.number })
            });
            let shipped = shipped.await?;
            let removed = orders.remove_where(Order::NUMBER.one_of([1, 6])).await?;
            Ok((shipped, removed, orders.update_where(open, |_| Ok(())).await?))
        });
        assert_eq!(changed.await.unwrap(), (3, 2, 0));
        assert_eq!(numbers(&domain, Order::STATE.equals(State::Shipped)).await, [2, 3, 4, 5, 7]);
        assert_eq!(numbers(&domain, Condition::all([])).await, [2, 3, 4, 5, 7]);
    }
}

async fn changing_a_selection_keeps_every_rule(stores: &[String]) {
    for domain in domains(stores) {
        filled(&domain, 6).await;
        let broken = domain.unit_of_work(async |ctx: &Context| {
            ctx.repository::<Order>()
                .update_where(Order::NUMBER.above(4_u32), |order| {
                    order.customer = "nobody".to_owned();
                    Ok(())
                })
                .await
        });
        let error = broken.await.unwrap_err();
        assert!(error.to_string().contains("must be somebody"), "{error}");
        let twice = domain.unit_of_work(async |ctx: &Context| {
            let change = |order: &mut Order| {
                (order.customer, order.number) = ("ann".to_owned(), 1);
                Ok(())
            };
            ctx.repository::<Order>().update_where(Order::NUMBER.above(4_u32), change).await
        });
        let error = twice.await.unwrap_err().to_string();
        assert!(error.contains("customer") && error.contains("is already taken"), "{error}");
        let renamed = domain.unit_of_work(async |ctx: &Context| {
            let change = |row: &mut OrderRow| {
                row.id = "other".into();
                Ok(())
            };
            ctx.repository::<OrderRow>().update_where(OrderRow::CITY.is_null(), change).await
        });
        let error = renamed.await.unwrap_err().to_string();
        assert!(error.contains("'r1' of 'order_row' cannot be changed"), "{error}");
        assert_eq!(numbers(&domain, Order::CUSTOMER.equals("nobody")).await, [0; 0]);
    }
}

async fn one_unit_changes_a_thousand_rows_at_most(stores: &[String]) {
    for domain in domains(stores) {
        filled(&domain, 1_001).await;
        let all = domain.unit_of_work(async |ctx: &Context| {
            ctx.repository::<OrderRow>().remove_where(Condition::all([])).await
        });
        let error = all.await.unwrap_err().to_string();
        assert!(error.contains("more than 1000 rows of 'order_row'"), "{error}");
        let some = domain.unit_of_work(async |ctx: &Context| {
            ctx.repository::<OrderRow>().remove_where(!OrderRow::ID.equals("r7")).await
        });
        assert_eq!(some.await.unwrap(), 1_000);
        let rows = domain.repository::<OrderRow>().await.unwrap();
        assert_eq!(rows.query().count().await.unwrap(), 1);
    }
}

async fn a_query_that_is_too_much_is_refused_everywhere(stores: &[String]) {
    for domain in domains(stores) {
        let orders = domain.repository::<Order>().await.unwrap();
        let many = orders.query().filter(Order::NUMBER.one_of(0..10_001_u32));
        let error = many.all().await.unwrap_err().to_string();
        assert!(error.contains("10001 values"), "{error}");
        let deep = (0..60).fold(Order::NUMBER.equals(1_u32), |inner, _| !inner);
        assert!(orders.query().filter(deep).count().await.is_err());
        let most = orders.query().filter(Order::NUMBER.one_of(0..10_000_u32));
        assert_eq!(most.count().await.unwrap(), 0);
    }
}

#[tokio::test]
async fn an_explained_query_names_its_index() {
    let folder = tempfile::tempdir().unwrap();
    let [_, domain] = &domains(&local(&folder, "test.db"))[..] else { panic!("memory and SQLite") };
    let orders = domain.repository::<Order>().await.unwrap();
    let open = orders.query().filter(Order::STATE.equals(State::Open));
    let plan = open.order_by(Order::TOTAL.descending()).limit(5).explain().await.unwrap();
    assert!(
        plan.starts_with("SELECT ") && plan.contains("order.index(state, total desc)"),
        "{plan}"
    );
    let by_city = orders.query().filter(Order::ADDRESS.field(Address::CITY).equals("Ulm"));
    let plan = by_city.explain().await.unwrap();
    assert!(plan.contains("order.index(address_city)"), "{plan}");
}

#[test]
fn an_index_on_json_is_refused() {
    let domain = protean::domain("queries").projection::<Parcel>().projection::<Note>();
    let error = domain.build().err().unwrap().to_string();
    for column in ["'packaging_labels' of the table 'parcel'", "'text' of the table 'note'"] {
        assert!(error.contains(&format!("{column} holds JSON")), "{error}");
    }
}
