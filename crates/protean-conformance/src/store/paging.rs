//! Facts of paging, also while rows are inserted and removed.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use protean_port::Result;
use protean_port::message::Value;
use protean_port::port::{RowQuery, RowState, SortKey, Store};

use super::queries::{keys, put};
use super::sample::{column, commit_all, places, thing, things, unit};

/// The number of rows that stay.
const STAYING: i64 = 40;

/// The number of rows that are inserted and removed.
const PASSING: u64 = 300;

/// Pseudo-random numbers.
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }

    /// A size, the same for many rows; none for some.
    fn size(&mut self) -> Value {
        match self.below(6) {
            0 => Value::Null,
            size => Value::Integer(size.cast_signed()),
        }
    }
}

pub async fn rows_that_stay_are_on_one_page_each(store: Arc<dyn Store>) -> Result {
    let mut random = Random(7);
    let row = |number: i64, random: &mut Random| {
        unit().put(None, thing(&format!("s{number:03}"), [(column::SIZE, random.size())]))
    };
    let staying = (0..STAYING).map(|number| row(number, &mut random)).collect();
    commit_all(&*store, staying).await.iter().for_each(|outcome| {
        places(outcome);
    });
    let done = Arc::new(AtomicBool::new(false));
    let writer = tokio::spawn(come_and_go(Arc::clone(&store), Arc::clone(&done)));
    let (up, down) = (SortKey::ascending, SortKey::descending);
    let orders = [
        vec![],
        vec![up(column::SIZE)],
        vec![down(column::SIZE)],
        vec![down(column::SIZE), up(column::ID)],
        vec![up(column::NAME), down(column::SIZE)],
    ];
    let mut rounds = 0;
    while !done.load(Ordering::Acquire) || rounds < orders.len() {
        let order = orders[rounds % orders.len()].clone();
        let seen = seen_on_pages(&*store, RowQuery { order: order.clone(), ..RowQuery::default() });
        let seen = seen.await?;
        for number in 0..STAYING {
            let key = format!("s{number:03}");
            assert_eq!(seen.get(&key), Some(&1), "{key} by {order:?} in round {rounds}");
        }
        assert!(seen.values().all(|times| *times == 1), "a row appears twice: {seen:?}");
        rounds += 1;
    }
    writer.await.unwrap_or_else(|error| panic!("{error}"))
}

/// Inserts rows, and removes them in another order.
async fn come_and_go(store: Arc<dyn Store>, done: Arc<AtomicBool>) -> Result {
    let (mut random, mut there) = (Random(11), Vec::new());
    for number in 0..PASSING {
        // Before, between and after those that stay.
        let key =
            format!("{}{number:03}", ["a", "s", "z"][usize::try_from(number % 3).unwrap_or(0)]);
        let key = format!("{key}-passing");
        let put = unit().put(None, thing(&key, [(column::SIZE, random.size())]));
        there.push(key);
        let mut units = vec![put];
        if there.len() > 5 {
            let one = usize::try_from(random.below(5)).unwrap_or(0);
            units.push(unit().remove(&there.swap_remove(one), 0));
        }
        commit_all(&*store, units).await.iter().for_each(|outcome| {
            places(outcome);
        });
        tokio::task::yield_now().await;
    }
    done.store(true, Ordering::Release);
    Ok(())
}

/// How often each key is on a page.
async fn seen_on_pages(store: &dyn Store, query: RowQuery) -> Result<BTreeMap<String, usize>> {
    let (mut seen, mut after) = (BTreeMap::new(), None);
    loop {
        let page = RowQuery { after, limit: Some(7), ..query.clone() };
        let rows = store.query(&things(), &page).await?;
        let Some(last) = rows.last() else { return Ok(seen) };
        after = Some(sorted_by(&query, last));
        for row in rows.iter().filter_map(|state| state.row.as_ref()) {
            let Value::Text(key) = &row[column::ID] else { panic!("a row has a key") };
            *seen.entry(key.to_string()).or_insert(0) += 1;
        }
    }
}

pub async fn a_page_begins_after_a_row(store: Arc<dyn Store>) -> Result {
    let sizes = [Some(1), None, Some(2), Some(1), None, Some(3), Some(2)];
    let sizes = sizes.map(|size| size.map_or(Value::Null, Value::Integer));
    put(&*store, column::SIZE, sizes).await;
    let (up, down) = (SortKey::ascending, SortKey::descending);
    for order in [
        vec![],
        vec![down(column::ID)],
        vec![up(column::SIZE)],
        vec![down(column::SIZE)],
        vec![up(column::SIZE), down(column::ID)],
        vec![down(column::SIZE), up(column::ID)],
        vec![down(column::SIZE), up(column::NAME)],
        vec![up(column::ACTIVE), down(column::SIZE)],
    ] {
        let query = RowQuery { order, ..RowQuery::default() };
        let all = store.query(&things(), &query).await?;
        for size in 1..4 {
            let pages = paged(&*store, &query, size).await?;
            assert_eq!(pages, keys(&all), "pages of {size} by {:?}", query.order);
        }
        // A page continues after a row that was removed, and skips `offset` rows.
        let after = Some(sorted_by(&query, &all[2]));
        let rest = RowQuery { after, offset: 1, limit: Some(2), ..query.clone() };
        assert_eq!(keys(&store.query(&things(), &rest).await?), keys(&all[4..6]));
    }
    let fewer = RowQuery { after: Some(vec![]), ..RowQuery::default() };
    assert!(store.query(&things(), &fewer).await.is_err());
    let (order, after) = (vec![down(column::ID)], Some(vec![Value::Null]));
    let keyless = RowQuery { order, after, ..RowQuery::default() };
    assert!(store.query(&things(), &keyless).await.is_err());
    Ok(())
}

/// The sort values of a row.
pub(super) fn sorted_by(query: &RowQuery, state: &RowState) -> Vec<Value> {
    let row = state.row.as_ref().unwrap_or_else(|| panic!("a row that was selected is there"));
    query.sort_keys(&things()).iter().map(|key| row[key.column].clone()).collect()
}

/// The keys of all pages of this size.
async fn paged(store: &dyn Store, query: &RowQuery, size: usize) -> Result<String> {
    let (mut found, mut after) = (String::new(), None);
    loop {
        let page = RowQuery { after, limit: Some(size), ..query.clone() };
        let rows = store.query(&things(), &page).await?;
        found.push_str(&keys(&rows));
        match rows.last() {
            Some(last) => after = Some(sorted_by(query, last)),
            None => return Ok(found),
        }
    }
}
