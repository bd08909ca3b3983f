//! Values of every kind, the edges first: what is accepted is read back as it was, and every store
//! answers alike.

use std::cell::{Cell, RefCell};

use proptest::prelude::{Just, ProptestConfig, Strategy, TestCaseError, any, prop};
use proptest::test_runner::TestRunner;
use proptest::{prop_assert_eq, prop_oneof};
use protean::message::Category;
use protean::model::{Condition, Sort};
use protean::port::Find;
use protean::{
    Date, Decimal, Domain, Id, Result, Root, Timestamp, aggregate, aggregate_impl, command,
    command_handler, event, value_object,
};
use protean_test_servers::Postgres;

const CASES: u32 = 60;

#[value_object]
#[derive(Debug, Clone, PartialEq)]
struct Parcel {
    text: String,
    flag: bool,
    small: i8,
    whole: i64,
    large: u64,
    real: f64,
    price: Decimal,
    moment: Timestamp,
    day: Date,
    maybe_text: Option<String>,
    maybe_real: Option<f64>,
    maybe_price: Option<Decimal>,
    maybe_moment: Option<Timestamp>,
    numbers: Vec<i64>,
    words: Vec<String>,
}

/// Its fields are columns.
#[aggregate]
#[derive(Debug)]
struct Chest {
    root: Root<Chest>,
    case: String,
    text: String,
    flag: bool,
    small: i8,
    whole: i64,
    large: u64,
    real: f64,
    price: Decimal,
    moment: Timestamp,
    day: Date,
    maybe_text: Option<String>,
    maybe_real: Option<f64>,
    maybe_price: Option<Decimal>,
    maybe_moment: Option<Timestamp>,
    parcels: Vec<Parcel>,
}

#[aggregate_impl]
impl Chest {}

#[event(part_of = Scroll)]
struct Written {
    parcel: Parcel,
}

#[aggregate(event_sourced)]
#[derive(Debug)]
struct Scroll {
    root: Root<Scroll>,
    parcels: Vec<Parcel>,
}

#[aggregate_impl]
impl Scroll {
    fn write(&mut self, parcel: Parcel) -> Result {
        self.raise(Written { parcel })
    }

    #[apply]
    fn on_written(&mut self, event: &Written) {
        self.parcels.push(event.parcel.clone());
    }
}

#[command(part_of = Scroll)]
struct Unroll {
    #[field(identifier)]
    scroll: Id,
    text: String,
}

struct ScrollCommandHandler;

#[command_handler(part_of = Scroll)]
impl ScrollCommandHandler {
    #[handle]
    async fn unroll(&self, _: Unroll) -> Result {
        Ok(())
    }
}

/// Edges half of the time.
fn of<T: std::fmt::Debug + Clone + 'static>(
    edges: Vec<T>,
    others: impl Strategy<Value = T> + 'static,
) -> impl Strategy<Value = T> {
    prop_oneof![prop::sample::select(edges), others]
}

fn text() -> impl Strategy<Value = String> {
    let edges =
        ["", " ", "null", "0", "a\0b", "'", "\"\\", "ä🦀\u{ffff}", "\u{feff}", "\r\n\t", "{}"];
    let edges = edges.map(str::to_owned).into_iter().chain(["x".repeat(9_000)]);
    of(edges.collect(), ".{0,12}")
}

fn real() -> impl Strategy<Value = f64> {
    let edges = vec![
        0.0,
        -0.0,
        f64::MIN,
        f64::MAX,
        f64::MIN_POSITIVE,
        5e-324,
        f64::EPSILON,
        0.1,
        1e16,
        9_007_199_254_740_993.0,
        f64::NAN,
        f64::INFINITY,
        f64::NEG_INFINITY,
    ];
    of(edges, any::<f64>())
}

fn price() -> impl Strategy<Value = Decimal> {
    let edges = [
        "0",
        "-0.00",
        "1.10",
        "1.1",
        "79228162514264337593543950335",
        "-79228162514264337593543950335",
        "0.0000000000000000000000000001",
        "7.9228162514264337593543950335",
        "9.99",
    ];
    let edges = edges.map(|digits| digits.parse().unwrap()).to_vec();
    of(edges, (any::<i64>(), 0_u32..28).prop_map(|(units, scale)| Decimal::new(units, scale)))
}

fn moment() -> impl Strategy<Value = Timestamp> {
    let edges = [0, -1, 1, 999_999, -62_135_596_800_000_000, i64::MAX, i64::MIN];
    let edges = edges.map(Timestamp::from_micros).into_iter();
    let edges = edges.chain([Timestamp::MIN, Timestamp::MAX]).collect();
    of(edges, any::<i64>().prop_map(Timestamp::from_micros))
}

fn day() -> impl Strategy<Value = Date> {
    let edges = [(1, 1, 1), (9999, 12, 31), (1970, 1, 1), (2000, 2, 29), (1969, 12, 31)];
    let edges = edges.map(|(year, month, day)| Date::new(year, month, day).unwrap()).to_vec();
    let others = (1_i16..=9999, 1_i8..=12, 1_i8..=28);
    of(edges, others.prop_map(|(year, month, day)| Date::new(year, month, day).unwrap()))
}

fn whole() -> impl Strategy<Value = i64> {
    of(vec![0, -1, i64::MIN, i64::MAX, 1 << 53, (1 << 53) + 1], any::<i64>())
}

fn parcel() -> impl Strategy<Value = Parcel> {
    let large =
        of(vec![0, u64::MAX, i64::MAX.unsigned_abs(), i64::MAX.unsigned_abs() + 1], any::<u64>());
    // Most of them fit, so that more than refusals are compared.
    let large = prop_oneof![3 => large.prop_map(|large| large >> 1), 1 => Just(u64::MAX)];
    let plain =
        (text(), any::<bool>(), any::<i8>(), whole(), large, real(), price(), moment(), day());
    let maybe = (
        prop::option::of(text()),
        prop::option::of(real()),
        prop::option::of(price()),
        prop::option::of(moment()),
    );
    let lists = (prop::collection::vec(whole(), 0..3), prop::collection::vec(text(), 0..3));
    (plain, maybe, lists).prop_map(|(plain, maybe, (numbers, words))| {
        let (text, flag, small, whole, large, real, price, moment, day) = plain;
        let (maybe_text, maybe_real, maybe_price, maybe_moment) = maybe;
        Parcel {
            text,
            flag,
            small,
            whole,
            large,
            real,
            price,
            moment,
            day,
            maybe_text,
            maybe_real,
            maybe_price,
            maybe_moment,
            numbers,
            words,
        }
    })
}

impl Chest {
    fn of(id: &str, case: &str, parcel: &Parcel) -> Self {
        let of = parcel.clone();
        Self {
            root: Root::with_id(id),
            case: case.to_owned(),
            text: of.text,
            flag: of.flag,
            small: of.small,
            whole: of.whole,
            large: of.large,
            real: of.real,
            price: of.price,
            moment: of.moment,
            day: of.day,
            maybe_text: of.maybe_text,
            maybe_real: of.maybe_real,
            maybe_price: of.maybe_price,
            maybe_moment: of.maybe_moment,
            parcels: vec![parcel.clone()],
        }
    }

    /// What its columns hold.
    fn parcel(&self) -> Parcel {
        let Parcel { numbers, words, .. } = self.parcels[0].clone();
        Parcel {
            text: self.text.clone(),
            flag: self.flag,
            small: self.small,
            whole: self.whole,
            large: self.large,
            real: self.real,
            price: self.price,
            moment: self.moment,
            day: self.day,
            maybe_text: self.maybe_text.clone(),
            maybe_real: self.maybe_real,
            maybe_price: self.maybe_price,
            maybe_moment: self.maybe_moment,
            numbers,
            words,
        }
    }
}

/// Conditions on each field.
fn conditions(of: &Parcel) -> Vec<Condition<Chest>> {
    vec![
        Chest::TEXT.equals(of.text.as_str()),
        Chest::TEXT.above(of.text.as_str()),
        Chest::FLAG.equals(of.flag),
        Chest::SMALL.below(of.small),
        Chest::WHOLE.above(of.whole),
        Chest::LARGE.equals(of.large),
        Chest::REAL.below(of.real),
        Chest::REAL.equals(of.real),
        Chest::PRICE.equals(of.price),
        Chest::PRICE.above(of.price),
        Chest::MOMENT.below(of.moment),
        Chest::MOMENT.equals(of.moment),
        Chest::DAY.above(of.day),
        Chest::MAYBE_TEXT.below("m"),
        Chest::MAYBE_REAL.above(of.real),
        Chest::MAYBE_PRICE.below(of.price),
        Chest::MAYBE_MOMENT.above(of.moment),
    ]
}

fn orders() -> Vec<Sort<Chest>> {
    vec![
        Chest::TEXT.ascending(),
        Chest::FLAG.descending(),
        Chest::SMALL.ascending(),
        Chest::WHOLE.descending(),
        Chest::LARGE.ascending(),
        Chest::REAL.ascending(),
        Chest::PRICE.descending(),
        Chest::MOMENT.ascending(),
        Chest::DAY.descending(),
        Chest::MAYBE_TEXT.ascending(),
        Chest::MAYBE_REAL.descending(),
        Chest::MAYBE_PRICE.ascending(),
        Chest::MAYBE_MOMENT.descending(),
    ]
}

/// What a domain makes of some parcels: everything in it must be the same on every store.
#[derive(Debug, Default, PartialEq)]
struct Findings {
    /// Whether the row, the event and the deadline of each parcel was accepted.
    accepted: Vec<[bool; 3]>,
    /// What each condition and each order finds, by the place of the parcel, or that it is refused.
    found: Vec<Option<Vec<String>>>,
}

async fn keys(
    domain: &Domain,
    case: &str,
    more: Option<Condition<Chest>>,
    order: Sort<Chest>,
) -> Option<Vec<String>> {
    let chests = domain.repository::<Chest>().await.unwrap();
    let all = chests.query().filter(Chest::CASE.equals(case));
    let some = more.into_iter().fold(all, |some, condition| some.filter(condition));
    let found = some.order_by(order).order_by(Chest::ID.ascending()).all().await.ok()?;
    Some(found.iter().map(|chest| chest.root.id().to_string()).collect())
}

async fn chest(
    domain: &Domain,
    id: &str,
    case: &str,
    parcel: &Parcel,
) -> Result<bool, TestCaseError> {
    let added = domain
        .unit_of_work(async |ctx| ctx.repository::<Chest>().add(Chest::of(id, case, parcel)).await);
    if added.await.is_err() {
        return Ok(false);
    }
    let chests = domain.repository::<Chest>().await.unwrap();
    let kept = chests.get(&id.into()).await.unwrap();
    prop_assert_eq!(&kept.parcel(), parcel, "the columns");
    prop_assert_eq!(&kept.parcels[0], parcel, "the list");
    Ok(true)
}

async fn scroll(domain: &Domain, id: &str, parcel: &Parcel) -> bool {
    let written = domain.unit_of_work(async |ctx| {
        let scrolls = ctx.repository::<Scroll>();
        let new = || Scroll::create_with(id);
        let mut scroll = scrolls.find(&id.into()).await?.unwrap_or_else(new);
        scroll.write(parcel.clone())?;
        scrolls.add(scroll).await
    });
    written.await.is_ok()
}

async fn deadline(domain: &Domain, id: &str, parcel: &Parcel) -> Result<bool, TestCaseError> {
    let unroll = Unroll { scroll: id.into(), text: parcel.text.clone() };
    let sent = domain.process(unroll).deadline(parcel.moment).asynchronous().await;
    let Ok(message) = sent else { return Ok(false) };
    let find = Find { message_id: Some(message.as_str().into()), ..Find::first(1) };
    let found = domain.store().await.unwrap().find(find).await.unwrap();
    prop_assert_eq!(found[0].message.extensions.deadline, Some(parcel.moment));
    Ok(true)
}

async fn findings(
    domain: &Domain,
    case: &str,
    parcels: &[Parcel],
) -> Result<Findings, TestCaseError> {
    let mut findings = Findings::default();
    let mut written = Vec::new();
    for (place, parcel) in parcels.iter().enumerate() {
        let id = format!("{case}-{place}");
        let is_written = scroll(domain, case, parcel).await;
        written.extend(is_written.then(|| parcel.clone()));
        findings.accepted.push([
            chest(domain, &id, case, parcel).await?,
            is_written,
            deadline(domain, &id, parcel).await?,
        ]);
    }
    let scrolls = domain.repository::<Scroll>().await.unwrap();
    let loaded = scrolls.find(&case.into()).await.unwrap().map(|scroll| scroll.parcels);
    prop_assert_eq!(loaded.unwrap_or_default(), written.clone(), "with a snapshot");
    let stream = Category::of("values", "Scroll").stream(&case.into());
    let log = domain.store().await.unwrap().stream(&stream, 0, 100).await.unwrap();
    let replayed = log.iter().map(|event| serde_json::from_str::<Written>(&event.message.data));
    let replayed: Vec<_> = replayed.map(|event| event.unwrap().parcel).collect();
    prop_assert_eq!(replayed, written, "by replaying");
    for parcel in parcels {
        for condition in conditions(parcel) {
            findings.found.push(keys(domain, case, Some(condition), Chest::CASE.ascending()).await);
        }
    }
    for order in orders() {
        findings.found.push(keys(domain, case, None, order).await);
    }
    Ok(findings)
}

fn domain(database: &str) -> Domain {
    let config = format!(
        "command_processing = \"async\"\nsnapshot_threshold = 2\n[databases.default]\n{database}\n"
    );
    let builder = protean::domain("values").config(&config).aggregate::<Chest>();
    builder.aggregate::<Scroll>().register(ScrollCommandHandler).build().unwrap()
}

fn compare(domains: &[Domain]) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let config =
        ProptestConfig { cases: CASES, failure_persistence: None, ..ProptestConfig::default() };
    let (case, counts) = (Cell::new(0), RefCell::new([0, 0]));
    let tried = TestRunner::new(config).run(&prop::collection::vec(parcel(), 1..5), |parcels| {
        case.set(case.get() + 1);
        let name = format!("c{}", case.get());
        let mut all = Vec::new();
        for domain in domains {
            all.push(runtime.block_on(findings(domain, &name, &parcels))?);
        }
        let [first, others @ ..] = &all[..] else { return Ok(()) };
        for other in others {
            prop_assert_eq!(first, other);
        }
        let mut counts = counts.borrow_mut();
        for accepted in first.accepted.as_flattened() {
            counts[usize::from(*accepted)] += 1;
        }
        Ok(())
    });
    tried.unwrap_or_else(|failed| panic!("{failed}"));
    let [refused, accepted] = counts.into_inner();
    assert!(refused > 20 && accepted > 100, "{refused} were refused, {accepted} accepted");
}

#[test]
fn what_is_accepted_is_read_back_alike_in_memory_and_on_one_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("values.db");
    let sqlite = format!("provider = \"sqlite\"\ndatabase_uri = 'sqlite:{}'", file.display());
    compare(&[domain("provider = \"memory\""), domain(&sqlite)]);
}

#[test]
#[ignore = "needs PostgreSQL: cargo xtask test"]
fn what_is_accepted_is_read_back_alike_in_memory_and_on_postgresql() {
    let database = Postgres::shared().database();
    let postgres = format!("provider = \"postgresql\"\ndatabase_uri = '{}'", database.uri());
    compare(&[domain("provider = \"memory\""), domain(&postgres)]);
}
