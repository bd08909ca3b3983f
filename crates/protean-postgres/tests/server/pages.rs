//! What a page of the log says of its messages.

use std::sync::Arc;

use protean_port::message::{Lane, Priority};
use protean_port::port::{
    At, Changes, DoneMark, GroupRegistration, LaneRead, ProgressMove, Start, Store,
};

use crate::{account, commit, database, is_committed, prepared, unit};

/// The most messages of a page that says it.
const FEW: usize = 16;

async fn filled(store: &dyn Store, messages: usize) {
    for _ in 0..messages {
        let stream = account("a");
        assert!(is_committed(&commit(store, vec![unit(Lane::Primary, &stream)]).await[0]));
    }
}

fn read(limit: usize) -> LaneRead {
    LaneRead {
        group: "relay".into(),
        category: account("a").category().clone(),
        range: (Priority::BULK, Priority::NORMAL),
        after: Vec::new(),
        limit,
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL: cargo xtask test"]
async fn a_page_of_few_messages_says_to_whom_each_is_open() {
    let database = database();
    let store = prepared(&database.uri(), &[]).await;
    filled(&*store, 2).await;
    let groups = ["reader", "newcomer", "nobody"].map(Arc::<str>::from);
    let registration =
        |group: &str, start| GroupRegistration::new(group, account("a").category().clone(), start);
    let of = [registration("reader", Start::Beginning), registration("newcomer", Start::Head)];
    store.prepare(&[], &of).await.unwrap();
    filled(&*store, FEW - 2).await;
    let third = store.lane(read(3)).await.unwrap().remove(2).recorded;
    let mark = DoneMark::of(&groups[0], &third.message, At::Only(third.position));
    let mut settled = Changes { marks: vec![mark], ..Changes::new(Lane::Primary) };
    let (group, stream) = (Arc::clone(&groups[0]), account("a"));
    settled.progress.push(ProgressMove { group, stream, position: 0 });
    assert!(is_committed(&commit(&*store, vec![settled]).await[0]));

    let page = store.lane_for(read(1000), &groups).await.unwrap();
    let open = Vec::from_iter(page.iter().map(|of| of.open.clone()));
    assert_eq!(
        open[..4],
        [
            [Some(1), None, None],
            [Some(1), None, None],
            [None, Some(2), None],
            [Some(1), Some(2), None]
        ]
    );
    filled(&*store, 1).await;
    let page = store.lane_for(read(1000), &groups).await.unwrap();
    assert_eq!(page.len(), FEW + 1);
    assert!(page.iter().all(|of| of.open == [None; 3]), "a longer page is looked up as a whole");
}
