//! Registering an enricher.

use super::handle::Register;
use super::registry::Registry;
use crate::unit::Enricher;

impl Register for Enricher {
    fn register(self, registry: &mut Registry) {
        registry.enrichers.push(self);
    }
}
