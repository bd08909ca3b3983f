//! PostgreSQL connections without the product.

use protean_cli::{Error, Result};
use tokio_postgres::{Client, NoTls};

use crate::home::Home;
use crate::place::Place;

/// Connects to a database; a task drives the connection until the client is dropped.
///
/// # Errors
/// When the server cannot be reached.
pub(crate) async fn connect(uri: &str) -> Result<Client> {
    let (client, connection) = tokio_postgres::connect(uri, NoTls).await?;
    // The pending queries report its errors.
    tokio::spawn(async move { connection.await.unwrap_or_default() });
    Ok(client)
}

/// The home of a place on servers.
///
/// # Errors
/// When the place is a file.
pub(super) fn home(place: &Place) -> Result<&Home> {
    place.home().ok_or_else(|| Error::failed("this measure needs servers: use --on servers"))
}
