//! Version 2: the event says where to, and two types have better names.

use protean::model::{MessageData, Upcast};
use protean::prelude::{Context, Id, Result};
use protean::{
    DomainBuilder, Root, aggregate, aggregate_impl, command, command_handler, event, event_handler,
    projection, projector,
};

use crate::note_run;

/// What the log calls `ParcelSent`.
#[event(part_of = Parcel, name = "ParcelSent", version = 2)]
pub struct ParcelDispatched {
    pub parcel: Id,
    pub grams: u32,
    pub country: String,
}

/// Version 1 sent within one country.
struct DispatchHasACountry;

impl Upcast for DispatchHasACountry {
    type Message = ParcelDispatched;
    const FROM: u32 = 1;

    fn upcast(data: &mut MessageData) -> Result {
        data.set("country", "GB")
    }
}

#[command(part_of = Parcel)]
pub struct SendParcel {
    #[field(identifier)]
    pub parcel: Id,
    pub grams: u32,
}

#[aggregate(event_sourced, commands(SendParcel))]
pub struct Parcel {
    root: Root<Parcel>,
    grams: u32,
}

#[aggregate_impl]
impl Parcel {
    #[apply]
    fn on_dispatched(&mut self, event: &ParcelDispatched) {
        self.grams = event.grams;
    }
}

struct ParcelCommandHandler;

#[command_handler(part_of = Parcel)]
impl ParcelCommandHandler {
    #[handle]
    async fn send(&self, command: SendParcel, context: &Context) -> Result {
        let SendParcel { parcel: id, grams } = command;
        note_run("send", id.as_str());
        let mut parcel = Parcel::create_with(id.clone());
        parcel.raise(ParcelDispatched { parcel: id, grams, country: "GB".to_owned() })?;
        context.repository::<Parcel>().add(parcel).await
    }
}

/// Writes to the person who gets the parcel. Its progress is kept under its first name.
struct Notifier;

#[event_handler(part_of = Parcel, name = "Mailer")]
impl Notifier {
    #[handle]
    async fn dispatched(&self, event: ParcelDispatched) -> Result {
        note_run("mail", event.parcel.as_str());
        Ok(())
    }
}

#[projection]
pub struct ParcelSummary {
    #[field(identifier)]
    pub parcel: Id,
    pub grams: u32,
}

struct Summaries;

#[projector(projection = ParcelSummary)]
impl Summaries {
    #[on]
    async fn dispatched(&self, event: ParcelDispatched, context: &Context) -> Result {
        let ParcelDispatched { parcel, grams, .. } = event;
        note_run("sum up", parcel.as_str());
        context.repository::<ParcelSummary>().add(ParcelSummary { parcel, grams }).await
    }
}

/// The program.
pub fn domain(settings: &str) -> DomainBuilder {
    let domain = protean::domain("parcels").config(settings).aggregate::<Parcel>();
    let domain = domain.register(ParcelCommandHandler).register(Notifier).register(Summaries);
    domain.upcaster::<DispatchHasACountry>()
}
