//! How loud it is somewhere, by what several projectors hear.

use protean::{Context, Id, Result, projection};

use crate::harness::Harness;

#[projection]
pub(crate) struct Volume {
    #[field(identifier)]
    place: Id,
    heard: u32,
}

/// A projector hears something there.
pub(crate) async fn hear(place: &str, context: &Context) -> Result {
    let rows = context.repository::<Volume>();
    let place = Id::from(place);
    let mut volume = rows.find(&place).await?.unwrap_or(Volume { place, heard: 0 });
    volume.heard += 1;
    rows.add(volume).await
}

/// How much was heard there.
pub(crate) async fn heard(harness: &Harness, place: &str) -> u32 {
    let rows = harness.domain.repository::<Volume>().await.unwrap();
    rows.find(&place.into()).await.unwrap().map_or(0, |volume| volume.heard)
}
