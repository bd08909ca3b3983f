//! Refused requests change nothing.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};

use protean_test_servers::Look;
use serde_json::Value;

use crate::bank::Bank;
use crate::broken::bank_with_dead_letters;
use crate::place::{Observatory, Reply, await_dead, operations, send};

const REPLAY: &str = "POST /observatory/dead-letters/replay HTTP/1.1";
const FORM: &str = "Content-Type: application/x-www-form-urlencoded";

fn get(at: SocketAddr, path: &str, host: &str) -> Reply {
    send(at, &format!("GET /observatory/{path} HTTP/1.1\r\n{host}"), "")
}

/// Logs in with the token, and returns the session's cookie.
fn log_in(observatory: &Observatory) -> String {
    let (at, token) = (observatory.at, &observatory.token);
    let head =
        format!("POST /observatory/login HTTP/1.1\r\nHost: {at}\r\nOrigin: http://{at}\r\n{FORM}");
    let reply = send(at, &head, &format!("token={token}"));
    assert_eq!(reply.status, 303, "{}", reply.text);
    let cookie = reply.text.lines().find_map(|line| line.strip_prefix("set-cookie: ")).unwrap();
    for part in ["HttpOnly", "SameSite=Strict"] {
        assert!(cookie.contains(part), "no {part} in {cookie}");
    }
    assert!(!cookie.contains(token.as_str()), "the cookie is the token");
    cookie.split(';').next().unwrap().to_owned()
}

#[track_caller]
fn nothing_was_done(bank: &Bank, dead: u64) {
    assert_eq!(bank.ask(&["dlq", "list"])["data"]["total"], dead);
    assert_eq!(operations(bank), Vec::<Value>::new());
}

#[test]
fn a_foreign_name_for_this_machine_reads_nothing() {
    let bank = Bank::ready();
    let observatory = Observatory::of(&bank);
    let at = observatory.at;
    let paths = [
        "lanes",
        "handlers",
        "dead-letters",
        "trace?id=1",
        "stream?page=lanes",
        "account",
        "login",
    ];
    for path in paths {
        for host in ["Host: evil.example", "Host: evil.example:80", "Host: 127.0.0.1.evil.example"]
        {
            let reply = get(at, path, host);
            assert_eq!(reply.status, 421, "{path} {host}: {}", reply.text);
            assert!(!reply.text.contains("fidelis"), "{path} {host}: {}", reply.text);
        }
    }
    assert_eq!(get(at, "lanes", "Accept: */*").status, 400, "no host at all");
    for host in [format!("Host: {at}"), format!("Host: localhost:{}", at.port())] {
        assert_eq!(get(at, "lanes", &host).status, 200, "{host}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_replayed_without_the_token_or_from_another_page() {
    let (bank, _server) = bank_with_dead_letters(&["Ada Lovelace"; 2], "broken", &[]).await;
    let observatory = Observatory::of(&bank);
    let at = observatory.at;
    let session = log_in(&observatory);
    let (own, wrong) = (format!("Origin: http://{at}"), "0123456789abcdef0123456789abcdef");
    let cases = [
        (401, own.clone()),
        (401, format!("{own}\r\nCookie: {}x", session)),
        (401, format!("{own}\r\nAuthorization: Bearer {wrong}")),
        (401, format!("{own}\r\nAuthorization: Bearer ")),
        (403, format!("Cookie: {session}")),
        (403, format!("Cookie: {session}\r\nOrigin: null")),
        (403, format!("Cookie: {session}\r\nOrigin: http://evil.example")),
        (403, format!("Cookie: {session}\r\nOrigin: http://{}", at.ip())),
        (403, format!("Cookie: {session}\r\nOrigin: http://{at}.evil.example")),
        (
            403,
            format!("Authorization: Bearer {}\r\nOrigin: http://evil.example", observatory.token),
        ),
    ];
    for (status, more) in cases {
        let reply = send(at, &format!("{REPLAY}\r\nHost: {at}\r\n{FORM}\r\n{more}"), "");
        assert_eq!(reply.status, status, "{more}: {}", reply.text);
    }
    let head = format!(
        "{REPLAY}\r\nHost: evil.example\r\n{FORM}\r\nCookie: {session}\r\nOrigin: http://evil.example"
    );
    assert_eq!(send(at, &head, "").status, 421);
    // A link replays nothing either.
    let head =
        format!("GET /observatory/dead-letters/replay HTTP/1.1\r\nHost: {at}\r\nCookie: {session}");
    assert_eq!(send(at, &head, "").status, 200);
    nothing_was_done(&bank, 2);

    // With everything right it is done, so none of the above was refused for another reason.
    let head = format!("{REPLAY}\r\nHost: {at}\r\n{FORM}\r\n{own}\r\nCookie: {session}");
    let reply = send(at, &head, "");
    assert_eq!(reply.status, 303, "{}", reply.text);
    assert_eq!(operations(&bank).len(), 1);
}

/// A page of somebody else that posts a form to the observatory as soon as it is seen.
fn hostile_site(to: SocketAddr) -> SocketAddr {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let at = listener.local_addr().unwrap();
    let html = format!(
        "<!doctype html><link rel=icon href=data:,>\
         <form method=post action='http://{to}/observatory/dead-letters/replay'></form>\
         <script>document.forms[0].submit()</script>"
    );
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let html = html.clone();
            std::thread::spawn(move || serve(stream, &html));
        }
    });
    at
}

fn serve(mut stream: TcpStream, html: &str) -> std::io::Result<()> {
    let mut request = BufReader::new(stream.try_clone()?);
    let mut line = String::new();
    while request.read_line(&mut line)? > 2 {
        line.clear();
    }
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close";
    write!(stream, "{head}\r\nContent-Length: {}\r\n\r\n{html}", html.len())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Chromium: cargo xtask test"]
async fn a_foreign_page_cannot_replay_in_the_name_of_the_operator_who_is_logged_in() {
    let (bank, _server) = bank_with_dead_letters(&["Ada Lovelace"; 2], "broken", &[]).await;
    let observatory = Observatory::of(&bank);
    let page = observatory.open_logged_in("dead-letters", Look::DESK);
    // On another port of the same machine a browser sends the cookie along.
    let site = hostile_site(observatory.at);
    page.open(&format!("http://{site}/"));
    page.wait_until("document.querySelector('[data-refused]')");
    assert!(page.text("[data-refused]").contains("does not come from this page"));
    assert!(
        !page.evaluate("document.querySelector('[data-operator]')?.dataset.operator").is_null()
    );
    await_dead(&bank, 2);
    nothing_was_done(&bank, 2);
}
