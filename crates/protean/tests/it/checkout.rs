//! Orders with rules of every kind, for the modules beside this one.

use std::collections::BTreeMap;

use protean::prelude::{Context, Decimal, Handled, Id, Result, Root, Timestamp};
use protean::{
    Date, Domain, Error, Json, aggregate, aggregate_impl, command, command_handler, entity,
    entity_impl, event, projection, projector, value_object, value_object_impl,
};

use crate::stores::local;

#[value_object]
pub(super) struct Period {
    pub(super) start: Date,
    pub(super) end: Date,
}

#[value_object_impl]
impl Period {
    #[invariant("end" => "must not be before the start")]
    fn ends_after_its_start(&self) -> bool {
        self.start <= self.end
    }
}

#[value_object]
pub(super) struct Sku(
    #[field(min_length = 1, max_length = 8, validate = is_upper_case)] pub(super) String,
);

fn is_upper_case(text: &str) -> Result<(), &'static str> {
    if text.chars().any(char::is_lowercase) { Err("must be upper case") } else { Ok(()) }
}

#[value_object]
#[serde(transparent)]
pub(super) struct Percent(#[field(min_value = 0, max_value = 100, scale = 1)] pub(super) Decimal);

#[value_object]
#[transitions(Draft => [Placed, Cancelled], Placed => [Paid, Cancelled])]
pub(super) enum Status {
    Draft,
    Placed,
    #[serde(rename = "paid-in-full")]
    Paid,
    Cancelled,
}

#[value_object]
#[transitions(Open => [Packed])]
pub(super) enum LineStatus {
    Open,
    Packed,
}

#[entity]
pub(super) struct Line {
    #[field(identifier)]
    pub(super) sku: Sku,
    pub(super) wanted: u32,
    pub(super) reserved: u32,
    #[field(default = LineStatus::Open)]
    pub(super) status: LineStatus,
}

#[entity_impl]
impl Line {
    #[invariant("reserved" => "cannot be more than is wanted")]
    fn is_not_more_than_wanted(&self) -> bool {
        self.reserved <= self.wanted
    }
}

#[value_object]
#[transitions(Pending => [Paid, Failed])]
pub(super) enum PaymentStatus {
    Pending,
    Paid,
    Failed,
}

#[entity]
pub(super) struct Payment {
    pub(super) id: Id,
    #[field(precision = 6, scale = 2)]
    pub(super) amount: Decimal,
    pub(super) status: PaymentStatus,
}

#[aggregate]
pub(super) struct Order {
    pub(super) root: Root<Order>,
    pub(super) customer: String,
    #[field(blank = false)]
    pub(super) currency: String,
    pub(super) period: Option<Period>,
    pub(super) status: Status,
    pub(super) lines: Vec<Line>,
    pub(super) payment: Option<Payment>,
    pub(super) discount: Option<Percent>,
    pub(super) origin: Sku,
    pub(super) coupon: Option<Sku>,
    #[field(max_length = 2)]
    pub(super) prices: BTreeMap<Sku, Decimal>,
    pub(super) settings: Json,
    #[field(created_at)]
    pub(super) created_at: Timestamp,
    #[field(updated_at)]
    pub(super) updated_at: Option<Timestamp>,
}

#[aggregate_impl]
impl Order {
    pub(super) fn draft(id: &str) -> Self {
        Self {
            root: Root::with_id(id),
            customer: String::new(),
            currency: "EUR".into(),
            period: None,
            status: Status::Draft,
            lines: Vec::new(),
            payment: None,
            discount: None,
            origin: "SHOP".into(),
            coupon: None,
            prices: BTreeMap::new(),
            settings: Json::default(),
            created_at: Timestamp::default(),
            updated_at: None,
        }
    }
}

#[event(part_of = Order)]
pub(super) struct OrderChanged {
    pub(super) order_id: Id,
    pub(super) status: Status,
}

/// Moves an order from state to state, with an event for each.
#[command(part_of = Order)]
pub(super) struct Move {
    #[field(identifier)]
    pub(super) order: Id,
    pub(super) through: Vec<Status>,
    pub(super) raise: bool,
}

#[command(part_of = Order)]
pub(super) struct Lend {
    #[field(identifier)]
    pub(super) sku: Sku,
    pub(super) period: Period,
    #[field(validate = |periods: &Vec<Period>| if periods.len() < 3 { Ok(()) } else { Err("are too many") })]
    pub(super) more: Vec<Period>,
    pub(super) prices: BTreeMap<Sku, Percent>,
}

#[projection]
pub(super) struct OrderRow {
    #[field(identifier)]
    pub(super) order_id: Id,
    pub(super) status: Status,
    #[field(created_at)]
    pub(super) created_at: Timestamp,
    #[field(updated_at)]
    pub(super) updated_at: Timestamp,
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
pub(super) struct Hands(std::sync::Arc<std::sync::atomic::AtomicI64>);

impl Hands {
    pub(super) fn put(&self, seconds: i64) -> Timestamp {
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
pub(super) fn domains(folder: &tempfile::TempDir) -> Vec<(Domain, Hands)> {
    domains_on(&local(folder, "rules.db"))
}

pub(super) fn domains_on(stores: &[String]) -> Vec<(Domain, Hands)> {
    let build = |database: &String| {
        let config = format!("event_processing = \"sync\"\n[databases.default]\n{database}\n");
        let builder = protean::domain("rules").config(&config).aggregate::<Order>();
        let clock = Hands::default();
        clock.put(1_700_000_000);
        let builder = builder.projection::<OrderRow>().register(Orders).register(Rows);
        (builder.clock(clock.clone()).build().unwrap(), clock)
    };
    stores.iter().map(build).collect()
}

pub(super) fn day(text: &str) -> Date {
    text.parse().unwrap()
}

pub(super) fn backwards() -> Period {
    Period { start: day("2027-02-01"), end: day("2027-01-31") }
}

pub(super) fn payment(id: &str, status: PaymentStatus) -> Payment {
    Payment { id: id.into(), amount: Decimal::new(650, 2), status }
}

pub(super) fn line(sku: &str) -> Line {
    Line { sku: sku.into(), wanted: 2, reserved: 0, status: LineStatus::Open }
}

pub(super) async fn add(domain: &Domain, change: impl Fn(&mut Order) + Sync) -> Result {
    let added = domain.unit_of_work(async |ctx| {
        let orders = ctx.repository::<Order>();
        let found = orders.find(&"1".into()).await?;
        let mut order = found.unwrap_or_else(|| Order::draft("1"));
        change(&mut order);
        orders.add(order).await
    });
    added.await
}

pub(super) fn violation(refused: Result, field: &str) -> String {
    let error: Error = refused.unwrap_err();
    let found = error.violations().unwrap_or_else(|| panic!("{error}"));
    let fields: Vec<&str> = found.iter().map(|(field, _)| field).collect();
    assert_eq!(fields, [field], "{error}");
    found.get(field).join("; ")
}
