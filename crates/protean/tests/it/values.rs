//! What commits can be read back, and what is of one name is one thing.

use std::time::Duration;

use protean::prelude::{Context, Handled, Id, Result};
use protean::{
    Decimal, Domain, Error, Root, Timestamp, aggregate, aggregate_impl, command, command_handler,
    event, event_handler, projection, value_object,
};

#[value_object]
struct Box {
    label: String,
    inner: Vec<Box>,
}

#[event(part_of = Store)]
struct Rented {
    until: Timestamp,
}

#[aggregate]
struct Store {
    root: Root<Store>,
    boxes: Vec<Box>,
    weight: Option<f64>,
    price: Option<Decimal>,
}

#[aggregate_impl]
impl Store {}

/// Asks for a number that JSON does not have.
#[command(part_of = Store, returns = f64)]
struct Weigh {
    #[field(identifier)]
    store: Id,
    weight: f64,
}

/// Rents the store for so long.
#[command(part_of = Store)]
struct Rent {
    #[field(identifier)]
    store: Id,
    seconds: u64,
}

struct StoreCommandHandler;

#[command_handler(part_of = Store)]
impl StoreCommandHandler {
    #[handle]
    async fn weigh(&self, command: Weigh, ctx: &Context) -> Handled<f64> {
        let store = Store {
            root: Root::with_id(command.store),
            boxes: Vec::new(),
            weight: None,
            price: None,
        };
        ctx.repository::<Store>().add(store).await?;
        Ok(1.0 / command.weight)
    }

    #[handle]
    async fn rent(&self, command: Rent, ctx: &Context) -> Handled {
        let mut store = ctx.repository::<Store>().get(&command.store).await?;
        let until = ctx.now() + Duration::from_secs(command.seconds);
        store.raise(Rented { until })?;
        Ok(ctx.repository::<Store>().add(store).await?)
    }
}

/// On each kind of store that needs no server.
fn domains(folder: &tempfile::TempDir) -> Vec<Domain> {
    let file = folder.path().join("values.db");
    let sqlite = format!("provider = \"sqlite\"\ndatabase_uri = 'sqlite:{}'", file.display());
    let configs = ["provider = \"memory\"".to_owned(), sqlite];
    let build = |database: String| {
        let config = format!("[databases.default]\n{database}\n");
        let builder = protean::domain("values").config(&config).aggregate::<Store>();
        builder.register(StoreCommandHandler).build().unwrap()
    };
    configs.into_iter().map(build).collect()
}

async fn add(domain: &Domain, id: &str, boxes: Vec<Box>) -> Result {
    let boxes = std::sync::Mutex::new(Some(boxes));
    let added = domain.unit_of_work(async |ctx| {
        let boxes = boxes.lock().unwrap().take().unwrap();
        let store = Store { root: Root::with_id(id), boxes, weight: None, price: None };
        ctx.repository::<Store>().add(store).await
    });
    added.await
}

fn nested(levels: usize) -> Vec<Box> {
    let more = |inner, level| vec![Box { label: format!("{level}"), inner }];
    (0..levels).fold(Vec::new(), more)
}

#[tokio::test]
async fn a_row_whose_lists_nest_too_deep_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    for domain in domains(&folder) {
        let error = add(&domain, "deep", nested(64)).await.unwrap_err();
        assert!(error.is_invalid(), "{error}");
        let text = "boxes: is nested 129 levels deep, at most 127 can be read back";
        assert!(error.to_string().contains(text), "{error}");
        add(&domain, "kept", nested(63)).await.unwrap();
        add(&domain, "flat", nested(1)).await.unwrap();
        let stores = domain.repository::<Store>().await.unwrap();
        assert_eq!(stores.query().all().await.unwrap().len(), 2);
        assert_eq!(stores.get(&"kept".into()).await.unwrap().boxes.len(), 1);
    }
}

#[tokio::test]
async fn an_answer_that_cannot_be_read_again_is_refused_with_all_it_did() {
    let folder = tempfile::tempdir().unwrap();
    for domain in domains(&folder) {
        let weigh = |weight| {
            let command = Weigh { store: "a".into(), weight };
            domain.process(command).idempotency_key("once").synchronous()
        };
        // Infinity is not a number in JSON.
        let error: Error = weigh(0.0).await.unwrap_err();
        assert!(error.to_string().contains("the answer to Weigh cannot be kept"), "{error}");
        let stores = domain.repository::<Store>().await.unwrap();
        assert_eq!(stores.query().count().await.unwrap(), 0);
        assert_eq!(weigh(2.0).await.unwrap(), 0.5);
        assert_eq!(weigh(2.0).await.unwrap(), 0.5, "the same answer");
    }
}

#[tokio::test]
async fn a_condition_on_a_number_that_no_row_can_hold_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    for domain in domains(&folder) {
        add(&domain, "a", Vec::new()).await.unwrap();
        let stores = domain.repository::<Store>().await.unwrap();
        let error = stores.query().filter(Store::WEIGHT.equals(f64::NAN)).all().await.unwrap_err();
        assert!(error.to_string().contains("weight: is compared with a number"), "{error}");
        let large: Decimal = "79228162514264337593543950335".parse().unwrap();
        let priced = stores.query().filter(Store::PRICE.above(large + large));
        assert!(priced.count().await.unwrap_err().is_invalid());
        let priced = stores.query().filter(Store::PRICE.at_least(5_i64));
        assert_eq!(priced.count().await.unwrap(), 0);
    }
}

#[tokio::test]
async fn a_moment_that_does_not_come_is_kept_as_the_last_one() {
    let folder = tempfile::tempdir().unwrap();
    for domain in domains(&folder) {
        add(&domain, "a", Vec::new()).await.unwrap();
        let rent = Rent { store: "a".into(), seconds: i64::MAX.unsigned_abs() };
        domain.process(rent).synchronous().await.unwrap();
        let stream = protean::message::Category::of("values", "Store").stream(&"a".into());
        let events = domain.store().await.unwrap().stream(&stream, 0, 10).await.unwrap();
        let rented: Rented = serde_json::from_str(&events[0].message.data).unwrap();
        assert_eq!(rented.until, Timestamp::MAX);
    }
}

#[projection]
struct Tight {
    #[field(identifier)]
    id: Id,
    ctid: String,
}

#[event(part_of = Store)]
struct Cleared {
    boxes: u32,
}

mod billing {
    use super::{Handled, Rented, Store, event_handler};

    pub(super) struct Mailer;

    #[event_handler(part_of = Store)]
    impl Mailer {
        #[handle]
        fn rented(&self, _event: Rented) -> Handled {
            Ok(())
        }
    }
}

mod reminders {
    use super::{Cleared, Handled, Store, event_handler};

    pub(super) struct Mailer;

    #[event_handler(part_of = Store, start_from = "beginning")]
    impl Mailer {
        #[handle]
        fn cleared(&self, _event: Cleared) -> Handled {
            Ok(())
        }
    }
}

/// Clears a store.
#[command(part_of = Store)]
struct Clear {
    #[field(identifier)]
    store: Id,
}

struct Cleaner;

#[command_handler(part_of = Store, on_dead_letter = "skip")]
impl Cleaner {
    #[handle]
    fn clear(&self, _command: Clear) -> Handled {
        Ok(())
    }
}

fn fault(build: impl FnOnce(protean::DomainBuilder) -> protean::DomainBuilder) -> String {
    let config = "[databases.default]\nprovider = \"memory\"\n";
    let builder = protean::domain("values").config(config).aggregate::<Store>();
    let built = build(builder.register(StoreCommandHandler)).build();
    built.err().unwrap().to_string()
}

#[test]
fn two_handlers_of_one_name_are_told_apart_or_refused() {
    let text = fault(|builder| builder.register(billing::Mailer).register(reminders::Mailer));
    for part in [
        "billing::Mailer and ",
        "reminders::Mailer have the same name",
        "'values.Mailer' of 'values::store'",
    ] {
        assert!(text.contains(part), "{text}");
    }
    let text = fault(|builder| builder.register(Cleaner));
    assert!(text.contains("StoreCommandHandler and ") && text.contains("Cleaner handle"), "{text}");
    assert!(text.contains("but have different settings"), "{text}");
}

#[test]
fn a_column_that_one_database_would_not_take_is_refused_for_all() {
    let text = fault(protean::DomainBuilder::projection::<Tight>);
    assert!(text.contains("the column name 'ctid' of the table 'tight' is reserved"), "{text}");
}
