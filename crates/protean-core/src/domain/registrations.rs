//! What a domain registers in its store: its groups, and the version of the program that has them.

use protean_port::Result;
use protean_port::port::{GroupRegistration, ProgramVersion};

use super::domain::Domain;
use crate::handling::Group;

/// This version of the program, as it registers a group.
pub fn program_version(domain: &Domain, group: &Group) -> ProgramVersion {
    let groups = domain.groups().iter().map(|group| group.claim().into());
    ProgramVersion { types: group.types(), groups: groups.collect() }
}

/// Every group of a domain. It is registered before anything is written.
pub fn registrations(domain: &Domain) -> Vec<GroupRegistration> {
    let registration = |group: &Group| GroupRegistration {
        version: program_version(domain, group),
        ..group.registration()
    };
    domain.groups().iter().map(|group| registration(group)).collect()
}

/// Makes this version of the program the newest of each of its groups: what only other versions
/// take is passed over again, instead of waiting for them.
///
/// # Errors
/// When the database cannot be opened or written.
pub async fn promote(domain: &Domain) -> Result {
    let registrations = registrations(domain).into_iter();
    let newest = registrations.map(|known| GroupRegistration { is_newest: true, ..known });
    domain.store().await?.prepare(&[], &Vec::from_iter(newest)).await
}
