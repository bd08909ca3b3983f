//! The category in which the framework keeps what operators do belongs to it.

use protean::prelude::*;
use protean::{Payload, aggregate, aggregate_impl, subscriber};

#[aggregate]
struct Operations {
    root: Root<Operations>,
}

#[aggregate_impl]
impl Operations {}

struct Watcher;

#[subscriber(stream = "clinic::operations")]
impl Watcher {
    #[handle]
    async fn arrived(&self, _: Payload) -> Handled {
        Ok(())
    }
}

fn wanted(name: &str) -> String {
    format!(
        "{name} has the category clinic::operations, in which the framework keeps what operators do: \
         give it another one"
    )
}

#[test]
fn neither_an_aggregate_nor_a_subscriber_can_have_it() {
    let clinic = || protean::domain("clinic").in_memory();
    let built = clinic().aggregate::<Operations>().build();
    assert_eq!(built.err().unwrap().faults(), [wanted("Operations")]);
    let built = clinic().register(Watcher).build();
    assert_eq!(built.err().unwrap().faults(), [wanted("Watcher")]);
    let other = protean::domain("hospital").in_memory().aggregate::<Operations>().build();
    assert_eq!(other.err().unwrap().faults().len(), 1, "its own category is the same");
}
