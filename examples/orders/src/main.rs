//! The shop's program: `orders server`, `orders place 7 tea 2 6.50`, `orders processes list`, ….

use std::process::ExitCode;
use std::time::Duration;

use orders::order::PlaceOrder;
use orders::payment::PayOrder;
use orders::stock::AddStock;
use protean::CommandOutcome;
use protean::model::Command as DomainCommand;
use protean::prelude::{Decimal, Id};
use protean_cli::{App, Error, Reply, Result};
use serde_json::json;

/// How long to wait for what became of a command.
const WAIT_LIMIT: Duration = Duration::from_secs(10);

/// What the shop has beside the commands of every domain.
#[derive(clap::Subcommand)]
enum Command {
    /// Puts articles into the warehouse
    Stock { sku: Id, quantity: i64 },
    /// Places an order; PRICE is that of the whole order
    Place {
        order: Id,
        sku: Id,
        quantity: i64,
        price: Decimal,
        /// The time that the customer has to pay
        #[arg(long, value_name = "SECONDS", default_value_t = 900)]
        seconds_to_pay: u32,
    },
    /// Pays an order
    Pay { order: Id, card: String },
}

fn main() -> ExitCode {
    protean_cli::run_with(orders::domain(orders::SETTINGS), run)
}

async fn run(command: Command, app: App) -> Result {
    match command {
        Command::Stock { sku, quantity } => send(AddStock { sku, quantity }, &app).await,
        Command::Place { order: order_id, sku, quantity, price, seconds_to_pay } => {
            send(PlaceOrder { order_id, sku, quantity, price, seconds_to_pay }, &app).await
        }
        Command::Pay { order: reference, card } => send(PayOrder { reference, card }, &app).await,
    }
}

/// Sends a command and prints its id once it is handled.
async fn send(command: impl DomainCommand<Output = ()>, app: &App) -> Result {
    let receipt = app.domain()?.process(command).keep_outcome().receipt().await?;
    let Ok(outcome) = tokio::time::timeout(WAIT_LIMIT, receipt.outcome()).await else {
        let message = format!("the command {} waits: is a server running?", receipt.id());
        return Err(Error::failed(message).advice("start one with 'orders server'"));
    };
    let id = receipt.id();
    match outcome? {
        CommandOutcome::Handled(()) => app.reply(Reply::new(json!({"id": id}), id)),
        other => Err(Error::failed(format!("the command {id} was not handled: {other:?}"))),
    }
}
