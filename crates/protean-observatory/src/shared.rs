//! What all requests to the pages of a domain share.

use std::sync::Arc;

use protean_core::domain::Domain;

use crate::access::Access;
use crate::feed::Feed;

/// What all requests share.
#[derive(Clone)]
pub(crate) struct Shared {
    pub(crate) domain: Domain,
    pub(crate) base: String,
    pub(crate) access: Access,
    pub(crate) feed: Arc<Feed>,
    /// The name of the session's cookie: several domains may share a host.
    pub(crate) cookie: String,
}
