//! Version 3: a parcel is delivered, and its summary tells more.

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

#[event(part_of = Parcel)]
pub struct ParcelDelivered {
    pub parcel: Id,
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

#[command(part_of = Parcel)]
pub struct DeliverParcel {
    #[field(identifier)]
    pub parcel: Id,
}

#[aggregate(event_sourced, commands(SendParcel, DeliverParcel))]
pub struct Parcel {
    root: Root<Parcel>,
    grams: u32,
    delivered: bool,
}

#[aggregate_impl]
impl Parcel {
    #[apply]
    fn on_dispatched(&mut self, event: &ParcelDispatched) {
        self.grams = event.grams;
    }

    #[apply]
    fn on_delivered(&mut self, _: &ParcelDelivered) {
        self.delivered = true;
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

    #[handle]
    async fn deliver(&self, command: DeliverParcel, context: &Context) -> Result {
        note_run("deliver", command.parcel.as_str());
        let parcels = context.repository::<Parcel>();
        let mut parcel = parcels.get(&command.parcel).await?;
        parcel.raise(ParcelDelivered { parcel: command.parcel })?;
        parcels.add(parcel).await
    }
}

/// Writes to the person who gets the parcel.
struct Notifier;

#[event_handler(part_of = Parcel)]
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
    pub country: String,
    pub delivered: bool,
}

struct Summaries;

#[projector(projection = ParcelSummary)]
impl Summaries {
    #[on]
    async fn dispatched(&self, event: ParcelDispatched, context: &Context) -> Result {
        let ParcelDispatched { parcel, grams, country } = event;
        note_run("sum up with country", parcel.as_str());
        let summary = ParcelSummary { parcel, grams, country, delivered: false };
        context.repository::<ParcelSummary>().add(summary).await
    }

    #[on]
    async fn delivered(&self, event: ParcelDelivered, context: &Context) -> Result {
        note_run("sum up delivery", event.parcel.as_str());
        let summaries = context.repository::<ParcelSummary>();
        let mut summary = summaries.get(&event.parcel).await?;
        summary.delivered = true;
        summaries.add(summary).await
    }
}

/// The program.
pub fn domain(settings: &str) -> DomainBuilder {
    let domain = protean::domain("parcels").config(settings).aggregate::<Parcel>();
    let domain = domain.register(ParcelCommandHandler).register(Notifier).register(Summaries);
    domain.upcaster::<DispatchHasACountry>()
}
