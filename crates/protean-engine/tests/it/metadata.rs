//! Metadata and trace context, which everything that a message causes inherits.

use std::sync::{Arc, Mutex};

use protean::Enricher;
use protean::message::TraceParent;
use protean::{
    Context, DomainBuilder, Handled, Id, Missed, Recurring, Root, aggregate, aggregate_impl,
    command, command_handler, event, event_handler, process_manager, process_manager_impl,
    projection, projector, timer,
};
use protean_test_servers::RedisServer;

use crate::harness::{Harness, On};
use crate::{on_every_stack, on_every_store};

on_every_stack! {
    what_is_set_travels_with_all_that_a_command_causes
}

on_every_store! {
    an_enricher_sets_what_begins_and_the_caller_wins
    too_much_is_refused
}

#[event(part_of = Parcel, published)]
struct Sent {
    parcel: Id,
}

#[command(part_of = Parcel)]
struct Send {
    #[field(identifier)]
    parcel: Id,
}

#[command(part_of = Parcel)]
struct Weigh {
    #[field(identifier)]
    parcel: Id,
}

#[aggregate(event_sourced, commands(Send, Weigh))]
struct Parcel {
    root: Root<Parcel>,
}

#[aggregate_impl]
impl Parcel {
    #[apply]
    fn on_sent(&mut self, _: &Sent) {}
}

/// What each handler has seen: `Handler tenant=acme`.
#[derive(Clone, Default)]
struct Seen(Arc<Mutex<Vec<String>>>);

impl Seen {
    fn note(&self, handler: &str, ctx: &Context) {
        let trace = ctx.traceparent().map(|of| of.trace_id()).unwrap_or_default();
        self.0.lock().unwrap().push(format!("{handler} {} {trace}", ctx.metadata()).trim().into());
    }

    fn sorted(&self) -> Vec<String> {
        let mut seen = std::mem::take(&mut *self.0.lock().unwrap());
        seen.sort();
        seen
    }
}

struct Handler(Seen);

#[command_handler(part_of = Parcel)]
impl Handler {
    #[handle]
    async fn send(&self, command: Send, ctx: &Context) -> Handled {
        self.0.note("send", ctx);
        let mut parcel = Parcel::create_with(command.parcel);
        parcel.raise(Sent { parcel: parcel.id() })?;
        Ok(ctx.repository::<Parcel>().add(parcel).await?)
    }

    #[handle]
    async fn weigh(&self, _: Weigh, ctx: &Context) -> Handled {
        self.0.note("weigh", ctx);
        Ok(())
    }
}

struct Scale(Seen);

#[event_handler(part_of = Parcel)]
impl Scale {
    #[handle]
    async fn on_sent(&self, event: Sent, ctx: &Context) -> Handled {
        self.0.note("on_sent", ctx);
        // One at once, one later, and one with more metadata.
        let weigh = || Weigh { parcel: event.parcel.clone() };
        ctx.process(weigh())?;
        ctx.command(weigh()).after(std::time::Duration::from_millis(1)).issue()?;
        ctx.command(weigh()).metadata("scale", "7").issue()?;
        Ok(())
    }
}

#[projection]
struct ParcelRow {
    #[field(identifier)]
    parcel: Id,
    tenant: Option<String>,
}

struct ParcelProjector;

#[projector(projection = ParcelRow)]
impl ParcelProjector {
    #[on]
    async fn on_sent(&self, event: Sent, ctx: &Context) -> Handled {
        let tenant = ctx.metadata().get("tenant").map(str::to_owned);
        Ok(ctx.repository::<ParcelRow>().add(ParcelRow { parcel: event.parcel, tenant }).await?)
    }
}

/// Weighs a parcel when it is sent, and once more by a timer.
#[process_manager]
struct Weighing {
    root: Root<Weighing>,
}

#[timer(part_of = Weighing)]
struct Unweighed {}

#[process_manager_impl]
impl Weighing {
    #[on(start, by = parcel)]
    async fn sent(&mut self, _event: Sent, ctx: &Context) -> Handled {
        ctx.command(Weigh { parcel: self.id() }).metadata("by", "process").issue()?;
        Ok(self.remind(Unweighed {}, std::time::Duration::from_millis(1))?)
    }

    #[on(timer)]
    async fn unweighed(&mut self, _timer: Unweighed, ctx: &Context) -> Handled {
        ctx.command(Weigh { parcel: self.id() }).metadata("by", "timer").issue()?;
        self.complete();
        Ok(())
    }
}

fn parcels(seen: &Seen) -> impl FnOnce(DomainBuilder) -> DomainBuilder + use<> {
    let seen = seen.clone();
    move |builder| {
        let builder = builder.aggregate::<Parcel>().register(Handler(seen.clone()));
        builder.register(Scale(seen)).register(ParcelProjector).register(Weighing::manager())
    }
}

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

fn traceparent() -> TraceParent {
    format!("00-{TRACE}-00f067aa0ba902b7-01").parse().unwrap()
}

async fn what_is_set_travels_with_all_that_a_command_causes(on: On) {
    let seen = Seen::default();
    let harness = Harness::with(on, parcels(&seen));
    let sent = harness.domain.process(Send { parcel: "p-1".into() }).metadata("tenant", "acme");
    sent.traceparent(traceparent()).asynchronous().await.unwrap();
    let is_done = async || seen.0.lock().unwrap().len() >= 7;
    harness.serve_until(is_done).await;
    harness.drain().await;
    let all = ["on_sent", "send", "weigh by=process", "weigh by=timer", "weigh scale=7"];
    let all = all.into_iter().chain(["weigh", "weigh"]);
    let expected: Vec<_> = all.map(|of| format!("{of} tenant=acme {TRACE}")).collect();
    assert_eq!(seen.sorted(), expected);
    let rows = harness.domain.repository::<ParcelRow>().await.unwrap();
    assert_eq!(rows.get(&"p-1".into()).await.unwrap().tenant.as_deref(), Some("acme"));
    // A message without metadata stays without.
    harness.domain.process(Weigh { parcel: "p-2".into() }).asynchronous().await.unwrap();
    harness.drain().await;
    assert_eq!(seen.sorted(), ["weigh"]);
}

async fn an_enricher_sets_what_begins_and_the_caller_wins(on: On) {
    let seen = Seen::default();
    let enriched = |builder: DomainBuilder| {
        let builder = builder.register(Enricher::new(|message| {
            message.metadata.set("tenant", "acme");
            message.metadata.set("region", "eu");
            message.traceparent = Some(traceparent());
        }));
        let every_second = Recurring::new("weigh", "* * * * * *", || Weigh { parcel: "p".into() });
        let builder = builder.register(every_second.missed(Missed::Once));
        parcels(&seen)(
            builder.register(Enricher::new(|message| message.metadata.set("region", "us"))),
        )
    };
    let harness = Harness::with(on, enriched);
    let is_weighed = async || !seen.0.lock().unwrap().is_empty();
    harness.serve_until(is_weighed).await;
    assert_eq!(seen.sorted()[0], format!("weigh region=us tenant=acme {TRACE}"), "it recurs");
    let weigh = || harness.domain.process(Weigh { parcel: "p-1".into() });
    weigh().metadata("tenant", "other").synchronous().await.unwrap();
    assert_eq!(seen.sorted(), [format!("weigh region=us tenant=other {TRACE}")]);
    let unit = harness.domain.unit_of_work(async |ctx| Ok(ctx.metadata().to_string()));
    assert_eq!(unit.await.unwrap(), "region=us tenant=acme");
}

async fn too_much_is_refused(on: On) {
    let harness = Harness::with(on, |builder| {
        let builder =
            builder.register(Enricher::new(|message| message.metadata.set("no key", "x")));
        parcels(&Seen::default())(builder)
    });
    let weigh = || harness.domain.process(Weigh { parcel: "p-1".into() });
    let refused = weigh().asynchronous().await.unwrap_err();
    assert!(refused.is_invalid() && refused.to_string().contains("\"no key\""), "{refused}");
    assert!(harness.domain.unit_of_work(async |_| Ok(())).await.unwrap_err().is_invalid());
    let harness = Harness::with(on, parcels(&Seen::default()));
    let long = harness.domain.process(Weigh { parcel: "p-1".into() });
    let refused = long.metadata("k", "x".repeat(5000)).synchronous().await.unwrap_err();
    assert!(refused.to_string().contains("at most 4096"), "{refused}");
}

/// Other systems get only the metadata that the settings allow.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis: cargo xtask test"]
async fn external_brokers_get_only_allowed_keys() {
    let partner = RedisServer::start("");
    let config = format!(
        "[outbox]\nexternal_brokers = ['partner']\nexternal_metadata = ['tenant', 'region']\n\
         [brokers.partner]\nprovider = 'redis'\nURI = '{}'\n",
        partner.uri()
    );
    let harness = Harness::configured(On::Streams, &config, parcels(&Seen::default()));
    let published = |redis: &RedisServer| redis.command(&["XRANGE", "harness::parcel", "-", "+"]);
    let own = Mutex::new(String::new());
    harness
        .serve_until(async || {
            let sent = harness.domain.process(Send { parcel: Id::new() });
            sent.metadata("tenant", "acme").metadata("user", "ada").synchronous().await.unwrap();
            // Its own broker deletes what is handled.
            own.lock().unwrap().push_str(&published(harness.redis()));
            own.lock().unwrap().contains("metadata") && published(&partner).contains("metadata")
        })
        .await;
    let shown = published(&partner);
    let entry = shown.lines().find(|line| line.starts_with('{')).unwrap();
    let entry: serde_json::Value = serde_json::from_str(entry).unwrap();
    assert_eq!(entry["metadata"]["extensions"], serde_json::json!({"tenant": "acme"}));
    let own = own.into_inner().unwrap();
    assert!(own.contains("\"user\":\"ada\""), "{own}");
}
