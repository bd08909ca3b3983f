//! Queries of committed rows, each with its plan in the log.

use protean_port::Result;
use protean_port::message::{RowQuery, Table};
use protean_port::port::{RowState, Wanted};
use tracing::{Level, debug, enabled};

use super::unit::Unit;

impl Unit {
    /// The committed rows that a query selects.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub(super) async fn query(&self, table: &Table, query: &RowQuery) -> Result<Vec<RowState>> {
        self.log_plan(table, query, Wanted::Rows).await;
        self.store.query(table, query).await
    }

    /// How many committed rows a query selects.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub(super) async fn count(&self, table: &Table, query: &RowQuery) -> Result<u64> {
        self.log_plan(table, query, Wanted::Count).await;
        self.store.count(table, query).await
    }

    async fn log_plan(&self, table: &Table, query: &RowQuery, wanted: Wanted) {
        if enabled!(target: "protean::query", Level::DEBUG) {
            let plan = self.store.explain(table, query, wanted).await;
            let plan = plan.unwrap_or_else(|error| error.to_string());
            debug!(target: "protean::query", table = table.name, plan, "query");
        }
    }
}
