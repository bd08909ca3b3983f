//! Connections to PostgreSQL without the product.

use protean_cli::{Error, Result};
use tokio_postgres::{Client, NoTls};

use crate::home::Home;
use crate::place::Place;

/// A connection to a database, served until it is dropped.
///
/// # Errors
/// When it cannot be reached.
pub(crate) async fn connect(uri: &str) -> Result<Client> {
    let (client, connection) = tokio_postgres::connect(uri, NoTls).await?;
    // Its errors reach whoever waits for an answer.
    tokio::spawn(async move { connection.await.unwrap_or_default() });
    Ok(client)
}

/// The home of a place on servers.
///
/// # Errors
/// When it is in a file.
pub(super) fn home(place: &Place) -> Result<&Home> {
    place.home().ok_or_else(|| Error::failed("this is measured on servers alone"))
}
