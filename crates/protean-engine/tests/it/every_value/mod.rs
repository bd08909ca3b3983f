//! Values of every kind, the edges first: what is accepted is read back as it was, and every store
//! answers alike.

mod parcels;

use std::cell::{Cell, RefCell};

use proptest::prelude::{ProptestConfig, TestCaseError, prop};
use proptest::prop_assert_eq;
use proptest::test_runner::TestRunner;
use protean::message::Category;
use protean::model::{Condition, Sort};
use protean::port::Find;
use protean::{
    Domain, Id, Result, Root, aggregate, aggregate_impl, command, command_handler, event,
};
use protean_test_servers::Postgres;

use parcels::{Chest, Parcel, parcel};

const CASES: u32 = 60;

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
        Chest::NAME.at_least(of.name.clone()),
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
        Chest::NAME.descending(),
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
