use fidelis::account::{MakeDeposit, OpenAccount};
use protean::port::Find;
use protean::prelude::*;
use protean::{current_priority, processing_priority};

/// What is sent waits in memory.
const SETTINGS: &str = "[databases.default]\nprovider = \"memory\"\n";

#[test]
fn five_priorities_have_names() {
    assert_eq!(Priority::BULK.value(), -100);
    assert_eq!(Priority::LOW.value(), -50);
    assert_eq!(Priority::NORMAL.value(), 0);
    assert_eq!(Priority::HIGH.value(), 50);
    assert_eq!(Priority::CRITICAL.value(), 100);
    assert!(Priority::new(-70) < Priority::LOW);
}

fn deposit(account_id: &str) -> MakeDeposit {
    MakeDeposit { account_id: account_id.into(), amount: 1.into(), reference: None }
}

/// The priorities of the deposits, in the order in which they were sent.
async fn priorities(domain: &Domain) -> Result<Vec<Priority>> {
    let messages = domain.store().await?.find(Find::first(100)).await?;
    Ok(messages.iter().map(|message| message.message.priority).collect())
}

#[tokio::test]
async fn the_innermost_priority_wins() -> Result<(), Box<dyn std::error::Error>> {
    let domain = fidelis::configured(SETTINGS).build()?;
    domain.process(deposit("1")).priority(Priority::BULK).await?;
    let nightly = domain.with_priority(Priority::LOW);
    nightly.process(deposit("2")).await?;
    processing_priority(Priority::BULK, async {
        domain.process(deposit("3")).await?;
        assert_eq!(current_priority(), Priority::BULK);
        // The innermost scope wins.
        processing_priority(Priority::CRITICAL, async { domain.process(deposit("4")).await })
            .await?;
        // And here it is BULK again.
        domain.process(deposit("5")).await
    })
    .await?;
    assert_eq!(current_priority(), Priority::NORMAL);
    let (bulk, low, critical) = (Priority::BULK, Priority::LOW, Priority::CRITICAL);
    assert_eq!(priorities(&domain).await?, [bulk, low, bulk, critical, bulk]);
    Ok(())
}

#[tokio::test]
async fn a_scope_that_fails_leaves_the_priority_as_it_was() {
    let failed: Result = processing_priority(Priority::BULK, async {
        Err(Error::failed("the file ends in the middle of a row"))
    })
    .await;
    assert!(failed.is_err());
    assert_eq!(current_priority(), Priority::NORMAL);
}

#[tokio::test]
async fn all_that_a_command_causes_has_its_priority() -> Result<(), Box<dyn std::error::Error>> {
    let bank = fidelis::configured("").in_memory().build()?;
    let (account_number, holder_name) = ("ACC-7".to_owned(), "Ada".to_owned());
    let open = OpenAccount { account_number, holder_name, opening_deposit: 100.into() };
    bank.process(open).priority(Priority::BULK).await?;
    let messages = bank.store().await?.find(Find::first(100)).await?;
    assert!(messages.iter().all(|message| message.message.priority == Priority::BULK));
    assert_eq!(messages.len(), 2, "the command and its event");
    Ok(())
}
