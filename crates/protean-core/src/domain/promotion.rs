//! Making a version of the program the newest, when an operator goes back to it.

use protean_port::Result;
use protean_port::port::GroupRegistration;

use super::domain::Domain;
use super::registrations::registrations;

/// Makes this version of the program the newest of each of its groups: what only other versions
/// take is passed over again, instead of waiting for them.
///
/// # Errors
/// When the database cannot be opened or written.
pub async fn promote(domain: &Domain) -> Result {
    let registrations = registrations(domain.groups()).into_iter();
    let newest = registrations.map(|known| GroupRegistration { is_newest: true, ..known });
    domain.store().await?.prepare(&[], &Vec::from_iter(newest)).await
}
