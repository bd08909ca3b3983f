//! What other systems put into a broker's stream: taken in once, in order, and
//! handled like any message.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use protean::message::{Category, Envelope, Priority};
use protean::port::Counter;
use protean::{Handled, Payload, subscriber};
use protean_engine::{DeadLetters, Server};
use protean_test_servers::RedisServer;

use crate::child::{configured, file, spawn};
use crate::harness::WAIT_LIMIT;
use crate::post::{GROUP, Order, Partner, Post, STREAM, builder, serve_until};
use crate::tallies::{Add, Fault, Faults};

/// Tells a process of a test where its broker is, and at which step it is to end.
const BROKER: &str = "PROTEAN_TEST_BROKER";
const CRASH: &str = "PROTEAN_TEST_CRASH";
const CRASHING: &str = "subscribers::a_server_that_ends_at_a_step";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis: cargo xtask test"]
async fn entries_of_every_form_are_taken_in_once_and_in_order() {
    let post = Post::new();
    let bytes = br#"{ "number":7, "tally":"t","more" : [1.50]}"#;
    post.post(&[b"data", bytes, b"kind", b"order"]);
    post.post(&[b"number", b"8", b"tally", "t\u{fc}".as_bytes()]);
    post.post(&[b"data", b"{\"number\":"]);
    post.post(&[b"data", b"\"only a text\""]);
    post.post(&[b"note", b"a\xffb", b"data", b"5\0"]);
    post.post(&[b"data", b"\xff\xfe"]);
    let huge = format!("return redis.call('XADD','{STREAM}','*','data',");
    let count = 9 * 1024 * 1024;
    let text = format!("{huge}'\"' .. string.rep('x',{count}) .. '\"')");
    post.server.command(&["EVAL", &text, "0"]);
    post.server.command(&[
        "EVAL",
        &format!("{huge}string.rep('[',200)..string.rep(']',200))"),
        "0",
    ]);
    post.order(9);
    post.drain().await;

    let calls = post.calls();
    let mut expected = [
        str::from_utf8(bytes).unwrap(),
        "{\"number\":\"8\",\"tally\":\"t\u{fc}\"}",
        r#"{"data":"{\"number\":"}"#,
        "\"only a text\"",
        r#"{"tally": "t", "number":9}"#,
    ];
    let mut called: Vec<&str> = calls.iter().map(|call| call.payload.as_str()).collect();
    called.sort_unstable();
    expected.sort_unstable();
    assert_eq!(called, expected, "each came once");
    assert_eq!(post.seen().await, [7, 9]);
    let standing = post.group_status().await;
    assert_eq!((standing.committed, standing.dead(), standing.count(Counter::Handled)), (5, 3, 2));

    let letters = post.letters().await;
    let original = |at: usize| letters[at].original.as_slice();
    assert_eq!(letters.len(), 4);
    assert_eq!(original(0), br#"[["data","5\u0000"],["note",{"base64":"Yf9i"}]]"#);
    assert_eq!(original(1), b"\xff\xfe");
    assert_eq!((original(2).len(), original(3).len()), (count + 2, 400));
    for (letter, reason) in
        letters.iter().zip(["`note`", "0xff at byte 0", "9437186", "200 levels deep"])
    {
        let text = letter.failure_reason.as_deref().unwrap();
        assert!(text.contains(reason), "{text}");
        assert_eq!((&*letter.original_stream, &*letter.consumer_group), (STREAM, GROUP));
    }
    post.assert_closes().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis: cargo xtask test"]
async fn the_log_keeps_the_order_of_the_stream() {
    let post = Post::new();
    (0..100).for_each(|number| post.order(number));
    post.drain().await;
    let mut calls = post.calls();
    calls.sort_by_key(|call| call.position);
    let numbers: Vec<i64> = calls
        .iter()
        .map(|call| serde_json::from_str::<Order>(&call.payload).unwrap().number)
        .collect();
    assert_eq!(numbers, (0..100).collect::<Vec<_>>());
    assert_eq!(post.seen().await, numbers);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis: cargo xtask test"]
async fn only_an_envelope_says_how_urgent_it_is() {
    let post = Post::new();
    post.domain.process(Add { tally: "t".into(), number: 0 }).synchronous().await.unwrap();
    let stream = Category::of("harness", "Tally").stream(&"t".into());
    let store = post.domain.store().await.unwrap();
    let mut recorded = store.stream(&stream, 0, 1).await.unwrap().remove(0);
    recorded.message.priority = Priority::LOW;
    let envelope = Envelope::of(&recorded, "elsewhere").unwrap().into_string();
    post.post(&[b"data", envelope.as_bytes()]);
    let loud = r#"{"data":{},"metadata":{"domain":{"priority":100}}}"#;
    post.post(&[b"data", loud.as_bytes()]);
    post.drain().await;
    let mut calls = post.calls();
    calls.sort_by_key(|call| std::cmp::Reverse(call.priority));
    let text: Vec<_> = calls.iter().map(|call| (call.priority, call.payload.as_str())).collect();
    assert_eq!(text, [(Priority::NORMAL, loud), (Priority::LOW, envelope.as_str())]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis: cargo xtask test"]
async fn a_failing_subscriber_is_tried_again_given_up_and_replayed() {
    let post = Post::new();
    post.faults.plan(-2, Fault::Fail(u32::MAX));
    (0..5).for_each(|number| post.order(number));
    post.drain().await;
    assert_eq!(post.seen().await, [0, 1, 3, 4], "it is in nobody's way");
    let tries = post.faults.calls().into_iter().filter(|number| *number == -2).count();
    assert_eq!(
        (tries, post.group_status().await.dead()),
        (2, 1),
        "broker_subscription.max_retries"
    );
    post.faults.mend();
    let groups = post.domain.groups();
    let group = groups.iter().find(|group| &*group.name == GROUP).unwrap();
    let letters = DeadLetters::of(&post.domain, group).await.unwrap();
    assert_eq!(letters.replay_all().await.unwrap(), 1);
    post.drain().await;
    assert_eq!(post.seen().await, [0, 1, 2, 3, 4]);
    post.assert_closes().await;
}

/// The process that is to end: serves until then.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_ends_at_a_step() {
    let (Some(file), Ok(uri)) = (file(), std::env::var(BROKER)) else { return };
    let crash = std::env::var(CRASH).unwrap();
    let (step, times) = crash.split_once(':').unwrap();
    let left = AtomicU32::new(times.parse().unwrap());
    let end = move || {
        if left.fetch_sub(1, Ordering::SeqCst) == 1 {
            std::process::abort();
        }
    };
    fail::cfg_callback(step, end).unwrap();
    let domain = builder(&file, &uri, Partner(Faults::default(), Arc::default())).build().unwrap();
    serve_until(&domain, async || false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis: cargo xtask test"]
async fn a_process_that_ends_before_it_settles_takes_nothing_in_twice() {
    let post = Post::new();
    post.domain.store().await.unwrap();
    (0..30).for_each(|number| post.order(number));
    for step in ["before entries are settled:1", "before COMMIT:1", "before entries are settled:2"]
    {
        let environment = [(BROKER, post.server.uri()), (CRASH, step.to_owned())];
        let environment = environment.each_ref().map(|(name, value)| (*name, value.as_str()));
        let ended = spawn(CRASHING, &post.file(), &environment).0.wait().unwrap();
        assert!(!ended.success(), "it never got to {step}");
        assert!(post.length() > 0, "{step}");
    }
    post.order(30);
    post.drain().await;
    assert_eq!(post.seen().await, (0..=30).collect::<Vec<_>>());
    assert_eq!(post.group_status().await.committed, 31);
    post.assert_closes().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis: cargo xtask test"]
async fn an_outage_of_the_broker_is_waited_out() {
    let post = Post::new();
    post.server.kill();
    let step = AtomicU32::new(0);
    let numbers = async || post.seen().await.len();
    post.serve_until(async || {
        match (step.load(Ordering::SeqCst), numbers().await) {
            // It is away when the server starts.
            (0, _) => post.server.resume(),
            (1, _) => (0..20).for_each(|number| post.order(number)),
            (2, 20) => post.server.kill(),
            (3, _) => post.server.resume(),
            // Whatever it knew of groups.
            (4, _) => drop(post.server.command(&["FLUSHALL"])),
            (5, _) => (20..40).for_each(|number| post.order(number)),
            (6, 40) => return true,
            (2 | 6, _) => return false,
            (step, _) => panic!("there is no step {step}"),
        }
        step.fetch_add(1, Ordering::SeqCst);
        false
    })
    .await;
    assert_eq!(post.seen().await, (0..40).collect::<Vec<_>>());
    assert_eq!((post.group_status().await.committed, post.length()), (40, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis: cargo xtask test"]
async fn one_of_two_servers_takes_in_and_the_other_takes_over() {
    let post = Post::new();
    let partner = Partner(Faults::default(), Arc::default());
    let second = builder(&post.file(), &post.server.uri(), partner).build().unwrap();
    let number = AtomicU32::new(0);
    let more = async |until: u32| {
        let next = number.fetch_add(1, Ordering::SeqCst);
        if next < until {
            post.order(next.into());
        }
        post.seen().await.len() >= until as usize
    };
    let (stop, mut stopped) = tokio::sync::watch::channel(false);
    let other = tokio::spawn(async move {
        let shutdown = async { drop(stopped.wait_for(|stop| *stop).await) };
        Server::new(second).run(shutdown).await
    });
    let store = post.domain.store().await.unwrap();
    let is_claimed = async || {
        let claim = store.claim("harness.Partner@default:external-orders").await;
        claim.unwrap().is_none()
    };
    post.serve_until(async || more(50).await && is_claimed().await).await;
    number.store(50, Ordering::SeqCst);
    while !more(80).await {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    stop.send(true).unwrap();
    other.await.unwrap().unwrap();
    assert_eq!(post.seen().await, (0..80).collect::<Vec<_>>());
    assert_eq!((post.group_status().await.committed, post.length()), (80, 0));
    post.assert_closes().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis: cargo xtask test"]
async fn another_entry_of_a_known_id_is_not_lost() {
    let post = Post::new();
    let add = |number: i64| {
        let data = format!(r#"{{"tally":"t","number":{number}}}"#);
        post.server.command(&["XADD", STREAM, "7-7", "data", &data]);
    };
    add(1);
    post.drain().await;
    post.server.command(&["DEL", STREAM]);
    add(2);
    post.drain().await;
    assert_eq!(post.seen().await, [1]);
    let [letter] = post.letters().await.try_into().unwrap();
    assert_eq!(letter.original, br#"{"tally":"t","number":2}"#);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis: cargo xtask test"]
async fn a_broker_that_is_wrong_ends_the_server_with_its_line() {
    let (folder, server) = (tempfile::tempdir().unwrap(), RedisServer::start(""));
    let config = format!(
        "[brokers.default]\nprovider = \"redis\"\nURI = '{}'\n\
         [brokers.partner]\nprovider = \"redis\"\nURI = '{}'\n",
        server.uri(),
        server.uri_as("nobody:secret")
    );
    let builder = configured(&folder.path().join("harness.db"), &Faults::default(), &config);
    let domain = builder.register(Elsewhere).build().unwrap();
    let serving = Server::new(domain).run(std::future::pending());
    let ended = tokio::time::timeout(WAIT_LIMIT, serving).await.unwrap();
    let text = ended.unwrap_err().to_string();
    assert!(text.contains("rejects the user name or the password"), "{text}");
}

/// Reads from another broker.
struct Elsewhere;

#[subscriber(stream = "external-orders", broker = "partner")]
impl Elsewhere {
    #[handle]
    async fn ordered(&self, _: Payload) -> Handled {
        Ok(())
    }
}
