//! `fidelis demo`: the bank in a minute, in memory, everything handled at once.

use fidelis::account::{Account, MakeDeposit, OpenAccount};
use protean::{Decimal, Domain, Id, Priority, processing_priority};
use protean_cli::{App, Error, Reply, Result};
use serde_json::json;

/// Nothing is kept, nothing waits.
const SETTINGS: &str = r#"
command_processing = "sync"
event_processing = "sync"

[server.priority_lanes]
enabled = true
"#;

/// Money that comes with the migration.
const MIGRATED: [(i64, &str); 3] =
    [(100, "migration-batch-001"), (200, "migration-batch-002"), (150, "migration-batch-003")];

/// Plays the scene and prints each step.
///
/// # Errors
/// When a step fails or the account does not hold what it must.
pub(crate) async fn run(app: &App) -> Result {
    if app.config_file().is_some() {
        return Err(Error::usage("the demo has its own settings: leave out --config"));
    }
    let domain = fidelis::configured(SETTINGS).build()?;
    let account_id = open(&domain).await?;
    app.say(format!("[NORMAL] Account opened: {account_id}"))?;
    deposit(&domain, &account_id, 1000, "paycheck").await?;
    app.say("[NORMAL] Deposit of $1,000.00 made")?;

    processing_priority(Priority::BULK, async {
        for (amount, reference) in MIGRATED {
            deposit(&domain, &account_id, amount, reference).await?;
            app.say(format!("[BULK] Deposit of ${amount}.00 made"))?;
        }
        Ok::<(), Error>(())
    })
    .await?;

    let account = domain.repository::<Account>().await?.get(&account_id).await?;
    app.say(format!("\nFinal balance: ${:.2}", account.balance))?;
    // 5000 + 1000 + 100 + 200 + 150
    if account.balance != 6450 {
        return Err(Error::failed(format!("the balance is {} and not 6450", account.balance)));
    }
    let data = json!({"final_balance": account.balance});
    app.reply(Reply::plain(data, "\nAll checks passed!"))
}

async fn open(domain: &Domain) -> Result<Id> {
    let (account_number, holder_name) = ("ACC-001".to_owned(), "Alice Johnson".to_owned());
    let opening_deposit = Decimal::new(500_000, 2);
    let command = OpenAccount { account_number, holder_name, opening_deposit };
    Ok(domain.process(command).synchronous().await?)
}

async fn deposit(domain: &Domain, to: &Id, amount: i64, reference: &str) -> Result<()> {
    let (account_id, reference) = (to.clone(), Some(reference.to_owned()));
    domain.process(MakeDeposit { account_id, amount: amount.into(), reference }).await?;
    Ok(())
}
