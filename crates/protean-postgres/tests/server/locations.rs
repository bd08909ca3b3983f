//! Databases that cannot be opened.

use protean_core::message::Lane;
use protean_core::port::Provider;
use protean_postgres::Postgres;

use protean_test_servers as servers;
use rcgen::{CertificateParams, KeyPair, date_time_ymd};

use crate::{account, commit, database, is_committed, location, prepared, unit};

async fn refused(uri: &str) -> String {
    let (told, is_unavailable) = error_of(uri).await;
    assert!(is_unavailable, "{told}");
    told
}

async fn error_of(uri: &str) -> (String, bool) {
    let error = Postgres.open(&location(uri)).await.err().unwrap_or_else(|| panic!("{uri} opens"));
    let (told, shown) = (error.to_string(), format!("{error:?}"));
    assert!(!told.contains("canary") && !shown.contains("canary"), "{shown}");
    assert!(!told.contains('\n'), "{told}");
    (told, error.is_unavailable())
}

#[tokio::test]
#[ignore = "needs PostgreSQL: cargo xtask test"]
async fn a_database_that_cannot_be_opened_is_named_with_what_to_change() {
    let database = database();
    database.run("CREATE ROLE guarded LOGIN PASSWORD 'right'");
    let told = refused(&database.uri_as("guarded:canary")).await;
    assert!(told.contains("refuses the password") && told.contains("database_uri"), "{told}");
    let told = refused(&database.uri_as("guarded")).await;
    assert!(told.contains("asks for a password"), "{told}");
    let told = refused(&database.uri_as("nobody_here:canary")).await;
    assert!(told.contains("refuses the user") && told.contains("nobody_here"), "{told}");
    let told = refused(&format!("{}_not", database.uri_as("postgres:canary"))).await;
    assert!(told.contains("is not there") && told.contains("createdb"), "{told}");
    let told = refused("postgresql://postgres:canary@127.0.0.1:1/bank").await;
    assert!(told.contains("'bank' at 127.0.0.1:1") && told.contains("cannot be reached"), "{told}");
    Postgres.open(&location(&database.uri_as("guarded:right"))).await.unwrap();
    database.run("DROP ROLE guarded");
}

#[tokio::test]
#[ignore = "needs PostgreSQL: cargo xtask test"]
async fn a_database_that_keeps_no_unicode_is_refused() {
    let database = database();
    let name = format!("{}_ascii", database.uri().rsplit('/').next().unwrap());
    database.run(&format!("CREATE DATABASE {name} ENCODING 'SQL_ASCII' TEMPLATE template0"));
    let told = refused(&format!("{}_ascii", database.uri())).await;
    assert!(told.contains("SQL_ASCII") && told.contains("UTF8"), "{told}");
    database.run(&format!("DROP DATABASE {name} WITH (FORCE)"));
}

struct Tls {
    server: servers::Postgres,
    authority: tempfile::NamedTempFile,
}

/// A server with a certificate of its own for a host.
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
async fn tls_is_spoken_with_whom_the_authority_vouches_for() {
    let tls = tls("127.0.0.1", 2100);
    let database = tls.server.own_database();
    database.run("CREATE ROLE encrypted LOGIN SUPERUSER");
    let store = prepared(&tls.trusting(), &[]).await;
    assert!(is_committed(&commit(&*store, vec![unit(Lane::Primary, &account("a"))]).await[0]));
    let sql = "SELECT bool_and(ssl) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) \
               WHERE usename = 'encrypted'";
    assert_eq!(database.run(sql), "t");
    let told = refused(&tls.uri("prefer")).await;
    assert!(told.contains("not encrypted") && told.contains("sslmode=verify-full"), "{told}");
}

#[tokio::test]
#[ignore = "needs PostgreSQL: cargo xtask test"]
async fn a_certificate_that_cannot_be_trusted_is_named() {
    let good = tls("127.0.0.1", 2100);
    let gone = format!("{}&sslrootcert=/nowhere/ca.pem", good.uri("verify-full"));
    let empty = format!("{}&sslrootcert=/dev/null", good.uri("verify-full"));
    let (old, other) = (tls("127.0.0.1", 2010), tls("elsewhere.example", 2100));
    for (uri, expected) in [
        (good.uri("require"), ["unknown authority", "sslrootcert"]),
        (good.uri("verify-full"), ["unknown authority", "sslrootcert"]),
        (old.trusting(), ["expired", "renew"]),
        (other.trusting(), ["another host", "name the host"]),
        (gone, ["sslrootcert", "/nowhere/ca.pem"]),
        (empty, ["sslrootcert", "PEM"]),
    ] {
        let (told, is_unavailable) = error_of(&uri).await;
        assert!(expected.iter().all(|word| told.contains(word)), "{told}");
        assert!(!is_unavailable, "waiting does not help: {told}");
    }
}

#[tokio::test]
#[ignore = "needs PostgreSQL: cargo xtask test"]
async fn a_server_that_does_not_speak_tls_is_named() {
    for mode in ["require", "verify-ca", "verify-full"] {
        let uri = format!("{}?sslmode={mode}", database().uri_as("postgres:canary"));
        let (told, is_unavailable) = error_of(&uri).await;
        assert!(told.contains("does not speak TLS") && told.contains("sslmode=disable"), "{told}");
        assert!(!is_unavailable, "waiting does not help: {told}");
    }
}
