//! Whether a newer version of the program takes a message that this one does not know.
//!
//! A version is registered before it writes anything, so what the registrations say once a message
//! is in the log covers that message and all before it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use protean_core::domain::{Domain, Group, program_version};
use protean_port::Result;
use protean_port::message::Recorded;
use protean_port::port::{GroupVersions, ProgramVersion, Store};
use tokio::time::Instant;

use crate::log_places::head;

/// For how long the registrations are taken for granted where a delay loses little: a newer version
/// may have begun to take a type that this one knows and passes over.
const KNOWN_TYPE_INTERVAL: Duration = Duration::from_secs(1);

/// The newer versions of one group's program.
pub(crate) struct NewerVersions {
    group: Arc<Group>,
    own: ProgramVersion,
    read: Mutex<Option<Read>>,
}

/// The registrations of the group, as they were read last.
struct Read {
    versions: GroupVersions,
    /// The end of the log before that.
    head: u64,
    at: Instant,
}

impl NewerVersions {
    /// Those of this group; nothing is read yet.
    pub(crate) fn of(domain: &Domain, group: &Arc<Group>) -> Self {
        let own = program_version(domain.groups(), group);
        Self { group: Arc::clone(group), own, read: Mutex::default() }
    }

    /// True when a newer version takes this message, which this one does not.
    pub(crate) async fn take(
        &self,
        store: &dyn Store,
        recorded: &Recorded,
        is_known_type: bool,
    ) -> Result<bool> {
        if let Some(known) = self.known(recorded, is_known_type) {
            return Ok(known);
        }
        let head = head(store).await?;
        let at = Instant::now();
        let mut registered = store.registered_groups().await?.into_iter();
        let Group { name, category, .. } = &*self.group;
        let of_group = registered.find(|of| of.group == **name && of.category == *category);
        let versions = of_group.map(|of| of.versions).unwrap_or_default();
        let taken = versions.newer_takes(&self.own, &recorded.message.type_name);
        *self.read() = Some(Read { versions, head, at });
        Ok(taken)
    }

    /// The answer, when what was read before covers the message.
    fn known(&self, recorded: &Recorded, is_known_type: bool) -> Option<bool> {
        let read = self.read();
        let read = read.as_ref()?;
        let taken = read.versions.newer_takes(&self.own, &recorded.message.type_name);
        let is_recent = read.at.elapsed() < KNOWN_TYPE_INTERVAL;
        // What waits for a newer version does so until that one is the newest no more.
        let is_covered = !taken && recorded.position <= read.head;
        ((is_recent && (is_known_type || taken)) || is_covered).then_some(taken)
    }

    fn read(&self) -> MutexGuard<'_, Option<Read>> {
        self.read.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
