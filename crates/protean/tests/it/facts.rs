//! Fact events: the whole state after each change.

use protean::config::Processing;
use protean::message::{Category, Recorded, Stream};
use protean::model::{Aggregate, Event, Fields};
use protean::prelude::{Context, Handled, Id, Result};
use protean::{Decimal, Domain, Priority, Root, aggregate, aggregate_impl, projection, projector};

use crate::kitchen::{Order as Meal, OrderFactEvent as MealFact, OrderPlaced, PlaceOrder, kitchen};
use crate::shop::{Order, OrderFactEvent, OrderPlaced as ShopOrderPlaced, Status};

/// What was last ordered, and how often it changed: kept from facts and events.
#[projection]
struct LastMeal {
    #[field(identifier)]
    order_id: Id,
    dish: String,
    changes: u64,
}

struct LastMeals;

#[projector(projection = LastMeal)]
impl LastMeals {
    #[on]
    async fn text(&self, fact: MealFact, ctx: &Context) -> Handled {
        let changes = Self::changes(&fact.id, ctx).await?;
        let meal = LastMeal { order_id: fact.id, dish: fact.dish, changes };
        Ok(ctx.repository::<LastMeal>().add(meal).await?)
    }

    #[on]
    async fn changed(&self, event: OrderPlaced, ctx: &Context) -> Handled {
        let changes = Self::changes(&event.order_id, ctx).await? + 1;
        let meal = LastMeal { order_id: event.order_id, dish: "?".into(), changes };
        Ok(ctx.repository::<LastMeal>().add(meal).await?)
    }

    async fn changes(id: &Id, ctx: &Context) -> Result<u64> {
        Ok(ctx.repository::<LastMeal>().find(id).await?.map_or(0, |meal| meal.changes))
    }
}

fn memory() -> Domain {
    kitchen(Processing::Sync)
        .aggregate::<Order>()
        .register(crate::shop::OrderCommandHandler)
        .build()
        .unwrap()
}

async fn read(domain: &Domain, stream: Stream) -> Vec<Recorded> {
    domain.store().await.unwrap().stream(&stream, 0, 1000).await.unwrap()
}

async fn meal_facts(domain: &Domain, id: &Id) -> Vec<Recorded> {
    read(domain, Category::of("kitchen", "Order").facts().stream(id)).await
}

async fn order_facts(domain: &Domain, id: &Id) -> Vec<Recorded> {
    read(domain, Category::named("shop-orders-fact").stream(id)).await
}

fn dish_of(fact: &Recorded) -> String {
    serde_json::from_str::<MealFact>(&fact.message.data).unwrap().dish
}

/// Orders these dishes under one order, in one unit.
async fn order(domain: &Domain, id: &Id, dishes: &[&str]) -> Result {
    let ordered = domain.unit_of_work(async |ctx| {
        let meals = ctx.repository::<Meal>();
        let found = meals.find(id).await?;
        let mut meal = found.unwrap_or_else(|| Meal::create_with(id.clone()));
        for dish in dishes {
            meal.raise(OrderPlaced { order_id: meal.id(), dish: (*dish).to_owned() })?;
        }
        meals.add(meal).await
    });
    ordered.await
}

#[tokio::test]
async fn a_unit_tells_one_fact_below_its_last_event() {
    let domain = memory();
    let id = Id::from("7");
    order(&domain.with_priority(Priority::LOW), &id, &["soup", "pie"]).await.unwrap();
    let events = read(&domain, Category::of("kitchen", "Order").stream(&id)).await;
    let facts = meal_facts(&domain, &id).await;
    assert_eq!((events.len(), facts.len()), (2, 1));
    let (last, fact) = (&events[1].message, &facts[0].message);
    assert_eq!(&*fact.id, "kitchen::order-fact-7-1");
    assert_eq!(&*fact.type_name, "Kitchen.OrderFactEvent.v1");
    assert_eq!(&*fact.data, r#"{"id":"7","dish":"pie"}"#);
    assert_eq!(fact.causation_id.as_deref(), Some(&*last.id));
    assert_eq!((&fact.correlation_id, fact.priority), (&last.correlation_id, Priority::LOW));
    order(&domain, &id, &["tea"]).await.unwrap();
    let facts = meal_facts(&domain, &id).await;
    assert_eq!(
        (&*facts[1].message.id, dish_of(&facts[1])),
        ("kitchen::order-fact-7-2", "tea".into())
    );
    let meal = domain.repository::<Meal>().await.unwrap().get(&id).await.unwrap();
    assert_eq!((meal.dish.as_str(), meal.root().version()), ("tea", Some(2)));
}

#[tokio::test]
async fn what_is_added_twice_in_a_unit_is_told_once() {
    let domain = memory();
    let id = Id::from("7");
    let added = domain.unit_of_work(async |ctx| {
        let meals = ctx.repository::<Meal>();
        for dish in ["soup", "pie"] {
            let found = meals.find(&id).await?;
            let mut meal = found.unwrap_or_else(|| Meal::create_with(id.clone()));
            meal.raise(OrderPlaced { order_id: meal.id(), dish: dish.to_owned() })?;
            meals.add(meal).await?;
        }
        // Nothing has changed, so there is nothing to tell.
        meals.add(meals.get(&id).await?).await
    });
    added.await.unwrap();
    let facts = meal_facts(&domain, &id).await;
    assert_eq!(facts.iter().map(dish_of).collect::<Vec<_>>(), ["pie"]);
    assert_eq!(facts[0].message.causation_id.as_deref(), Some("kitchen::order-7-1"));
}

#[tokio::test]
async fn each_version_of_a_row_is_told_with_all_its_values() {
    let domain = memory();
    let placed = domain.unit_of_work(async |ctx| {
        let order = Order::place("A-1")?;
        let id = order.id();
        ctx.repository::<Order>().add(order).await?;
        Ok(id)
    });
    let id = placed.await.unwrap();
    let quiet = domain.unit_of_work(async |ctx| {
        let orders = ctx.repository::<Order>();
        let mut order = orders.get(&id).await?;
        order.number = "A-2".into();
        orders.add(order).await
    });
    quiet.await.unwrap();
    let facts = order_facts(&domain, &id).await;
    let ids: Vec<_> = facts.iter().map(|fact| fact.message.id.replace(id.as_str(), "ID")).collect();
    assert_eq!(ids, ["shop-orders-fact-ID-0.1", "shop-orders-fact-ID-1.1"]);
    assert_eq!(facts[0].message.causation_id.as_deref(), Some(&*format!("shop-orders-{id}-0.1")));
    assert_eq!(facts[1].message.causation_id, None);
    let values = r#"{"id":"ID","number":"A-2","ship_to":{"street":"Main","city":"Oslo"},"bill_to":null,"status":"Open","lines":[{"id":"1","quantity":2}],"discount":-0.50,"placed":null,"weight":2.0}"#;
    assert_eq!(facts[1].message.data.replace(id.as_str(), "ID"), values);
    let text: OrderFactEvent = serde_json::from_str(&facts[1].message.data).unwrap();
    assert_eq!(
        (text.status, text.discount, text.lines[0].quantity),
        (Status::Open, Decimal::new(-50, 2), 2)
    );
}

#[tokio::test]
async fn what_is_removed_tells_no_fact() {
    let domain = memory();
    let id = Id::from("7");
    let remove = async |ctx: &Context, order: Order| ctx.repository::<Order>().remove(order).await;
    let come_and_gone = domain.unit_of_work(async |ctx| {
        let mut order = Order::place("A-1")?;
        order.root_mut().discard();
        *order.root_mut() = Root::with_id(id.clone());
        ctx.repository::<Order>().add(order).await?;
        remove(ctx, ctx.repository::<Order>().get(&id).await?).await
    });
    come_and_gone.await.unwrap();
    assert!(order_facts(&domain, &id).await.is_empty());
    let placed = domain.unit_of_work(async |ctx| {
        let mut order = Order::place("A-1")?;
        order.root_mut().discard();
        *order.root_mut() = Root::with_id(id.clone());
        ctx.repository::<Order>().add(order).await
    });
    placed.await.unwrap();
    let gone = domain
        .unit_of_work(async |ctx| remove(ctx, ctx.repository::<Order>().get(&id).await?).await);
    gone.await.unwrap();
    assert_eq!(order_facts(&domain, &id).await.len(), 1);
}

#[tokio::test]
async fn a_handler_of_events_and_facts_has_a_group_for_each() {
    let domain = kitchen(Processing::Sync).register(LastMeals).build().unwrap();
    let groups = domain.groups().iter();
    let groups = groups.filter(|group| group.handler == "LastMeals");
    let categories: Vec<_> = groups.map(|group| group.category.to_string()).collect();
    assert_eq!(categories, ["kitchen::order", "kitchen::order-fact"]);
    let id = domain.process(PlaceOrder { dish: "soup".into() }).synchronous().await.unwrap();
    let meals = domain.repository::<LastMeal>().await.unwrap();
    let meal = meals.get(&id).await.unwrap();
    assert_eq!((meal.dish.as_str(), meal.changes), ("soup", 1));
}

#[aggregate(stream_category = "kitchen::order-fact")]
struct Squatter {
    root: Root<Squatter>,
}

#[aggregate_impl]
impl Squatter {}

#[test]
fn the_category_of_facts_belongs_to_them() {
    let built = kitchen(Processing::Sync).aggregate::<Squatter>().build();
    let text = "Order and Squatter share the category kitchen::order-fact: rename one, or give it a \
                `stream_category`";
    assert_eq!(built.err().unwrap().faults(), [text]);
}

#[tokio::test]
async fn an_id_that_looks_like_a_fact_is_refused() {
    let domain = memory();
    let error = order(&domain, &Id::from("fact-7"), &["soup"]).await.unwrap_err();
    assert!(error.to_string().contains("choose another id"), "{error}");
}

#[test]
fn a_fact_has_the_fields_defaults_and_rules_of_its_aggregate() {
    let facts = (OrderFactEvent::NAME, OrderFactEvent::FACT, ShopOrderPlaced::FACT);
    assert_eq!(facts, ("OrderFactEvent", true, false));
    assert_eq!(Order::FACT.map(|fact| fact.name), Some("OrderFactEvent"));
    let names: Vec<_> = OrderFactEvent::RULES.iter().map(|rules| rules.name).collect();
    assert_eq!(names[..3], ["id", "number", "ship_to"]);
    let older = r#"{"id":"7","number":"A-1","ship_to":{"street":"Main","city":null},
                    "lines":[],"weight":1.0}"#;
    let fact: OrderFactEvent = serde_json::from_str(older).unwrap();
    assert_eq!(
        (fact.status, fact.discount, fact.placed),
        (Status::Open, Decimal::new(-50, 2), None)
    );
}

/// Two programs on one file, each with a writer of its own.
#[tokio::test]
async fn facts_stand_in_the_order_of_versions_with_several_writers() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("kitchen.db");
    let settings = format!(
        "event_processing = \"async\"\n[databases.default]\nprovider = \"sqlite\"\n\
         database_uri = \"sqlite:{}\"\n",
        file.display()
    );
    let program = || kitchen(Processing::Async).config(&settings);
    let domains = [program().build().unwrap(), program().build().unwrap()];
    let id = Id::from("7");
    let write = async |writer: usize| {
        for number in 0..25 {
            let dish = format!("{writer} {number}");
            while let Err(error) = order(&domains[writer % 2], &id, &[&dish]).await {
                assert!(error.is_conflict(), "{error}");
            }
        }
    };
    tokio::join!(write(0), write(1), write(2), write(3));
    let events = read(&domains[0], Category::of("kitchen", "Order").stream(&id)).await;
    let facts = meal_facts(&domains[0], &id).await;
    assert_eq!((events.len(), facts.len()), (100, 100));
    for (version, (event, fact)) in events.iter().zip(&facts).enumerate() {
        assert_eq!(&*fact.message.id, format!("kitchen::order-fact-7-{version}"));
        assert_eq!(fact.message.causation_id.as_ref(), Some(&event.message.id));
        assert!(event.message.data.contains(&format!("\"{}\"", dish_of(fact))));
    }
}
