//! What the operators see and do.

use std::sync::Arc;

use protean::Group;
use protean::port::{DeadLetter, GroupStatus};
use protean_engine::DeadLetters;

use crate::bank::Bank;

const HANDLER: &str = "StatementProjector";

impl Bank {
    fn statements(&self) -> Arc<Group> {
        let groups = self.domain.groups();
        Arc::clone(groups.iter().find(|group| group.handler == HANDLER).unwrap())
    }

    /// Where the handler of the statements stands.
    pub(crate) async fn group_status(&self) -> GroupStatus {
        let (store, group) = (self.domain.store().await.unwrap(), self.statements());
        store.group_status(&group.name, &group.category).await.unwrap()
    }

    /// What the handler of the statements has given up.
    pub(crate) async fn dead_letters(&self) -> Vec<DeadLetter> {
        let group = self.statements();
        let letters = DeadLetters::of(&self.domain, &group).await.unwrap();
        letters.page(0, 100_000).await.unwrap()
    }

    pub(crate) async fn inspect(&self, position: u64) -> Option<DeadLetter> {
        let group = self.statements();
        DeadLetters::of(&self.domain, &group).await.unwrap().at(position).await.unwrap()
    }

    pub(crate) async fn purge(&self, letter: &DeadLetter) -> bool {
        let group = self.statements();
        DeadLetters::of(&self.domain, &group).await.unwrap().purge(letter).await.unwrap()
    }

    pub(crate) async fn replay(&self, letter: &DeadLetter) -> bool {
        let group = self.statements();
        DeadLetters::of(&self.domain, &group).await.unwrap().replay(letter).await.unwrap()
    }

    pub(crate) async fn replay_all(&self) -> u64 {
        let group = self.statements();
        DeadLetters::of(&self.domain, &group).await.unwrap().replay_all().await.unwrap()
    }

    /// Lag, pending and dead messages of the statements, as the table of subscriptions has them.
    pub(crate) fn status(&self) -> (u64, u64, u64) {
        let status = self.ask(&["subscriptions", "status"]);
        let rows = status["data"]["subscriptions"].as_array().unwrap().iter();
        rows.filter(|row| row["handler_name"] == HANDLER).fold(
            (0, 0, 0),
            |(lag, pending, dead), row| {
                let number =
                    |name: &str| row[name].as_u64().unwrap_or_else(|| panic!("{name}: {row}"));
                (lag + number("lag"), pending + number("pending"), dead + number("dlq_depth"))
            },
        )
    }

    pub(crate) fn verify_closes(&self) {
        let report = self.ask(&["verify"]);
        assert_eq!(report["data"]["closes"], true, "{report}");
    }
}
