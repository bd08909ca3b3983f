//! Starting, stopping, and one process beside another.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::orders::{becomes, dune, stocked};
use crate::shop::{Shop, eventually};
use crate::web::{Answer, Web, order_of};

/// Asks for the end and waits until nobody new is let in.
fn stop(web: &Web) {
    web.signal(Signal::TERM);
    eventually(|| TcpStream::connect(web.addr).is_err());
}

#[test]
fn a_signal_in_the_middle_of_a_request_lets_it_end() {
    let shop = stocked();
    let web = shop.serve(&[]);
    let (mut socket, body) = (web.connect(), order_of(&[(&dune(), 1)]).to_string());
    let head = "POST /orders HTTP/1.1\r\nHost: shop\r\nContent-Type: application/json\r\n\
                Expect: 100-continue\r\n";
    write!(socket, "{head}Content-Length: {}\r\n\r\n", body.len()).unwrap();
    // This comes when the body is asked for, so somebody handles the request.
    let mut go_on = [0; 25];
    socket.read_exact(&mut go_on).unwrap();
    assert_eq!(&go_on, b"HTTP/1.1 100 Continue\r\n\r\n");
    stop(&web);
    socket.write_all(body.as_bytes()).unwrap();
    let taken = Answer::read(socket);
    assert_eq!(taken.status, 202);
    assert_eq!(web.ended().0, Some(0));
    let web = shop.serve(&[]);
    becomes(&web, taken.header("location"), "placed");
}

#[test]
fn an_idle_connection_does_not_hold_up_the_end() {
    let shop = Shop::new();
    for signal in [Signal::TERM, Signal::INT] {
        let web = shop.serve(&[]);
        let (silent, mut kept) = (web.connect(), web.connect());
        kept.write_all(b"GET /books HTTP/1.1\r\nHost: shop\r\n\r\n").unwrap();
        assert_ne!(kept.read(&mut [0; 1024]).unwrap(), 0);
        let asked = Instant::now();
        web.signal(signal);
        assert_eq!(web.ended().0, Some(0));
        assert!(asked.elapsed() < Duration::from_secs(5), "{:?}", asked.elapsed());
        drop((silent, kept));
    }
}

#[test]
fn a_restart_keeps_what_was_queued() {
    let shop = stocked();
    let web = shop.serve(&["--no-server"]);
    let orders = [1, 2, 3].map(|copies| web.order(&order_of(&[(&dune(), copies)]), &[]));
    web.signal(Signal::KILL);
    drop(web);
    let web = shop.serve(&["--no-server"]);
    for order in &orders {
        let shown = web.get(order.header("location"));
        assert_eq!((shown.status, &shown.json()["status"]), (202, &"queued".into()));
    }
    drop(web);
    let web = shop.serve(&[]);
    for order in &orders {
        becomes(&web, order.header("location"), "placed");
    }
}

#[test]
fn an_order_waits_for_a_server_in_another_process() {
    let shop = stocked();
    let web = shop.serve(&["--no-server"]);
    let first = web.order(&order_of(&[(&dune(), 1)]), &[]);
    assert_eq!(web.get(first.header("location")).status, 202);
    let _server = shop.server();
    becomes(&web, first.header("location"), "placed");
    let second = web.order(&order_of(&[(&dune(), 1)]), &[]);
    becomes(&web, second.header("location"), "placed");
}

#[test]
fn orders_of_different_priorities_are_placed() {
    let shop = stocked();
    let web = shop.serve(&["--no-server"]);
    let [late, urgent] = ["X-Priority: LOW", "X-Priority: NORMAL"]
        .map(|priority| web.order(&order_of(&[(&dune(), 1)]), &[priority]));
    shop.json(&["server", "--test-mode"]);
    for order in [&late, &urgent] {
        assert_eq!(web.get(order.header("location")).json()["status"], "placed");
    }
}

#[test]
fn what_cannot_be_served_is_refused_with_what_to_do() {
    let shop = Shop::new();
    let web = shop.serve(&[]);
    let taken = shop.run(&["serve", "--addr", &web.addr.to_string()]);
    assert_eq!(taken.code, 1);
    assert!(taken.err.contains("cannot listen at 127.0.0.1"), "{}", taken.err);
    assert!(taken.err.contains("--addr"), "{}", taken.err);
    shop.file("memory.toml", "databases.default.provider = \"memory\"\n");
    let alone = shop.run(&["serve", "--no-server", "--config", "memory.toml"]);
    assert_eq!(alone.code, 2);
    assert!(alone.err.contains("leave out --no-server"), "{}", alone.err);
    assert_eq!(shop.run(&["serve", "--addr", "nowhere"]).code, 2);
}
