use fidelis::account::MakeDeposit;
use protean::message::Lane;
use protean::prelude::*;
use protean::processing_priority;
use protean_engine::subscriptions;

async fn send(domain: &Domain, accounts: &[Id]) -> Result<(), Box<dyn std::error::Error>> {
    processing_priority(Priority::LOW, async {
        for account_id in accounts {
            let deposit = MakeDeposit {
                account_id: account_id.clone(),
                amount: "0.01".parse()?,
                reference: Some("interest".to_owned()),
            };
            domain.process(deposit).await?;
        }
        Ok::<(), Box<dyn std::error::Error>>(())
    })
    .await?;
    Ok(())
}

#[tokio::test]
async fn batch_work_waits_in_the_backfill_lane() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("bank.db");
    let domain = fidelis::domain_on(&format!("sqlite:{}", file.display())).build()?;
    // As a server does when it starts.
    let accounts = ["1", "2", "3"].map(Id::from);
    send(&domain, &accounts).await?;
    let status = subscriptions(&domain).await?;
    let commands = status.iter().find(|of| of.handler == "AccountCommandHandler").unwrap();
    let lag: Vec<_> = commands.lanes.iter().map(|lane| (lane.lane, lane.lag)).collect();
    assert_eq!(lag, [(Lane::Primary, Some(0)), (Lane::Backfill, Some(3))]);
    let shell = rusqlite::Connection::open(&file)?;
    let sql = "
        SELECT message_id, priority, stream_name FROM outbox ORDER BY created_at DESC LIMIT 10
    ";
    let priority = |row: &rusqlite::Row<'_>| row.get::<_, i64>(1);
    let found: Vec<i64> = shell.prepare(sql)?.query_map([], priority)?.collect::<Result<_, _>>()?;
    assert_eq!(found, [-50, -50, -50]);
    Ok(())
}
