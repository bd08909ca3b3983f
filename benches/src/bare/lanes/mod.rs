//! Two lanes without the product: production runs on its own, bulk work takes one step
//! at a time. The limit of a whole pipeline with customers beside it.
//!
//! ```text
//! production   log ─NOTIFY▶ relay ─▶ Redis ─▶ handler ─▶ log ─▶ relay ─▶ Redis ─▶ projector
//!                           whole messages; each stage is a task
//! bulk         send, relay, handle, relay, project; send, …
//!                           Redis gets one entry for each page: the range of its positions
//! ```
//!
//! They write into the product's tables, read and write the product's JSON, and settle
//! what they read. Nothing is decided, checked or counted, nobody takes over from one that
//! died, and no row is kept for each stream and group.

mod bulk;
mod customers;
mod log;
mod message;
mod production;
mod queue;

use std::sync::Arc;
use std::time::Duration;

use protean_cli::Result;
use tokio::sync::Mutex;
use workbench::latency::Latencies;

use self::bulk::Bulk;
use self::customers::Customers;
use self::log::Log;
use super::postgres::home;
use crate::home::Home;
use crate::place::Place;

pub(crate) use self::customers::Delivery;

/// Both lanes on one place.
pub(crate) struct Lanes {
    customers: Customers,
    bulk: Arc<Mutex<Bulk>>,
}

impl Lanes {
    /// Starts production on a place that has the product's tables and nothing else.
    ///
    /// # Errors
    /// When the place is a file, or a server refuses.
    pub(crate) async fn start(place: &Place) -> Result<Self> {
        place.prepare().await?;
        let Home { database, redis } = home(place)?;
        let database = database.uri();
        Log::prepare(&database).await?;
        let bulk = Bulk::new(&database, redis).await?;
        let customers = Customers::new(&database, redis).await?;
        Ok(Self { customers, bulk: Arc::new(Mutex::new(bulk)) })
    }

    /// The latencies in milliseconds of customers without bulk work.
    ///
    /// # Errors
    /// When a server refuses.
    pub(crate) async fn idle(&mut self, per_second: f64, time: Duration) -> Result<Latencies> {
        let rest = async {
            tokio::time::sleep(time).await;
            Ok(())
        };
        Ok(self.customers.serve(per_second, rest).await?.1)
    }

    /// Makes one deposit; returns its moments.
    ///
    /// # Errors
    /// When a server refuses.
    pub(crate) async fn one(&mut self) -> Result<Delivery> {
        self.customers.one().await
    }

    /// Moves `count` bulk commands; returns how long that took.
    ///
    /// # Errors
    /// When a server refuses.
    pub(crate) async fn bulk(&mut self, count: u64) -> Result<Duration> {
        self.bulk.lock().await.run(count).await
    }

    /// The same beside customers, and their latencies in milliseconds.
    ///
    /// # Errors
    /// When a server refuses.
    pub(crate) async fn bulk_beside(
        &mut self,
        count: u64,
        per_second: f64,
    ) -> Result<(Duration, Latencies)> {
        let bulk = Arc::clone(&self.bulk);
        let running = tokio::spawn(async move { bulk.lock().await.run(count).await });
        self.customers.serve(per_second, async { running.await? }).await
    }
}
