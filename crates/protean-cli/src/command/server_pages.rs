//! Pages of servers, for the tests of the commands that show them.

use std::net::TcpListener;

use protean_engine::ServerPage;

const ANSWER: &str = "HTTP/1.0 200 OK\r\ncontent-type: application/json\r\n\r\n\
    {\"domain\": \"bank\", \"pid\": 7, \"status\": \"ok\", \"backfill\": \
    {\"speed\": 0.43, \"reason\": \"slowed\", \"because\": \"it is late\"}}\n";

/// The page of a server with this report of its production, as JSON.
pub(super) fn page(production: &str) -> ServerPage {
    let answer = ANSWER.replace("late\"}}", &format!("late\"}}, \"production\": {production}}}"));
    ServerPage::parse(&answer, "bank", &"its".into(), "127.0.0.1:8080").unwrap()
}

/// A port at which nothing listens.
pub(super) fn free_port() -> u16 {
    TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port()
}
