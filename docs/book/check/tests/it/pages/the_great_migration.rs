use fidelis::account::{Account, MakeDeposit, OpenAccount};
use protean::port::Find;
use protean::prelude::*;
use protean::{Submission, processing_priority};

fn open(number: &str) -> OpenAccount {
    OpenAccount {
        account_number: number.to_owned(),
        holder_name: "Grace Hopper".to_owned(),
        opening_deposit: 100.into(),
    }
}

#[tokio::test]
async fn a_payment_of_today_keeps_its_priority() -> Result<(), Box<dyn std::error::Error>> {
    let bank = fidelis::configured("").in_memory().build()?;
    let customer = bank.process(open("ACC-001")).synchronous().await?;
    let amount = Decimal::from(1_000_000);
    processing_priority(Priority::BULK, async {
        bank.process(open("MIGR-001")).await?;
        // A payment of today goes first, though it comes from here.
        processing_priority(Priority::CRITICAL, async {
            bank.process(MakeDeposit { account_id: customer.clone(), amount, reference: None })
                .await
        })
        .await?;
        // And the migration goes on.
        bank.process(open("MIGR-002")).await
    })
    .await?;
    let account = bank.repository::<Account>().await?.get(&customer).await?;
    assert_eq!(account.balance, 1_000_100);
    Ok(())
}

#[tokio::test]
async fn an_export_is_streamed_at_bulk() -> Result<(), Box<dyn std::error::Error>> {
    let bank = fidelis::configured("[databases.default]\nprovider = \"memory\"\n").build()?;
    let export = (1..=3).map(|number| format!("MIGR-{number:03}"));
    let migrated = bank
        .process_all(export.map(|number| {
            Submission::new(open(&number)).permanent_idempotency_key(number.as_str())
        }))
        .priority(Priority::BULK)
        .on_progress(|progress| println!("{} accounts sent", progress.accepted))
        .await?;
    assert_eq!(migrated.accepted, 3);
    let messages = bank.store().await?.find(Find::first(10)).await?;
    assert!(messages.iter().all(|message| message.message.priority == Priority::BULK));
    Ok(())
}
