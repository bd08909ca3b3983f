//! What is in stock, each morning.

use protean::prelude::{Context, Id, Result, Root, Timestamp};
use protean::{aggregate, aggregate_impl, command, command_handler};

use crate::stock::Stock;

#[command(part_of = StockReport)]
#[derive(PartialEq)]
pub struct WriteStockReport {
    #[field(identifier)]
    pub report_id: Id,
}

/// How much lay in the warehouse.
#[aggregate(commands(WriteStockReport))]
pub struct StockReport {
    root: Root<StockReport>,
    pub time: Timestamp,
    pub available: i64,
    pub reserved: i64,
}

#[aggregate_impl]
impl StockReport {}

/// Writes the reports.
pub struct Reports;

#[command_handler(part_of = StockReport)]
impl Reports {
    #[handle]
    async fn write(&self, command: WriteStockReport, ctx: &Context) -> Result {
        let stock = ctx.repository::<Stock>().query().all().await?;
        let report = StockReport {
            root: Root::with_id(command.report_id),
            time: ctx.now(),
            available: stock.iter().map(|article| article.available).sum(),
            reserved: stock.iter().map(|article| article.reserved).sum(),
        };
        ctx.repository::<StockReport>().add(report).await
    }
}
