//! Version 1: a parcel is sent.

use protean::prelude::{Context, Id, Result};
use protean::{
    DomainBuilder, Root, aggregate, aggregate_impl, command, command_handler, event, event_handler,
    projection, projector,
};

use crate::note_run;

#[event(part_of = Parcel)]
pub struct ParcelSent {
    pub parcel: Id,
    pub grams: u32,
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
    fn on_sent(&mut self, event: &ParcelSent) {
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
        parcel.raise(ParcelSent { parcel: id, grams })?;
        context.repository::<Parcel>().add(parcel).await
    }
}

/// Writes to the person who gets the parcel.
struct Mailer;

#[event_handler(part_of = Parcel)]
impl Mailer {
    #[handle]
    async fn sent(&self, event: ParcelSent) -> Result {
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
    async fn sent(&self, event: ParcelSent, context: &Context) -> Result {
        let ParcelSent { parcel, grams } = event;
        note_run("sum up", parcel.as_str());
        context.repository::<ParcelSummary>().add(ParcelSummary { parcel, grams }).await
    }
}

/// The program.
pub fn domain(settings: &str) -> DomainBuilder {
    let domain = protean::domain("parcels").config(settings).aggregate::<Parcel>();
    domain.register(ParcelCommandHandler).register(Mailer).register(Summaries)
}
