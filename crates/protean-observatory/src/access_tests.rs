use protean_core::domain::Operator;

use super::{Access, Asked, Credential, Refusal};

const SECRET: &str = "a long random text";

fn access() -> Access {
    Access::new(&["Bank.example".to_owned()], [("ann", SECRET), ("bob", "another random text")])
}

fn ann() -> Operator {
    Operator::named("ann")
}

fn session() -> Option<Credential> {
    Some(Credential::Session(ann()))
}

fn asked(host: &str, at_loopback: bool) -> Asked<'_> {
    Asked { host: Some(host), at_loopback, ..Asked::default() }
}

#[test]
fn at_the_loopback_anybody_reads() {
    for host in ["localhost:8080", "LOCALHOST", "127.0.0.1:8080", "[::1]:8080", "127.8.8.8"] {
        assert_eq!(access().may_read(&asked(host, true)), Ok(()), "{host}");
    }
}

#[test]
fn elsewhere_reading_needs_a_token() {
    for (host, at_loopback) in [
        ("192.0.2.7:8080", false),
        ("bank.example", false),
        // A proxy at the loopback passes on requests from elsewhere.
        ("bank.example:443", true),
        // The loopback's name, but not its address.
        ("localhost", false),
    ] {
        let open = asked(host, at_loopback);
        assert_eq!(access().may_read(&open), Err(Refusal::NoToken), "{host}");
        let known = Asked { credential: session(), ..open };
        assert_eq!(access().may_read(&known), Ok(()), "{host}");
    }
}

#[test]
fn a_name_that_is_not_ours_reads_nothing_even_with_a_token() {
    for host in ["evil.example:8080", "localhost.evil.example", "127.0.0.1.evil.example", "[::1"] {
        let known = Asked { credential: session(), ..asked(host, true) };
        assert!(
            matches!(access().may_read(&known), Err(Refusal::ForeignHost | Refusal::NoHost)),
            "{host}"
        );
        let origin = format!("http://{host}");
        let own = Asked { origin: Some(&origin), ..known };
        assert!(access().may_change(&own).is_err(), "{host}");
    }
    for host in [None, Some(""), Some(":8080")] {
        let nameless = Asked { host, at_loopback: true, ..Asked::default() };
        assert_eq!(access().may_read(&nameless), Err(Refusal::NoHost), "{host:?}");
    }
}

#[test]
fn a_change_needs_a_token_and_comes_from_this_page() {
    let host = "localhost:8080";
    let change = |origin, credential| {
        access().may_change(&Asked { origin, credential, ..asked(host, true) })
    };
    let own = Some("http://localhost:8080");
    assert_eq!(change(own, session()), Ok(ann()));
    assert_eq!(change(Some("https://LOCALHOST:8080"), session()), Ok(ann()));
    assert_eq!(change(own, None), Err(Refusal::NoToken));
    for foreign in [
        None,
        Some("null"),
        Some("http://localhost"),
        Some("http://localhost:8081"),
        Some("http://evil.example"),
        Some("localhost:8080"),
    ] {
        assert_eq!(change(foreign, session()), Err(Refusal::ForeignOrigin), "{foreign:?}");
    }
}

#[test]
fn a_program_with_the_secret_needs_no_origin_and_has_no_foreign_one() {
    let bearer = Some(Credential::Bearer(ann()));
    let of = |origin| {
        let credential = bearer.clone();
        access().may_change(&Asked { origin, credential, ..asked("192.0.2.7", false) })
    };
    assert_eq!(of(None), Ok(ann()));
    assert_eq!(of(Some("http://evil.example")), Err(Refusal::ForeignOrigin));
}

#[test]
fn behind_a_login_of_its_own_the_application_says_who_asks() {
    let credential = Some(Credential::Application(ann()));
    let of =
        |origin| Asked { origin, credential: credential.clone(), ..asked("any.example", false) };
    assert_eq!(access().may_read(&of(None)), Ok(()));
    assert_eq!(access().may_change(&of(Some("https://any.example"))), Ok(ann()));
    assert_eq!(access().may_change(&of(None)), Err(Refusal::ForeignOrigin));
}

#[test]
fn a_secret_gives_the_session_of_its_operator() {
    let (operator, session) = access().log_in(SECRET).unwrap();
    assert_eq!(operator, ann());
    assert_eq!(access().session(&session), Some(ann()));
    assert!(!session.contains(SECRET));
    for wrong in ["", "a long random tex", &session] {
        assert!(access().log_in(wrong).is_none(), "{wrong}");
    }
    for wrong in ["", SECRET, &session[1..]] {
        assert!(access().session(wrong).is_none(), "{wrong}");
    }
}
