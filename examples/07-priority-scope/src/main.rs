//! A shop that awards points: at once to a customer at the till, and to everybody each night.
//!
//! You learn how to give a priority to work without telling the code that does it: with a scope, with a
//! handle or at one call, and that everything the work causes inherits it. Scopes nest, the innermost
//! wins, and a spawned task needs a handle. Read `08-subscriber` next.
#![expect(clippy::print_stdout, reason = "the program shows what it does")]

use std::error::Error;
use std::sync::{Arc, Mutex, PoisonError};

use protean::prelude::{Context, Domain, Handled, Id, Priority, Result, Root};
use protean::{
    DomainBuilder, aggregate, aggregate_impl, command, command_handler, event, event_handler,
    processing_priority,
};

/// A customer has more points.
#[event(part_of = Customer)]
struct PointsAwarded {
    customer_id: Id,
    points: u32,
}

/// Gives a customer points.
#[command(part_of = Customer)]
struct AwardPoints {
    #[field(identifier)]
    customer_id: Id,
    points: u32,
}

/// A customer, with the points of each award added up.
#[aggregate(event_sourced, commands(AwardPoints))]
struct Customer {
    root: Root<Customer>,
    #[field(default = 0)]
    points: u32,
}

#[aggregate_impl]
impl Customer {
    #[apply]
    fn on_points_awarded(&mut self, event: &PointsAwarded) {
        self.points += event.points;
    }
}

/// Handles the commands of customers.
struct CustomerCommandHandler;

#[command_handler(part_of = Customer)]
impl CustomerCommandHandler {
    #[handle]
    async fn award(&self, command: AwardPoints, ctx: &Context) -> Result {
        let AwardPoints { customer_id, points } = command;
        let customers = ctx.repository::<Customer>();
        let found = customers.find(&customer_id).await?;
        let mut customer = found.unwrap_or_else(|| Customer::create_with(customer_id.clone()));
        customer.raise(PointsAwarded { customer_id, points })?;
        customers.add(customer).await
    }
}

/// Writes to customers. The letters are kept here, each with the priority of the event behind it.
#[derive(Clone, Default)]
struct Letters(Arc<Mutex<Vec<(String, Priority)>>>);

#[event_handler(part_of = Customer)]
impl Letters {
    #[handle]
    async fn awarded(&self, event: PointsAwarded, ctx: &Context) -> Handled {
        let letter =
            (format!("{}: {} more points", event.customer_id, event.points), ctx.priority());
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(letter);
        Ok(())
    }
}

/// Awards points. How urgent that is, only the caller knows.
async fn award(shop: &Domain, customer: &str, points: u32) -> Result {
    let customer_id = Id::from(customer);
    shop.process(AwardPoints { customer_id, points }).await?;
    Ok(())
}

/// A point for each customer, each night, behind all that people do. A customer who waits at the till
/// meanwhile is awarded points at NORMAL, in a request of his own.
async fn nightly_job(shop: &Domain, customers: &[&str]) -> Result {
    processing_priority(Priority::BULK, async {
        for customer in customers {
            award(shop, customer, 1).await?;
        }
        Ok(())
    })
    .await
}

fn shop(letters: &Letters) -> DomainBuilder {
    protean::domain("shop")
        .aggregate::<Customer>()
        .register(CustomerCommandHandler)
        .register(letters.clone())
        .in_memory()
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let letters = Letters::default();
    let shop = shop(&letters).build()?;
    award(&shop, "ada", 20).await?;
    nightly_job(&shop, &["ada", "bob"]).await?;
    for (letter, priority) in letters.0.lock().unwrap_or_else(PoisonError::into_inner).iter() {
        println!("{priority:>8} {letter}");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use protean::prelude::{Id, Priority};
    use protean::processing_priority;

    use super::{AwardPoints, Customer, Letters, award, nightly_job, shop};

    impl Letters {
        fn priorities(&self) -> Vec<Priority> {
            self.0.lock().unwrap().iter().map(|(_, priority)| *priority).collect()
        }
    }

    #[tokio::test]
    async fn a_scope_reaches_all_that_the_job_causes_and_nothing_else() {
        let letters = Letters::default();
        let shop = shop(&letters).build().unwrap();
        award(&shop, "ada", 20).await.unwrap();
        nightly_job(&shop, &["ada", "bob"]).await.unwrap();
        award(&shop, "bob", 5).await.unwrap();
        let (normal, bulk) = (Priority::NORMAL, Priority::BULK);
        assert_eq!(letters.priorities(), [normal, bulk, bulk, normal]);
        let customers = shop.repository::<Customer>().await.unwrap();
        assert_eq!(customers.get(&"ada".into()).await.unwrap().points, 21);
    }

    #[tokio::test]
    async fn the_call_beats_the_handle_and_the_handle_the_scope() {
        let letters = Letters::default();
        let shop = shop(&letters).build().unwrap();
        let urgent = shop.with_priority(Priority::HIGH);
        processing_priority(Priority::BULK, async {
            award(&urgent, "ada", 1).await.unwrap();
            let command = AwardPoints { customer_id: Id::from("ada"), points: 1 };
            urgent.process(command).priority(Priority::CRITICAL).await.unwrap();
            processing_priority(Priority::LOW, award(&shop, "ada", 1)).await.unwrap();
            award(&shop, "ada", 1).await.unwrap();
        })
        .await;
        let (high, critical) = (Priority::HIGH, Priority::CRITICAL);
        assert_eq!(letters.priorities(), [high, critical, Priority::LOW, Priority::BULK]);
    }

    #[tokio::test]
    async fn a_spawned_task_needs_a_handle() {
        let letters = Letters::default();
        let shop = shop(&letters).build().unwrap();
        processing_priority(Priority::BULK, async {
            let forgotten = shop.clone();
            tokio::spawn(async move { award(&forgotten, "ada", 1).await }).await.unwrap().unwrap();
            let handed = shop.with_priority(Priority::BULK);
            tokio::spawn(async move { award(&handed, "ada", 1).await }).await.unwrap().unwrap();
        })
        .await;
        assert_eq!(letters.priorities(), [Priority::NORMAL, Priority::BULK]);
    }
}
