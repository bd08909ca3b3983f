use std::sync::Arc;

use protean_port::Error;
use protean_port::port::{Batch, Broker, Publication, Published};
use protean_test_servers::RedisServer;
use rcgen::{CertificateParams, KeyPair, date_time_ymd};

use crate::{open, sample};

/// The error of opening; it must contain these words and no password.
async fn refused(uri: &str, expected: &[&str]) -> Error {
    let Err(error) = open(uri).await.map(|_: Arc<dyn Broker>| ()) else { panic!("{uri} opens") };
    let text = error.to_string();
    assert!(expected.iter().all(|word| text.contains(word)), "{text}\nexpected {expected:?}");
    assert_eq!(text.lines().count(), 1, "{text}");
    assert!(!format!("{text}{error:?}").contains("canary"), "{error:?}");
    error
}

#[tokio::test]
#[ignore = "needs Redis: cargo xtask test"]
async fn an_absent_server_is_named() {
    let server = RedisServer::start("");
    let uri = server.uri_as("bob:canary");
    let port = server.port().to_string();
    drop(server);
    assert!(refused(&uri, &[&port, "refuses the connection"]).await.is_unavailable());
}

#[tokio::test]
#[ignore = "needs Redis: cargo xtask test"]
async fn a_wrong_password_is_named() {
    let server = RedisServer::start("");
    server.command(&["ACL", "SETUSER", "bob", "on", ">right", "~*", "+@all"]);
    assert!(open(&server.uri_as("bob:right")).await.is_ok());
    let error = refused(&server.uri_as("bob:canary"), &["password", "URI"]).await;
    assert!(!error.is_unavailable(), "waiting does not help");
    refused(&server.uri_as("nobody:canary"), &["user name or the password"]).await;
    refused(&server.uri_as(":canary"), &["password"]).await;
    server.command(&["CONFIG", "SET", "requirepass", "right"]);
    refused(&server.uri(), &["asks for a password", "redis://user:password@"]).await;
}

#[tokio::test]
#[ignore = "needs Redis: cargo xtask test"]
async fn missing_rights_are_named_with_what_grants_them() {
    let server = RedisServer::start("");
    let rights = ["ACL", "SETUSER", "bob", "on", ">canary", "~*", "+@all"];
    server.command(&[&rights[..], &["-xautoclaim", "-xadd"]].concat());
    let expected = ["denies", "ACL SETUSER", "+xadd +xautoclaim"];
    assert!(!refused(&server.uri_as("bob:canary"), &expected).await.is_unavailable());
    server.command(&["ACL", "SETUSER", "bob", "+@all", "resetkeys", "~fidelis::*"]);
    refused(&server.uri_as("bob:canary"), &["keys", "~protean:mark:*"]).await;
    server.command(&["ACL", "SETUSER", "bob", "~protean:mark:*"]);
    let limited = open(&server.uri_as("bob:canary")).await.unwrap();
    let groups = sample(&server).await.groups("a", &["x"]);
    let error = limited.prepare(&groups).await.unwrap_err();
    let stream = &groups[0].stream;
    assert!(error.is_unavailable() && error.to_string().contains(&**stream), "{error}");
}

#[tokio::test]
#[ignore = "needs Redis: cargo xtask test"]
async fn a_denied_stream_does_not_hold_up_others() {
    let server = RedisServer::start("");
    let sample = sample(&server).await;
    let allowed = format!("~{}", sample.stream("a"));
    let rights = ["ACL", "SETUSER", "bob", "on", ">right", "+@all", "~protean:mark:*", &allowed];
    server.command(&rights);
    let limited = open(&server.uri_as("bob:right")).await.unwrap();
    let entry = |stream| Publication { stream: sample.stream(stream), data: b"1"[..].into() };
    let entries = [entry("a"), entry("b"), entry("a"), entry("b")].into();
    let receipt = limited.publish(Batch { entries, mark: Some(sample.mark("m", "1")) }).await;
    let receipt = receipt.unwrap();
    let accepted = receipt.published.iter().map(|p| matches!(p, Published::Accepted(_)));
    assert_eq!(accepted.collect::<Vec<_>>(), [true, false, true, false]);
    assert!(matches!(&receipt.published[3], Published::Unavailable(why) if why.contains("ACL")));
    assert_eq!(limited.stored_mark(&sample.stream("m")).await.unwrap().value, None);
}

#[tokio::test]
#[ignore = "needs Redis: cargo xtask test"]
async fn a_right_taken_away_later_is_an_outage_that_heals() {
    let server = RedisServer::start("");
    server.command(&["ACL", "SETUSER", "bob", "on", ">right", "~*", "+@all"]);
    let limited =
        protean_conformance::broker::Sample::new(open(&server.uri_as("bob:right")).await.unwrap());
    limited.prepare("a", &["x"]).await.unwrap();
    server.command(&["ACL", "SETUSER", "bob", "-xreadgroup"]);
    let error = limited.read("x", &["a"]).await.unwrap_err();
    assert!(error.is_unavailable() && error.to_string().contains("xreadgroup"), "{error}");
    server.command(&["ACL", "SETUSER", "bob", "+xreadgroup"]);
    assert!(limited.read("x", &["a"]).await.unwrap().is_empty());
}

#[tokio::test]
#[ignore = "needs Redis: cargo xtask test"]
async fn an_evicting_server_is_named() {
    let server = RedisServer::start("maxmemory-policy allkeys-lru\n");
    let expected = ["allkeys-lru", "maxmemory-policy noeviction"];
    assert!(!refused(&server.uri(), &expected).await.is_unavailable());
    server.command(&["CONFIG", "SET", "maxmemory-policy", "volatile-ttl"]);
    assert!(open(&server.uri()).await.is_ok(), "what we keep never expires");
}

#[tokio::test]
#[ignore = "needs Redis: cargo xtask test"]
async fn a_cluster_is_named() {
    let server = RedisServer::start("cluster-enabled yes\n");
    refused(&server.uri(), &["cluster", "single primary"]).await;
}

struct Tls {
    server: RedisServer,
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
    Tls { server: RedisServer::start_with_tls(&certificate, &key.serialize_pem()), authority }
}

impl Tls {
    fn trusting(&self) -> String {
        let uri = self.server.uri_as("default:canary");
        format!("{uri}?ssl_ca_certs={}", self.authority.path().display())
    }
}

#[tokio::test]
#[ignore = "needs Redis: cargo xtask test"]
async fn tls_accepts_a_server_that_the_authority_vouches_for() {
    let tls = tls("127.0.0.1", 2100);
    let broker = open(&tls.trusting()).await.unwrap();
    let sample = protean_conformance::broker::Sample::new(broker);
    sample.prepare("a", &["x"]).await.unwrap();
    sample.publish("a", &["1"]).await.unwrap();
    assert_eq!(sample.read("x", &["a"]).await.unwrap().len(), 1);
}

#[tokio::test]
#[ignore = "needs Redis: cargo xtask test"]
async fn a_certificate_that_cannot_be_trusted_is_named() {
    let good = tls("127.0.0.1", 2100);
    let uri = good.server.uri_as("default:canary");
    let error = refused(&uri, &["unknown authority", "ssl_ca_certs"]).await;
    assert!(!error.is_unavailable());
    refused(&tls("127.0.0.1", 2010).trusting(), &["expired"]).await;
    refused(&tls("elsewhere.example", 2100).trusting(), &["another host"]).await;
    let gone = format!("{}?ssl_ca_certs=/nowhere/ca.pem", good.server.uri());
    refused(&gone, &["ssl_ca_certs", "/nowhere/ca.pem"]).await;
}

#[tokio::test]
#[ignore = "needs Redis: cargo xtask test"]
async fn plain_text_and_tls_are_told_apart() {
    let tls = tls("127.0.0.1", 2100);
    let plain = tls.trusting().replace("rediss://", "redis://");
    let plain = plain.split('?').next().unwrap_or_default();
    refused(plain, &["closes the connection", "rediss://"]).await;
    let server = RedisServer::start("");
    let secure = server.uri().replace("redis://", "rediss://");
    refused(&secure, &["does not speak TLS", "redis://"]).await;
}
