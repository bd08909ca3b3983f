//! Events of old, new and odd forms: upcasters, and fields nobody knows.

use protean::model::{MessageData, Upcast};
use protean::prelude::{Context, Decimal, Domain, Failure, Handled, Id, Result, Root};
use protean::{
    DomainBuilder, aggregate, aggregate_impl, command, command_handler, event, projection,
    projector,
};

/// The program as it was first.
mod first {
    use protean::prelude::{Decimal, Result, Root};
    use protean::{aggregate, aggregate_impl, event};

    #[event(part_of = Purse)]
    pub(super) struct Paid {
        pub(super) sum: Decimal,
    }

    #[aggregate(event_sourced)]
    pub(super) struct Purse {
        root: Root<Purse>,
        pub(super) content: Decimal,
    }

    #[aggregate_impl]
    impl Purse {
        pub(super) fn pay(&mut self, sum: Decimal) -> Result {
            self.raise(Paid { sum })
        }

        #[apply]
        fn on_paid(&mut self, event: &Paid) {
            self.content += event.sum;
        }
    }
}

/// The program as it was then: the sum is called an amount.
mod second {
    use protean::model::{MessageData, Upcast};
    use protean::prelude::{Decimal, Result, Root};
    use protean::{aggregate, aggregate_impl, event};

    #[event(part_of = Purse, version = 2)]
    pub(super) struct Paid {
        pub(super) amount: Decimal,
    }

    #[aggregate(event_sourced)]
    pub(super) struct Purse {
        root: Root<Purse>,
        pub(super) content: Decimal,
    }

    #[aggregate_impl]
    impl Purse {
        pub(super) fn pay(&mut self, amount: Decimal) -> Result {
            self.raise(Paid { amount })
        }

        #[apply]
        fn on_paid(&mut self, event: &Paid) {
            self.content += event.amount;
        }
    }

    pub(super) struct SumIsAmount;

    impl Upcast for SumIsAmount {
        type Message = Paid;
        const FROM: u32 = 1;

        fn upcast(data: &mut MessageData) -> Result {
            data.rename("sum", "amount");
            Ok(())
        }
    }
}

// The program as it is: an amount has a currency, and the event another name in the code.

#[event(part_of = Purse, name = "Paid", version = 3)]
struct PaidIn {
    amount: Decimal,
    currency: String,
    note: Option<String>,
}

#[command(part_of = Purse)]
struct Pay {
    #[field(identifier)]
    purse: Id,
    amount: Decimal,
}

#[aggregate(event_sourced, commands(Pay))]
struct Purse {
    root: Root<Purse>,
    content: Decimal,
    currencies: Vec<String>,
}

#[aggregate_impl]
impl Purse {
    #[apply]
    fn on_paid(&mut self, event: &PaidIn) {
        self.content += event.amount;
        self.currencies.push(event.currency.clone());
    }
}

#[projection]
struct Turnover {
    #[field(identifier)]
    currency: String,
    amounts: Vec<Decimal>,
}

struct PurseCommandHandler;

#[command_handler(part_of = Purse)]
impl PurseCommandHandler {
    #[handle]
    async fn pay(&self, command: Pay, context: &Context) -> Handled {
        let purses = context.repository::<Purse>();
        let mut purse = purses.get(&command.purse).await?;
        let (amount, currency) = (command.amount, "EUR".to_owned());
        purse.raise(PaidIn { amount, currency, note: None })?;
        Ok(purses.add(purse).await?)
    }
}

struct TurnoverProjector;

#[projector(projection = Turnover)]
impl TurnoverProjector {
    #[on]
    async fn paid(&self, event: PaidIn, context: &Context) -> Handled {
        let rows = context.repository::<Turnover>();
        let (id, currency) = (Id::from(event.currency.as_str()), event.currency);
        let found = rows.find(&id).await?;
        let mut row = found.unwrap_or_else(|| Turnover { currency, amounts: Vec::new() });
        row.amounts.push(event.amount);
        Ok(rows.add(row).await?)
    }
}

struct SumIsAmount;

impl Upcast for SumIsAmount {
    type Message = PaidIn;
    const FROM: u32 = 1;

    fn upcast(data: &mut MessageData) -> Result {
        data.rename("sum", "amount");
        Ok(())
    }
}

struct AmountsHaveACurrency;

impl Upcast for AmountsHaveACurrency {
    type Message = PaidIn;
    const FROM: u32 = 2;

    fn upcast(data: &mut MessageData) -> Result {
        let amount: Option<Decimal> = data.get("amount")?;
        let currency = if amount.is_some_and(|amount| amount > 1_000_000) { "ITL" } else { "GBP" };
        data.set("currency", currency)
    }
}

fn config(folder: &tempfile::TempDir, more: &str) -> String {
    let file = folder.path().join("purses.db");
    format!(
        "command_processing = \"sync\"\nevent_processing = \"sync\"\n{more}\n\
         [databases.default]\nprovider = \"sqlite\"\ndatabase_uri = 'sqlite://{}'\n",
        file.display()
    )
}

fn bare(folder: &tempfile::TempDir, more: &str) -> DomainBuilder {
    let domain = protean::domain("purses").config(&config(folder, more));
    domain.aggregate::<Purse>().register(PurseCommandHandler).register(TurnoverProjector)
}

fn present(folder: &tempfile::TempDir, more: &str) -> Domain {
    let domain = bare(folder, more).upcaster::<AmountsHaveACurrency>().upcaster::<SumIsAmount>();
    domain.build().unwrap()
}

const EXACT: &str = "12345678901234567890.12";

/// A file with an event of the first version and two of the second.
async fn of_old(folder: &tempfile::TempDir) -> Id {
    let id = Id::from("p");
    let domain = protean::domain("purses").config(&config(folder, ""));
    let domain = domain.aggregate::<first::Purse>().build().unwrap();
    let unit = domain.unit_of_work(async |context| {
        let mut purse = first::Purse::create_with("p");
        purse.pay(EXACT.parse().unwrap())?;
        context.repository().add(purse).await
    });
    unit.await.unwrap();
    let domain = protean::domain("purses").config(&config(folder, ""));
    let domain = domain.aggregate::<second::Purse>().upcaster::<second::SumIsAmount>();
    let domain = domain.build().unwrap();
    let unit = domain.unit_of_work(async |context| {
        let purses = context.repository::<second::Purse>();
        let mut purse = purses.get(&id).await?;
        purse.pay(5.into())?;
        purse.pay(6.into())?;
        purses.add(purse).await
    });
    unit.await.unwrap();
    id
}

/// Puts other data into the last event, and another version.
fn tamper(folder: &tempfile::TempDir, data: &str, version: u32) {
    let shell = rusqlite::Connection::open(folder.path().join("purses.db")).unwrap();
    let sql = "UPDATE messages SET data = ?1, version = ?2, type = 'Purses.Paid.v' || ?2 \
               WHERE stream_position = 2";
    assert_eq!(shell.execute(sql, (data, version)).unwrap(), 1);
}

async fn load(domain: &Domain) -> Result<Purse> {
    domain.repository::<Purse>().await?.get(&"p".into()).await
}

fn text<T>(result: Result<T>) -> String {
    Failure::from(result.err().unwrap()).to_string()
}

#[tokio::test]
async fn old_events_are_replayed_in_the_present_form() {
    let folder = tempfile::tempdir().unwrap();
    of_old(&folder).await;
    let purse = load(&present(&folder, "")).await.unwrap();
    assert_eq!(purse.content.to_string(), "12345678901234567901.12");
    assert_eq!(purse.currencies, ["ITL", "GBP", "GBP"]);
}

#[tokio::test]
async fn old_events_reach_handlers_in_the_present_form() {
    let folder = tempfile::tempdir().unwrap();
    let purse = of_old(&folder).await;
    let domain = present(&folder, "");
    // The projector catches up with the stream before it takes the new event.
    let pay = Pay { purse, amount: 7.into() };
    domain.process(pay).synchronous().await.unwrap();
    let rows = domain.repository::<Turnover>().await.unwrap();
    let mut rows = rows.query().all().await.unwrap();
    rows.sort_by(|one, other| one.currency.cmp(&other.currency));
    let amounts = rows.iter().map(|row| (row.currency.as_str(), row.amounts.clone()));
    let exact: Decimal = EXACT.parse().unwrap();
    let expected =
        [("EUR", vec![7.into()]), ("GBP", vec![5.into(), 6.into()]), ("ITL", vec![exact])];
    assert_eq!(amounts.collect::<Vec<_>>(), expected);
}

#[tokio::test]
async fn what_an_upcaster_cannot_take_names_the_step() {
    let folder = tempfile::tempdir().unwrap();
    of_old(&folder).await;
    tamper(&folder, "{\"amount\": true}", 2);
    let text = text(load(&present(&folder, "")).await);
    let expected = "event 2 of purses::purse-p cannot be replayed: \
                    version 2 of Paid cannot be upcast to version 3: the field 'amount': ";
    assert!(text.starts_with(expected), "{text}");
}

#[tokio::test]
async fn an_event_of_a_newer_version_cannot_be_replayed() {
    let folder = tempfile::tempdir().unwrap();
    of_old(&folder).await;
    tamper(&folder, "{}", 4);
    let expected = "event 2 of purses::purse-p cannot be replayed: \
                    Paid is at version 4, this program reads up to version 3: deploy a newer one";
    assert_eq!(text(load(&present(&folder, "")).await), expected);
}

#[tokio::test]
async fn a_field_that_the_type_does_not_have_is_an_error_unless_told_otherwise() {
    let folder = tempfile::tempdir().unwrap();
    of_old(&folder).await;
    for (data, expected) in [
        ("\"curency\": \"GBP\"", "'curency'; did you mean 'currency'?"),
        ("\"colour\": 1", "'colour'; known: 'amount', 'currency' and 'note'"),
    ] {
        tamper(&folder, &format!("{{\"amount\": 1, \"currency\": \"EUR\", {data}}}"), 3);
        let text = text(load(&present(&folder, "")).await);
        let begin =
            "event 2 of purses::purse-p cannot be replayed: the data of Paid has the unknown field";
        let advice = "set lenient_deserialization = true to skip unknown fields";
        assert_eq!(text, format!("{begin} {expected}; {advice}"));
        let purse = load(&present(&folder, "lenient_deserialization = true")).await.unwrap();
        assert_eq!(purse.currencies, ["ITL", "GBP", "EUR"]);
    }
}

#[tokio::test]
async fn a_field_that_is_missing_is_an_error_in_any_case() {
    let folder = tempfile::tempdir().unwrap();
    of_old(&folder).await;
    tamper(&folder, "{\"amount\": 1}", 3);
    for more in ["", "lenient_deserialization = true"] {
        let text = text(load(&present(&folder, more)).await);
        assert!(
            text.contains("the data of Paid does not fit its type: missing field `currency`"),
            "{text}"
        );
    }
}

/// Has the projector meet an event of this form, which no replay meets: a
/// snapshot was taken before.
async fn projected(data: &str, version: u32, more: &str) -> Result {
    let folder = tempfile::tempdir().unwrap();
    let purse = of_old(&folder).await;
    let domain = present(&folder, &format!("{more}\nsnapshot_threshold = 1"));
    protean::Snapshots::of(&domain).take::<Purse>(&purse).await.unwrap();
    tamper(&folder, data, version);
    domain.process(Pay { purse, amount: 7.into() }).synchronous().await
}

#[tokio::test]
async fn handlers_read_as_strictly_as_replays() {
    let data = "{\"amount\": 1, \"currency\": \"EUR\", \"not\": \"\"}";
    let text = text(projected(data, 3, "").await);
    assert!(text.contains("is dead: the data of Paid has the unknown field 'not'"), "{text}");
    projected(data, 3, "lenient_deserialization = true").await.unwrap();
}

#[tokio::test]
async fn a_newer_version_waits_for_a_newer_program_and_says_why() {
    let text = text(projected("{}", 4, "").await);
    let expected =
        "is parked: Paid is at version 4, this program reads up to version 3: deploy a newer one";
    assert!(text.ends_with(expected), "{text}");
}

fn faults(builder: DomainBuilder) -> Vec<String> {
    builder.build().err().map(|error| error.faults().to_vec()).unwrap_or_default()
}

#[test]
fn every_old_version_needs_a_way_up() {
    let folder = tempfile::tempdir().unwrap();
    let text = "Paid of purses::purse is at version 3 and has no upcaster from version";
    let found = faults(bare(&folder, ""));
    assert_eq!(found, [format!("{text} 1, 2: add `.upcaster::<…>()` for each")]);
    let found = faults(bare(&folder, "").upcaster::<AmountsHaveACurrency>());
    assert_eq!(found, [format!("{text} 1: add `.upcaster::<…>()` for each")]);
}

struct FromNowhere<const FROM: u32>;

impl<const VERSION: u32> Upcast for FromNowhere<VERSION> {
    type Message = PaidIn;
    const FROM: u32 = VERSION;

    fn upcast(_: &mut MessageData) -> Result {
        Ok(())
    }
}

struct OfThePast;

impl Upcast for OfThePast {
    type Message = first::Paid;
    const FROM: u32 = 1;

    fn upcast(_: &mut MessageData) -> Result {
        Ok(())
    }
}

#[test]
fn upcasters_that_lead_nowhere_are_faults() {
    let folder = tempfile::tempdir().unwrap();
    let builder = bare(&folder, "").upcaster::<SumIsAmount>().upcaster::<AmountsHaveACurrency>();
    let builder = builder.upcaster::<FromNowhere<0>>().upcaster::<FromNowhere<3>>();
    let builder = builder.upcaster::<FromNowhere<2>>().upcaster::<OfThePast>();
    let nowhere = "has no effect, because only versions 1 to 2 are old: correct `FROM`, or \
                   raise the version of Paid";
    let expected = [
        format!("the upcaster from version 0 of Paid {nowhere}"),
        format!("the upcaster from version 3 of Paid {nowhere}"),
        "Paid has two upcasters from version 2: remove one".to_owned(),
        "the upcaster from version 1 of Paid is for Purse, which is not registered: add \
         `.aggregate::<Purse>()`"
            .to_owned(),
    ];
    assert_eq!(faults(builder), expected);
}
