//! What the ledger calls the groups of a domain, as this process knows it.

use std::sync::Arc;
use std::time::Duration;

use protean_port::port::{Changes, GroupIds, RegisteredGroup, Store, StoreView, Watched};
use protean_port::{Error, Result};
use tokio::sync::watch;
use tracing::warn;

use crate::handling::Group;
use crate::unit::KnownCorrelations;

/// How long is waited between two looks at the ids: on SQLite each commit of another process may
/// have changed them.
const LOOK_INTERVAL: Duration = Duration::from_millis(200);

/// The ids of the groups. Clones share them.
#[derive(Clone, Debug)]
pub struct KnownIds(watch::Sender<Arc<GroupIds>>);

impl Default for KnownIds {
    fn default() -> Self {
        Self(watch::Sender::new(Arc::default()))
    }
}

impl KnownIds {
    /// The id of the group with this name.
    pub fn id(&self, name: &Arc<str>) -> Arc<str> {
        let ids = self.0.borrow();
        match ids.id(name) {
            id if *id == **name => Arc::clone(name),
            id => id.into(),
        }
    }

    /// The ids as they are now.
    pub fn current(&self) -> Arc<GroupIds> {
        Arc::clone(&self.0.borrow())
    }

    /// Waits until the ids are others than these. Cancel safe.
    pub async fn renewed(&self, known: &GroupIds) {
        let mut ids = self.0.subscribe();
        // The sender lives as long as this does.
        ids.wait_for(|ids| **ids != *known).await.map(drop).unwrap_or_default();
    }

    /// Waits until the group with this name has another id than this one. Cancel safe.
    pub async fn changed(&self, name: &str, id: &str) {
        let mut ids = self.0.subscribe();
        // The sender lives as long as this does.
        ids.wait_for(|ids| ids.id(name) != id).await.map(drop).unwrap_or_default();
    }

    /// Looks at the ids in the store.
    pub(super) async fn refresh(&self, store: &dyn Store) -> Result {
        let found = store.group_ids().await?;
        self.0.send_if_modified(|ids| {
            let is_other = **ids != found;
            if is_other {
                *ids = Arc::new(found);
            }
            is_other
        });
        Ok(())
    }

    /// Follows the ids of a store for as long as it is open, and what changes along with them.
    pub(super) fn follow(&self, store: &Arc<dyn Store>, correlations: KnownCorrelations) {
        let mut names = store.watch(vec![Watched::Names]);
        let (ids, store) = (self.clone(), Arc::downgrade(store));
        tokio::spawn(async move {
            while names.changed().await.is_ok() {
                names.take_changed();
                loop {
                    let Some(store) = store.upgrade() else { return };
                    let found = ids.refresh(&*store).await;
                    let found = found.and(correlations.refresh(&*store).await);
                    drop(store);
                    tokio::time::sleep(LOOK_INTERVAL).await;
                    match found {
                        Ok(()) => break,
                        Err(error) => {
                            warn!(
                                error = format_args!("{error:#}"),
                                "cannot read the names of groups and the events of processes"
                            )
                        }
                    }
                }
            }
        });
    }

    /// # Errors
    /// When a handler has a name that its group no longer has.
    pub(super) fn check(&self, groups: &[Arc<Group>]) -> Result {
        let ids = self.0.borrow();
        let renamed =
            groups.iter().find_map(|group| Some((&group.name, ids.renamed_to(&group.name)?)));
        match renamed {
            None => Ok(()),
            Some((name, to)) => Err(Error::misused(format!(
                "the group '{name}' is called '{to}' now, so this program is older than its \
                 database, or a handler has a name that was given up: run the newer program, or \
                 choose another name"
            ))),
        }
    }
}

/// Groups under their names.
impl StoreView for KnownIds {
    fn group(&self, name: &str) -> String {
        self.0.borrow().id(name).to_owned()
    }

    fn registered(&self, groups: Vec<RegisteredGroup>) -> Vec<RegisteredGroup> {
        self.0.borrow().named(groups)
    }

    fn units(&self, mut units: Arc<[Changes]>) -> Arc<[Changes]> {
        let ids = self.0.borrow();
        if ids.is_empty() {
            return units;
        }
        for group in Arc::make_mut(&mut units).iter_mut().flat_map(Changes::groups_mut) {
            if ids.id(group) != &**group {
                *group = ids.id(group).into();
            }
        }
        units
    }
}
