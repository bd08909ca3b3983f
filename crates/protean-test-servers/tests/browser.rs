//! What the browser sees of a page, what it does to it, and what it complains of.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "what cannot be set up fails the test")]

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};

use protean_test_servers::{Browser, Key, Look, Page};

/// Refuses everything but what the page itself holds in files of its own.
const STRICT: &str = "default-src 'self'";

/// A server of one page, until the test's process ends.
struct Site(String);

impl Site {
    fn new(policy: &'static str, body: &'static str) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // A browser opens connections that it may not use.
                std::thread::spawn(move || answer(stream, policy, body));
            }
        });
        Self(format!("http://{address}/"))
    }

    fn page(&self, look: Look) -> Page {
        let page = Browser::shared().page(look);
        page.open(&self.0);
        page
    }
}

fn answer(mut stream: TcpStream, policy: &str, body: &str) -> Option<()> {
    let mut request = BufReader::new(stream.try_clone().ok()?);
    let mut line = String::new();
    while request.read_line(&mut line).ok()? > 2 {
        line.clear();
    }
    let text = format!(
        "<!doctype html><html lang=en><meta name=viewport content='width=device-width'>\
         <link rel=icon href=data:,>{body}"
    );
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nConnection: close";
    let length = text.len();
    write!(
        stream,
        "{head}\r\nContent-Security-Policy: {policy}\r\nContent-Length: {length}\r\n\r\n{text}"
    )
    .ok()
}

#[test]
#[ignore = "needs Chromium: cargo xtask test"]
fn a_page_that_does_nothing_wrong_gives_no_complaint() {
    let site = Site::new("default-src 'self'; img-src data:", "<h1>Good &amp; plain</h1>");
    let page = site.page(Look::DESK);
    assert_eq!(page.text("h1"), "Good & plain");
    assert_eq!(page.requests()[0], site.0);
    assert_eq!(page.complaints(), [""; 0]);
}

#[test]
#[ignore = "needs Chromium: cargo xtask test"]
fn what_the_policy_refuses_is_a_complaint() {
    let body = "<p id=here>here</p><script>document.title = 'ran'</script>";
    let page = Site::new(STRICT, body).page(Look::DESK);
    assert_ne!(page.evaluate("document.title"), "ran");
    let complaints = page.complaints().join("\n");
    assert!(
        complaints.contains("content security policy: \"script-src-elem refused inline"),
        "{complaints}"
    );
}

#[test]
#[ignore = "needs Chromium: cargo xtask test"]
fn errors_of_scripts_and_requests_to_elsewhere_are_complaints() {
    let body = "<script>console.error('so much'); setTimeout(() => { throw Error('thrown') })</script>\
                <img src='http://pictures.example/cat.png'>";
    let page = Site::new("default-src 'unsafe-inline' *", body).page(Look::DESK);
    page.wait_until("document.images[0].complete");
    let complaints = page.complaints().join("\n");
    for part in ["so much", "thrown", "a request to elsewhere: http://pictures.example/cat.png"] {
        assert!(complaints.contains(part), "no {part} in {complaints}");
    }
}

#[test]
#[ignore = "needs Chromium: cargo xtask test"]
fn the_mouse_and_the_keyboard_do_what_a_persons_do() {
    let body = "<button onclick='this.textContent = event.isTrusted'>press</button>\
                <input id=name><a href='#there'>follow</a>";
    let page = Site::new("default-src 'unsafe-inline'", body).page(Look::DESK);
    page.click("button");
    assert_eq!(page.text("button"), "true");
    page.fill("#name", "Ada");
    page.fill("#name", "Grace");
    assert_eq!(page.evaluate("document.querySelector('#name').value"), "Grace");
    page.take_the_keyboard();
    page.press(Key::Tab);
    page.press(Key::Enter);
    page.wait_until("location.hash === '#there'");
    page.press(Key::BackTab);
    assert_eq!(page.evaluate("document.activeElement.id"), "name");
}

#[test]
#[ignore = "needs Chromium: cargo xtask test"]
#[should_panic(expected = "button cannot be clicked: it is behind <div")]
fn what_is_behind_something_else_cannot_be_clicked() {
    let body = "<button>press</button><div style='position: fixed; inset: 0'></div>";
    Site::new("default-src 'unsafe-inline'", body).page(Look::DESK).click("button");
}

#[test]
#[ignore = "needs Chromium: cargo xtask test"]
fn a_tab_is_hidden_while_another_one_is_in_front() {
    let site = Site::new("default-src 'none'; img-src data:", "<p>one</p>");
    let page = site.page(Look::DESK);
    assert_eq!(page.evaluate("document.visibilityState"), "visible");
    let front = page.tab_in_front(Look::DESK);
    page.wait_until("document.visibilityState === 'hidden'");
    assert_eq!(front.evaluate("document.visibilityState"), "visible");
    page.bring_to_front();
    page.wait_until("document.visibilityState === 'visible'");
}

#[test]
#[ignore = "needs Chromium: cargo xtask test"]
fn a_page_is_as_wide_and_as_dark_as_its_user_wants_it() {
    let site = Site::new("default-src 'none'; img-src data:", "<p>one</p>");
    let page = site.page(Look::PHONE.dark());
    assert_eq!(page.evaluate("innerWidth"), 360);
    assert_eq!(page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches"), true);
    page.show_as(Look::DESK);
    page.wait_until("innerWidth === 1280");
    assert_eq!(page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches"), false);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("page.png");
    page.photograph(&file);
    let picture = std::fs::read(file).unwrap();
    assert_eq!((&picture[1..4], &picture[16..20]), (&b"PNG"[..], &1280u32.to_be_bytes()[..]));
}

#[test]
#[ignore = "needs Chromium: cargo xtask test"]
fn pages_share_neither_cookies_nor_storage() {
    let site = Site::new("default-src 'none'; img-src data:", "<p>one</p>");
    let (one, other) = (site.page(Look::DESK), site.page(Look::DESK));
    one.evaluate("localStorage.setItem('token', 'secret'), document.cookie = 'token=secret'");
    assert!(other.evaluate("localStorage.getItem('token')").is_null());
    assert_eq!(other.evaluate("document.cookie"), "");
}
