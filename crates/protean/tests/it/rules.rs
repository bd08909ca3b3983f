//! Rules of values, fields and states: checked wherever something new is made, never when it is read.

use std::collections::BTreeMap;
use std::time::Duration;

use protean::model::{Children, Columns, Fields};
use protean::prelude::{Context, Decimal, Handled, Id, Result, Root, Timestamp};
use protean::{
    Date, Domain, Error, Json, aggregate, aggregate_impl, command, command_handler, entity,
    entity_impl, event, projection, projector, value_object, value_object_impl,
};

#[value_object]
struct Period {
    start: Date,
    end: Date,
}

#[value_object_impl]
impl Period {
    #[invariant("end" => "must not be before the start")]
    fn ends_after_its_start(&self) -> bool {
        self.start <= self.end
    }
}

#[value_object]
struct Sku(#[field(min_length = 1, max_length = 8, validate = is_upper_case)] String);

fn is_upper_case(text: &str) -> Result<(), &'static str> {
    if text.chars().any(char::is_lowercase) { Err("must be upper case") } else { Ok(()) }
}

#[value_object]
struct Percent(#[field(min_value = 0, max_value = 100, scale = 1)] Decimal);

#[value_object]
#[transitions(Draft => [Placed, Cancelled], Placed => [Paid, Cancelled])]
enum Status {
    Draft,
    Placed,
    #[serde(rename = "paid-in-full")]
    Paid,
    Cancelled,
}

#[value_object]
#[transitions(Open => [Packed])]
enum LineStatus {
    Open,
    Packed,
}

#[entity]
struct Line {
    #[field(identifier)]
    sku: Sku,
    wanted: u32,
    reserved: u32,
    #[field(default = LineStatus::Open)]
    status: LineStatus,
}

#[entity_impl]
impl Line {
    #[invariant("reserved" => "cannot be more than is wanted")]
    fn is_not_more_than_wanted(&self) -> bool {
        self.reserved <= self.wanted
    }
}

#[entity]
struct Payment {
    id: Id,
    #[field(precision = 6, scale = 2)]
    amount: Decimal,
}

#[aggregate]
struct Order {
    root: Root<Order>,
    customer: String,
    #[field(blank = false)]
    currency: String,
    period: Option<Period>,
    status: Status,
    lines: Vec<Line>,
    payment: Option<Payment>,
    discount: Option<Percent>,
    #[field(max_length = 2)]
    prices: BTreeMap<Sku, Decimal>,
    settings: Json,
    #[field(created_at)]
    created_at: Timestamp,
    #[field(updated_at)]
    updated_at: Option<Timestamp>,
}

#[aggregate_impl]
impl Order {
    fn draft(id: &str) -> Self {
        Self {
            root: Root::with_id(id),
            customer: String::new(),
            currency: "EUR".into(),
            period: None,
            status: Status::Draft,
            lines: Vec::new(),
            payment: None,
            discount: None,
            prices: BTreeMap::new(),
            settings: Json::default(),
            created_at: Timestamp::default(),
            updated_at: None,
        }
    }
}

#[event(part_of = Order)]
struct OrderChanged {
    order_id: Id,
    status: Status,
}

/// Moves an order from state to state, with an event for each.
#[command(part_of = Order)]
struct Move {
    #[field(identifier)]
    order: Id,
    through: Vec<Status>,
    raise: bool,
}

#[command(part_of = Order)]
struct Lend {
    #[field(identifier)]
    sku: Sku,
    period: Period,
    #[field(validate = |periods: &Vec<Period>| if periods.len() < 3 { Ok(()) } else { Err("are too many") })]
    more: Vec<Period>,
    prices: BTreeMap<Sku, Percent>,
}

#[projection]
struct OrderRow {
    #[field(identifier)]
    order_id: Id,
    status: Status,
    #[field(created_at)]
    created_at: Timestamp,
    #[field(updated_at)]
    updated_at: Timestamp,
}

struct Orders;

#[command_handler(part_of = Order)]
impl Orders {
    #[handle]
    async fn change(&self, command: Move, ctx: &Context) -> Handled {
        let orders = ctx.repository::<Order>();
        let found = orders.find(&command.order).await?;
        let mut order = found.unwrap_or_else(|| Order::draft(command.order.as_str()));
        for status in command.through {
            order.status = status;
            if command.raise {
                order.raise(OrderChanged { order_id: order.id(), status })?;
            }
        }
        Ok(orders.add(order).await?)
    }

    #[handle]
    async fn lend(&self, _command: Lend) -> Handled {
        Ok(())
    }
}

struct Rows;

#[projector(projection = OrderRow)]
impl Rows {
    #[on]
    async fn changed(&self, event: OrderChanged, ctx: &Context) -> Handled {
        let (created_at, updated_at) = Default::default();
        let row =
            OrderRow { order_id: event.order_id, status: event.status, created_at, updated_at };
        Ok(ctx.repository::<OrderRow>().add(row).await?)
    }
}

/// A clock that stands still.
#[derive(Clone, Default)]
struct Hands(std::sync::Arc<std::sync::atomic::AtomicI64>);

impl Hands {
    fn put(&self, seconds: i64) -> Timestamp {
        self.0.store(seconds, std::sync::atomic::Ordering::SeqCst);
        protean::port::Clock::now(self)
    }
}

impl protean::port::Clock for Hands {
    fn now(&self) -> Timestamp {
        let seconds = self.0.load(std::sync::atomic::Ordering::SeqCst);
        Timestamp::from_micros(seconds * 1_000_000)
    }
}

/// On each kind of store that needs no server.
fn domains(folder: &tempfile::TempDir) -> Vec<(Domain, Hands)> {
    let file = folder.path().join("rules.db");
    let sqlite = format!("provider = \"sqlite\"\ndatabase_uri = 'sqlite:{}'", file.display());
    let configs = ["provider = \"memory\"".to_owned(), sqlite];
    let build = |database: String| {
        let config = format!("event_processing = \"sync\"\n[databases.default]\n{database}\n");
        let builder = protean::domain("rules").config(&config).aggregate::<Order>();
        let clock = Hands::default();
        clock.put(1_700_000_000);
        let builder = builder.projection::<OrderRow>().register(Orders).register(Rows);
        (builder.clock(clock.clone()).build().unwrap(), clock)
    };
    configs.into_iter().map(build).collect()
}

fn day(text: &str) -> Date {
    text.parse().unwrap()
}

fn backwards() -> Period {
    Period { start: day("2027-02-01"), end: day("2027-01-31") }
}

fn line(sku: &str) -> Line {
    Line { sku: sku.into(), wanted: 2, reserved: 0, status: LineStatus::Open }
}

async fn add(domain: &Domain, change: impl Fn(&mut Order) + Sync) -> Result {
    let added = domain.unit_of_work(async |ctx| {
        let orders = ctx.repository::<Order>();
        let found = orders.find(&"1".into()).await?;
        let mut order = found.unwrap_or_else(|| Order::draft("1"));
        change(&mut order);
        orders.add(order).await
    });
    added.await
}

fn violation(refused: Result, field: &str) -> String {
    let error: Error = refused.unwrap_err();
    let found = error.violations().unwrap_or_else(|| panic!("{error}"));
    let fields: Vec<&str> = found.iter().map(|(field, _)| field).collect();
    assert_eq!(fields, [field], "{error}");
    found.get(field).join("; ")
}

#[tokio::test]
async fn each_rule_below_the_aggregate_is_a_violation_named_by_field() {
    let folder = tempfile::tempdir().unwrap();
    for (domain, _) in domains(&folder) {
        let refused = add(&domain, |order| order.period = Some(backwards())).await;
        assert_eq!(violation(refused, "period.end"), "must not be before the start");
        let refused = add(&domain, |order| order.lines.push(Line { reserved: 3, ..line("A") }));
        let text = violation(refused.await, "lines[0].reserved");
        assert_eq!(text, "cannot be more than is wanted");
        let refused = add(&domain, |order| order.lines.push(line("a")));
        assert_eq!(violation(refused.await, "lines[0].sku"), "must be upper case");
        let refused = add(&domain, |order| order.discount = Some(Percent(101.into())));
        assert_eq!(violation(refused.await, "discount"), "must be at most 100, is 101");
        let refused = add(&domain, |order| {
            order.payment = Some(Payment { id: "p".into(), amount: Decimal::new(1, 3) });
        });
        let text = violation(refused.await, "payment.amount");
        assert_eq!(text, "must have at most 2 digits after the decimal point, has 3");
        let refused = add(&domain, |order| order.currency = " ".into()).await;
        assert_eq!(violation(refused, "currency"), "is required");
        let refused = add(&domain, |order| {
            order.prices.insert("TOO-LONG-A-NAME".into(), 1.into());
        });
        let text = violation(refused.await, "prices[TOO-LONG-A-NAME]");
        assert_eq!(text, "must have at most 8 characters, has 15");
        let refused = add(&domain, |order| {
            order.prices = ["A", "B", "C"].map(|sku| (sku.into(), 1.into())).into();
        });
        let text = violation(refused.await, "prices");
        assert_eq!(text, "must have 2 or fewer elements, has 3");
        add(&domain, |_| {}).await.unwrap();
    }
}

#[tokio::test]
async fn a_command_that_comes_as_json_is_checked_to_its_last_value() {
    let folder = tempfile::tempdir().unwrap();
    for (domain, _) in domains(&folder) {
        let json = r#"{"sku": "", "period": {"start": "2027-02-01", "end": "2027-01-31"},
            "more": [{"start": "2027-02-01", "end": "2027-02-01"},
                     {"start": "2027-02-01", "end": "2027-01-31"}],
            "prices": {"A": 50, "b": 12.25}}"#;
        let command: Lend = serde_json::from_str(json).unwrap();
        let error = domain.process(command).asynchronous().await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "more[1].end: must not be before the start; \
             period.end: must not be before the start; \
             prices[b]: must be upper case, must have at most 1 digits after the decimal point, has 2; \
             sku: must have at least 1 character, has 0"
        );
        let period = Period { end: day("2027-02-01"), ..backwards() };
        let more = vec![period.clone(); 3];
        let lend = Lend { sku: "A".into(), period, more, prices: BTreeMap::new() };
        let error = domain.process(lend).asynchronous().await.unwrap_err();
        assert_eq!(error.to_string(), "more: are too many");
    }
    let read: Period =
        serde_json::from_str(r#"{"start":"2027-02-01","end":"2027-01-31"}"#).unwrap();
    assert_eq!(read.valid().unwrap_err().to_string(), "end: must not be before the start");
    assert_eq!(Sku::from("a").valid().unwrap_err().to_string(), "must be upper case");
}

/// Data from before a rule existed, as an older version of the program would have stored it.
#[tokio::test]
async fn what_is_kept_is_read_whatever_rules_came_later() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rules.db");
    let [_, (domain, _)] = <[_; 2]>::try_from(domains(&folder)).ok().unwrap();
    add(&domain, |order| order.lines.push(line("A"))).await.unwrap();
    let database = rusqlite::Connection::open(&file).unwrap();
    let old = "UPDATE \"order\" SET currency = '', period_start = '2027-02-01', \
               period_end = '2027-01-31', status = 'Cancelled', \
               lines = '[{\"sku\":\"a\",\"wanted\":1,\"reserved\":9}]'";
    assert_eq!(database.execute(old, []).unwrap(), 1);
    drop(database);
    let order = domain.repository::<Order>().await.unwrap().get(&"1".into()).await.unwrap();
    assert_eq!(order.period, Some(backwards()));
    assert_eq!((order.lines[0].reserved, order.lines[0].status), (9, LineStatus::Open));
    let error = add(&domain, |_| {}).await.unwrap_err();
    let fields: Vec<&str> = error.violations().unwrap().iter().map(|(field, _)| field).collect();
    assert_eq!(fields, ["currency", "lines[0].reserved", "lines[0].sku", "period.end"]);
    add(&domain, |order| {
        (order.currency, order.period) = ("EUR".into(), None);
        order.lines = vec![line("A")];
    })
    .await
    .unwrap();
}

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
        assert_eq!(violation(refused, "lines[A].status"), text);
        let mut other = line("B");
        other.status = LineStatus::Open;
        add(&domain, |order| order.lines = vec![other.clone()]).await.unwrap();
    }
}

#[tokio::test]
async fn moments_of_creation_and_change_are_those_of_the_message() {
    let folder = tempfile::tempdir().unwrap();
    for (domain, clock) in domains(&folder) {
        let go = |status| Move { order: "1".into(), through: vec![status], raise: true };
        let created = clock.put(1_700_000_000);
        domain.process(go(Status::Draft)).synchronous().await.unwrap();
        let changed = clock.put(1_700_000_060);
        domain.process(go(Status::Placed)).synchronous().await.unwrap();
        let orders = domain.repository::<Order>().await.unwrap();
        let order = orders.get(&"1".into()).await.unwrap();
        assert_eq!((order.created_at, order.updated_at), (created, Some(changed)));
        // A projector that writes the whole row anew keeps when it was created.
        let rows = domain.repository::<OrderRow>().await.unwrap();
        let row = rows.get(&"1".into()).await.unwrap();
        assert_eq!((row.created_at, row.updated_at), (created, changed));
        // A clock that goes back does not.
        clock.put(1_699_999_999);
        add(&domain, |_| {}).await.unwrap();
        let order = orders.get(&"1".into()).await.unwrap();
        assert_eq!((order.created_at, order.updated_at), (created, Some(changed)));
        let before = created - Duration::from_secs(9);
        let import = domain.unit_of_work(async |ctx| {
            let old = Order { created_at: before, ..Order::draft("2") };
            ctx.repository::<Order>().add(old).await
        });
        import.await.unwrap();
        let order = orders.get(&"2".into()).await.unwrap();
        assert_eq!(order.created_at, before, "a moment that is set stays");
    }
}

#[tokio::test]
async fn maps_newtypes_entities_and_free_json_are_read_as_they_were_written() {
    let folder = tempfile::tempdir().unwrap();
    for (domain, _) in domains(&folder) {
        let long: Decimal = "12345678901234567890.12".parse().unwrap();
        let settings: Json = r#"{"rate": 0.12345678901234567890, "tags": ["a"]}"#.parse().unwrap();
        add(&domain, |order| {
            order.prices = BTreeMap::from([("A".into(), long), ("B".into(), 1.into())]);
            order.discount = Some(Percent(Decimal::new(125, 1)));
            order.payment = Some(Payment { id: "p".into(), amount: Decimal::new(650, 2) });
            order.settings = settings.clone();
            order.lines.push(line("A"));
        })
        .await
        .unwrap();
        let orders = domain.repository::<Order>().await.unwrap();
        let order =
            orders.query().filter(Order::CUSTOMER.equals("")).all().await.unwrap().remove(0);
        assert_eq!(order.prices[&Sku::from("A")], long);
        assert_eq!(
            (order.discount, order.settings),
            (Some(Percent(Decimal::new(125, 1))), settings)
        );
        assert_eq!(order.payment, Some(Payment { id: "p".into(), amount: Decimal::new(650, 2) }));
        assert_eq!(order.lines, [line("A")]);
        add(&domain, |order| order.payment = None).await.unwrap();
        assert_eq!(orders.get(&"1".into()).await.unwrap().payment, None);
        let discounted =
            orders.query().filter(Order::DISCOUNT.equals(Percent(Decimal::new(125, 1))));
        assert_eq!(discounted.count().await.unwrap(), 1);
    }
    assert_eq!(serde_json::to_string(&Sku::from("A")).unwrap(), "\"A\"");
    let columns = Order::columns();
    let kind = |name: &str| columns.iter().find(|column| column.name == name).unwrap().kind;
    assert_eq!(kind("discount"), protean::message::ColumnKind::Decimal);
    assert_eq!(kind("payment"), protean::message::ColumnKind::Json);
}

#[test]
fn a_child_is_found_by_its_identity() {
    let mut lines = vec![line("A")];
    lines.add_child(line("B")).unwrap();
    let taken = lines.add_child(line("A")).unwrap_err();
    assert_eq!(taken.to_string(), "id: 'A' is already taken by another Line");
    lines.child_mut(&"B".into()).unwrap().reserved = 1;
    assert_eq!(lines.child(&"B".into()).unwrap().reserved, 1);
    assert_eq!(lines.remove_child(&"A".into()).unwrap(), line("A"));
    let gone = lines.remove_child(&"A".into()).unwrap_err();
    assert_eq!(gone.to_string(), "no Line has the id 'A'");
    assert!(gone.is_not_found());
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
