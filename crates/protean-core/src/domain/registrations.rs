//! What a program registers in its store: its groups, and the version of the program that has them.

use std::sync::Arc;

use protean_port::port::{GroupRegistration, ProgramVersion};

use crate::handling::Group;

/// The version of the program with these groups, as it registers one of them.
pub fn program_version(groups: &[Arc<Group>], of: &Group) -> ProgramVersion {
    let groups = groups.iter().map(|group| group.claim().into());
    ProgramVersion { types: of.types(), groups: groups.collect() }
}

/// Every group of a program. It is registered before anything is written.
pub fn registrations(groups: &[Arc<Group>]) -> Vec<GroupRegistration> {
    let registration = |group: &Arc<Group>| GroupRegistration {
        version: program_version(groups, group),
        ..group.registration()
    };
    groups.iter().map(registration).collect()
}
