//! Databases that cannot be opened.

use protean_port::message::Lane;
use protean_port::port::Provider;
use protean_postgres::Postgres;

use protean_test_servers as servers;
use rcgen::{CertificateParams, KeyPair, date_time_ymd};

use crate::{account, commit, database, is_committed, location, prepared, unit};

async fn refused(uri: &str) -> String {
    let (message, is_unavailable) = error_of(uri).await;
    assert!(is_unavailable, "{message}");
    message
}

async fn error_of(uri: &str) -> (String, bool) {
    let error = Postgres.open(&location(uri)).await.err().unwrap_or_else(|| panic!("{uri} opens"));
    let (message, debug) = (error.to_string(), format!("{error:?}"));
    assert!(!message.contains("canary") && !debug.contains("canary"), "{debug}");
    assert!(!message.contains('\n'), "{message}");
    (message, error.is_unavailable())
}

#[tokio::test]
#[ignore = "needs PostgreSQL: cargo xtask test"]
async fn explains_why_a_database_cannot_be_opened() {
    let database = database();
    database.run("CREATE ROLE guarded LOGIN PASSWORD 'right'");
    let message = refused(&database.uri_as("guarded:canary")).await;
    assert!(
        message.contains("rejected the password") && message.contains("database_uri"),
        "{message}"
    );
    let message = refused(&database.uri_as("guarded")).await;
    assert!(message.contains("asks for a password"), "{message}");
    let message = refused(&database.uri_as("nobody_here:canary")).await;
    assert!(message.contains("rejected the user") && message.contains("nobody_here"), "{message}");
    let message = refused(&format!("{}_not", database.uri_as("postgres:canary"))).await;
    assert!(message.contains("does not exist") && message.contains("createdb"), "{message}");
    let message = refused("postgresql://postgres:canary@127.0.0.1:1/bank").await;
    assert!(
        message.contains("'bank' at 127.0.0.1:1") && message.contains("cannot be reached"),
        "{message}"
    );
    Postgres.open(&location(&database.uri_as("guarded:right"))).await.unwrap();
    database.run("DROP ROLE guarded");
}

#[tokio::test]
#[ignore = "needs PostgreSQL: cargo xtask test"]
async fn refuses_a_database_that_cannot_store_unicode() {
    let database = database();
    let name = format!("{}_ascii", database.uri().rsplit('/').next().unwrap());
    database.run(&format!("CREATE DATABASE {name} ENCODING 'SQL_ASCII' TEMPLATE template0"));
    let (message, is_unavailable) = error_of(&format!("{}_ascii", database.uri())).await;
    assert!(message.contains("SQL_ASCII") && message.contains("UTF8"), "{message}");
    assert!(!is_unavailable, "waiting would not help: {message}");
    database.run(&format!("DROP DATABASE {name} WITH (FORCE)"));
}

struct Tls {
    server: servers::Postgres,
    authority: tempfile::NamedTempFile,
}

/// A server with a self-signed certificate for a host.
fn tls(host: &str, until: i32) -> Tls {
    let key = KeyPair::generate().unwrap();
    let mut certificate = CertificateParams::new([host.to_owned()]).unwrap();
    certificate.not_before = date_time_ymd(2000, 1, 1);
    certificate.not_after = date_time_ymd(until, 1, 1);
    let certificate = certificate.self_signed(&key).unwrap().pem();
    let authority = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(authority.path(), &certificate).unwrap();
    let server = servers::Postgres::start_with_tls(&certificate, &key.serialize_pem());
    Tls { server, authority }
}

impl Tls {
    fn uri(&self, mode: &str) -> String {
        let port = self.server.port();
        format!("postgresql://encrypted:canary@127.0.0.1:{port}/postgres?sslmode={mode}")
    }

    fn trusting(&self) -> String {
        format!("{}&sslrootcert={}", self.uri("verify-full"), self.authority.path().display())
    }
}

#[tokio::test]
#[ignore = "needs PostgreSQL: cargo xtask test"]
async fn tls_accepts_a_certificate_of_the_given_authority() {
    let tls = tls("127.0.0.1", 2100);
    let database = tls.server.own_database();
    database.run("CREATE ROLE encrypted LOGIN SUPERUSER");
    let store = prepared(&tls.trusting(), &[]).await;
    assert!(is_committed(&commit(&*store, vec![unit(Lane::Primary, &account("a"))]).await[0]));
    let sql = "SELECT bool_and(ssl) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) \
               WHERE usename = 'encrypted'";
    assert_eq!(database.run(sql), "t");
    let message = refused(&tls.uri("prefer")).await;
    assert!(
        message.contains("not encrypted") && message.contains("sslmode=verify-full"),
        "{message}"
    );
}

#[tokio::test]
#[ignore = "needs PostgreSQL: cargo xtask test"]
async fn explains_why_a_certificate_is_not_trusted() {
    let good = tls("127.0.0.1", 2100);
    let gone = format!("{}&sslrootcert=/nowhere/ca.pem", good.uri("verify-full"));
    let empty = format!("{}&sslrootcert=/dev/null", good.uri("verify-full"));
    let (old, other) = (tls("127.0.0.1", 2010), tls("elsewhere.example", 2100));
    for (uri, expected) in [
        (good.uri("require"), ["unknown authority", "sslrootcert"]),
        (good.uri("verify-full"), ["unknown authority", "sslrootcert"]),
        (old.trusting(), ["expired", "renew"]),
        (other.trusting(), ["another host", "use the host name"]),
        (gone, ["sslrootcert", "/nowhere/ca.pem"]),
        (empty, ["sslrootcert", "PEM"]),
    ] {
        let (message, is_unavailable) = error_of(&uri).await;
        assert!(expected.iter().all(|word| message.contains(word)), "{message}");
        assert!(!is_unavailable, "waiting does not help: {message}");
    }
}

#[tokio::test]
#[ignore = "needs PostgreSQL: cargo xtask test"]
async fn explains_that_the_server_does_not_speak_tls() {
    for mode in ["require", "verify-ca", "verify-full"] {
        let uri = format!("{}?sslmode={mode}", database().uri_as("postgres:canary"));
        let (message, is_unavailable) = error_of(&uri).await;
        assert!(
            message.contains("does not speak TLS") && message.contains("sslmode=disable"),
            "{message}"
        );
        assert!(!is_unavailable, "waiting does not help: {message}");
    }
}
