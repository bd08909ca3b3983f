//! No collector answers: the work goes on, the log says so once, and spans are dropped until one
//! answers. The log is in JSON.

use serde_json::Value;

use crate::collector::{Collector, Nobody};
use crate::helpdesk::{Helpdesk, await_that, post};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

/// The log lines, each of which is a JSON object.
fn lines(log: &str) -> Vec<Value> {
    let lines = log.lines().filter(|line| !line.starts_with("listening on"));
    lines.map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"))).collect()
}

fn with<'a>(lines: &'a [Value], text: &str) -> Vec<&'a Value> {
    let has = |line: &&Value| line["message"].as_str().is_some_and(|said| said.contains(text));
    lines.iter().filter(has).collect()
}

#[test]
fn without_a_collector_the_work_goes_on_and_the_log_says_so_once() {
    let nobody = Nobody::start();
    let address = nobody.at;
    let helpdesk = Helpdesk::new(format!("http://ada:s3cr3t@{address}"));
    let (_helpdesk, at) = helpdesk.serve(&[("LOG_FORMAT", "json")]);
    let greeted = |log: &str| log.matches("\"greeted\"").count();
    // Until several exports have failed.
    for tickets in 1..=4 {
        let calls = nobody.calls();
        assert!(post(at, &format!("00-{TRACE}-00f067aa0ba902b7-01")).contains("202"));
        await_that(|| greeted(&helpdesk.log()) == tickets, || helpdesk.log());
        await_that(|| nobody.calls() > calls + 1, || helpdesk.log());
    }
    let logged = lines(&helpdesk.log());
    let told = with(&logged, "the collector does not take telemetry");
    assert_eq!(told.len(), 1, "{logged:#?}");
    assert_eq!(
        (&told[0]["level"], told[0]["collector"].as_str()),
        (&"WARN".into(), Some(&*address.to_string()))
    );
    assert!(!helpdesk.log().contains("s3cr3t"), "{}", helpdesk.log());
    // A line of a handler says whose it is, and in which trace.
    let line = with(&logged, "greeted")[0];
    for (field, value) in [("handler", "Greeter"), ("trace_id", TRACE), ("lane", "primary")] {
        assert_eq!(line["spans"][0][field], value, "{line}");
    }
    // When one answers, spans arrive.
    drop(nobody);
    let collector = Collector::at(address);
    await_that(|| helpdesk.log().contains("takes telemetry again"), || helpdesk.log());
    post(at, &format!("00-{TRACE}-00f067aa0ba902b7-01"));
    await_that(|| collector.spans().iter().any(|span| span.name == "greeting"), || helpdesk.log());
}
