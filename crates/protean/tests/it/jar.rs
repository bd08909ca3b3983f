//! An event-sourced aggregate with a field of every kind.

use protean::Reader;
use protean::config::Config;
use protean::message::Date;
use protean::prelude::{Context, Decimal, Domain, Id, Result, Root, Timestamp};
use protean::{aggregate, aggregate_impl, event, value_object};

#[value_object]
pub(crate) enum Mood {
    Calm,
    Wild,
}

#[value_object]
pub(crate) struct Place {
    pub(crate) shelf: String,
    pub(crate) row: i64,
}

#[event(part_of = Jar)]
pub(crate) struct Stirred {
    pub(crate) amount: Decimal,
    pub(crate) ratio: f64,
    pub(crate) note: Option<String>,
    pub(crate) mood: Mood,
}

#[event(part_of = Jar)]
pub(crate) struct Moved {
    pub(crate) place: Option<Place>,
    pub(crate) day: Option<Date>,
    pub(crate) at: Timestamp,
}

#[aggregate(event_sourced, snapshot_version = 2)]
pub(crate) struct Jar {
    root: Root<Jar>,
    #[field(default = "new")]
    pub(crate) label: String,
    pub(crate) content: Decimal,
    pub(crate) ratio: f64,
    pub(crate) stirred: u32,
    pub(crate) notes: Vec<String>,
    #[field(default = Mood::Calm)]
    pub(crate) mood: Mood,
    pub(crate) place: Option<Place>,
    pub(crate) day: Option<Date>,
    pub(crate) at: Timestamp,
    pub(crate) is_moved: bool,
}

#[aggregate_impl]
impl Jar {
    pub(crate) fn stir(&mut self, amount: Decimal, ratio: f64) -> Result {
        let note = self
            .stirred
            .is_multiple_of(2)
            .then(|| format!("after {}, \"\u{1F980}\"", self.stirred));
        let mood = if ratio < 0.0 { Mood::Wild } else { Mood::Calm };
        self.raise(Stirred { amount, ratio, note, mood })
    }

    pub(crate) fn put(&mut self, row: Option<i64>) -> Result {
        let place = row.map(|row| Place { shelf: format!("shelf {row}"), row });
        let day = row.and_then(|row| Date::new(2026, 1, 1 + (row.unsigned_abs() % 28) as i8));
        self.raise(Moved { place, day, at: Timestamp::from_micros(row.unwrap_or(0)) })
    }

    #[apply]
    fn on_stirred(&mut self, event: &Stirred) {
        self.content += event.amount;
        self.ratio += event.ratio;
        self.stirred += 1;
        self.notes.extend(event.note.clone());
        self.notes.truncate(3);
        self.mood = event.mood;
    }

    #[apply]
    fn on_moved(&mut self, event: &Moved) {
        self.place.clone_from(&event.place);
        (self.day, self.at, self.is_moved) = (event.day, event.at, true);
    }
}

/// A domain of jars in memory, with a snapshot after so many events.
pub(crate) fn jars(threshold: u32) -> Domain {
    jars_in("provider = \"memory\"", threshold)
}

/// The same in another database.
pub(crate) fn jars_in(database: &str, threshold: u32) -> Domain {
    let config = format!("snapshot_threshold = {threshold}\n[databases.default]\n{database}\n");
    protean::domain("kitchen").config(&config).aggregate::<Jar>().build().unwrap()
}

/// Does something to a jar, which is made when there is none.
pub(crate) async fn change(domain: &Domain, id: &str, work: impl Fn(&mut Jar)) {
    let id = Id::from(id);
    let unit = domain.unit_of_work(async |context| change_within(context, &id, &work).await);
    unit.await.unwrap();
}

/// The same within a unit of work.
pub(crate) async fn change_within(context: &Context, id: &Id, work: impl Fn(&mut Jar)) -> Result {
    let jars = context.repository::<Jar>();
    let found = jars.find(id).await?;
    let mut jar = found.unwrap_or_else(|| Jar::create_with(id.clone()));
    work(&mut jar);
    jars.add(jar).await
}

/// Stirs a jar this often.
pub(crate) async fn stir(domain: &Domain, id: &str, times: u32) {
    for _ in 0..times {
        change(domain, id, |jar| jar.stir(1.into(), 0.1).unwrap()).await;
    }
}

/// Reads jars.
pub(crate) async fn reader(domain: &Domain) -> Reader<Jar> {
    domain.repository().await.unwrap()
}

/// The default threshold.
pub(crate) fn usual() -> u32 {
    Config::default().snapshot_threshold
}
