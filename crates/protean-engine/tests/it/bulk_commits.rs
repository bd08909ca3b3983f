//! Bulk messages share their commits.

use protean::message::Priority;

use crate::harness::{Harness, On};
use crate::tallies::Add;
use crate::unreliable::Unreliable;
use crate::weather::Weather;

const MESSAGES: i64 = 400;

#[tokio::test]
async fn a_commit_takes_what_many_handlers_have_settled_one_after_another() {
    let weather = Weather::new(1);
    weather.calm();
    let store = Unreliable::new(&weather);
    let harness = Harness::with(On::Memory, |builder| builder.provider(store));
    let commands = (1..=MESSAGES).map(|number| Add { tally: format!("t-{number}").into(), number });
    harness.domain.process_all(commands).priority(Priority::BULK).await.unwrap();
    harness.drain().await;
    assert_eq!(harness.sum().await, MESSAGES * (MESSAGES + 1) / 2);
    // The projector handles one message at a time.
    for group in ["harness.TallyCommands", "harness.SumProjector"] {
        let commits = weather.bulk_commits_of(group);
        assert!((1..=40).contains(&commits), "{group}: {commits} commits");
    }
}
