//! A server that cannot work says at its start what to change, in one line,
//! and the program ends.

use std::fs::File;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::time::Instant;

use protean_test_servers::{Database, Postgres, RedisServer};
use rcgen::{CertificateParams, KeyPair, date_time_ymd};

use crate::bank::{Server, WAIT_LIMIT};

/// Where a bank in production keeps its things. All passwords are `canary`.
struct Site {
    database: String,
    redis: String,
}

/// How the program has ended.
struct Ended {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Site {
    /// Runs the bank's server until it ends by itself.
    fn serve(&self, options: &[&str]) -> Ended {
        let folder = tempfile::tempdir().unwrap();
        let [out, err] = ["out", "err"].map(|name| folder.path().join(name));
        let mut program = Command::new(env!("CARGO_BIN_EXE_fidelis"));
        program.arg("server").args(options).stdin(Stdio::null());
        program.env_remove("PROTEAN_LOG").env_remove("RUST_LOG").env("PROTEAN_ENV", "production");
        program.env("DATABASE_URI", &self.database).env("REDIS_URI", &self.redis);
        program.stdout(File::create(&out).unwrap()).stderr(File::create(&err).unwrap());
        let read = |path| std::fs::read_to_string(path).unwrap();
        let (mut server, began) = (Server(program.spawn().unwrap()), Instant::now());
        let code = loop {
            if let Some(ended) = server.0.try_wait().unwrap() {
                break ended.code();
            }
            assert!(began.elapsed() < WAIT_LIMIT, "it does not end:\n{}", read(&err));
            std::thread::sleep(std::time::Duration::from_millis(10));
        };
        Ended { code, out: read(&out), err: read(&err) }
    }

    /// It ends and says this in one line, what to change among it.
    #[track_caller]
    fn is_refused(&self, expected: &[&str]) {
        self.serve(&[]).is_refusal(expected);
    }
}

impl Ended {
    #[track_caller]
    fn is_refusal(&self, expected: &[&str]) {
        let Self { code, out, err } = self;
        assert!(!format!("{out}{err}").contains("canary"), "a password is shown:\n{out}{err}");
        assert_eq!(*code, Some(1), "{err}");
        let (logged, errors): (Vec<_>, Vec<_>) =
            err.lines().partition(|line| line.starts_with(|first: char| first.is_ascii_digit()));
        assert!(logged.iter().all(|line| line.contains(" INFO ")), "{err}");
        let [line] = errors[..] else { panic!("not one line:\n{err}") };
        assert!(line.starts_with("error: "), "{err}");
        for words in expected {
            assert!(line.contains(words), "no '{words}' in\n{line}");
        }
    }
}

fn database() -> Database {
    Postgres::shared().database()
}

/// On a fresh database, and with this broker.
fn with_redis(database: &Database, redis: String) -> Site {
    Site { database: database.uri_as("postgres:canary"), redis }
}

/// A certificate for a host, its key, and the same as an authority in a file.
struct Certificate {
    certificate: String,
    key: String,
    authority: tempfile::NamedTempFile,
}

fn certificate(host: &str, until: i32) -> Certificate {
    let key = KeyPair::generate().unwrap();
    let mut certificate = CertificateParams::new([host.to_owned()]).unwrap();
    certificate.not_before = date_time_ymd(2000, 1, 1);
    certificate.not_after = date_time_ymd(until, 1, 1);
    let certificate = certificate.self_signed(&key).unwrap().pem();
    let authority = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(authority.path(), &certificate).unwrap();
    Certificate { certificate, key: key.serialize_pem(), authority }
}

#[test]
#[ignore = "needs PostgreSQL: cargo xtask test"]
fn a_database_that_cannot_be_used_is_named() {
    let database = database();
    database.run(
        "CREATE ROLE guarded LOGIN PASSWORD 'right'; CREATE ROLE bare LOGIN;
         REVOKE CREATE ON SCHEMA public FROM PUBLIC;
         CREATE ROLE standby LOGIN SUPERUSER;
         ALTER ROLE standby SET default_transaction_read_only = on;
         CREATE ROLE old LOGIN SUPERUSER; CREATE SCHEMA old;
         ALTER ROLE old SET search_path = old, pg_catalog, public;
         CREATE FUNCTION old.current_setting(name text) RETURNS text LANGUAGE sql AS $$
             SELECT CASE name WHEN 'server_version_num' THEN '120022'
                 WHEN 'server_version' THEN '12.22' ELSE pg_catalog.current_setting(name) END $$",
    );
    let redis = RedisServer::shared().uri();
    for (database, expected) in [
        (
            database.uri_as("guarded:canary"),
            ["rejected the password", "correct it in database_uri"],
        ),
        (database.uri_as("guarded"), ["asks for a password", "add it to database_uri"]),
        (database.uri_as("nobody:canary"), ["rejected the user", "correct database_uri"]),
        (
            database.uri_as("bare:canary"),
            ["permission denied", "run `db setup` with the role that owns the tables"],
        ),
        (database.uri_as("standby:canary"), ["is read-only", "name the primary in database_uri"]),
        (
            database.uri_as("old:canary"),
            ["runs on PostgreSQL 12.22", "upgrade to version 13 or later"],
        ),
        (database.uri_as("postgres:canary") + "_not", ["does not exist", "createdb"]),
        ("postgresql://bank:canary@127.0.0.1:1/bank".into(), ["cannot be reached", "server runs"]),
    ] {
        Site { database, redis: redis.clone() }.is_refused(&expected);
    }
    database.run("DROP SCHEMA old CASCADE; DROP ROLE guarded, bare, standby, old");
}

#[test]
#[ignore = "needs PostgreSQL and Redis: cargo xtask test"]
fn a_certificate_of_the_database_that_cannot_be_trusted_is_named() {
    let redis = RedisServer::shared().uri();
    let (good, old) = (certificate("127.0.0.1", 2100), certificate("127.0.0.1", 2010));
    let other = certificate("elsewhere.example", 2100);
    for (shown, trusted, expected) in [
        (&good, None, ["unknown authority", "sslrootcert=/path/to/ca.pem"]),
        (&old, Some(&old), ["an expired certificate", "renew it"]),
        (&other, Some(&other), ["for another host", "use the host name of the certificate"]),
    ] {
        let server = Postgres::start_with_tls(&shown.certificate, &shown.key);
        let database = server.own_database().uri_as("encrypted:canary");
        let authority = trusted.map(|trusted| trusted.authority.path().display());
        let authority = authority.map(|path| format!("&sslrootcert={path}")).unwrap_or_default();
        let database = format!("{database}?sslmode=verify-full{authority}");
        Site { database, redis: redis.clone() }.is_refused(&expected);
    }
    let database = database().uri_as("postgres:canary") + "?sslmode=verify-full";
    Site { database, redis }.is_refused(&["does not speak TLS", "sslmode=disable"]);
}

#[test]
#[ignore = "needs PostgreSQL and Redis: cargo xtask test"]
fn a_redis_that_cannot_be_used_is_named() {
    let (database, server) = (database(), RedisServer::start(""));
    let rights = ["ACL", "SETUSER", "bob", "on", ">canary", "~*", "+@all"];
    let grant = |words: &[&str]| server.command(&[&rights[..], words].concat());
    let refuses = |user: &str, expected: &[&str]| {
        with_redis(&database, server.uri_as(user)).is_refused(expected);
    };
    refuses("nobody:canary", &["rejects the user name or the password", "credentials in the URI"]);
    grant(&["-xautoclaim", "-xadd"]);
    refuses("bob:canary", &["denies commands", "run ACL SETUSER <user> +xadd +xautoclaim"]);
    grant(&["resetkeys", "~fidelis::*"]);
    refuses("bob:canary", &["denies keys", "run ACL SETUSER <user> ~protean:mark:*"]);
    let older = format!("redis://default:canary@127.0.0.1:{}/0", older(server.port()));
    with_redis(&database, older).is_refused(&["is version 6.0.", "update it to 6.2 or later"]);
    server.command(&["CONFIG", "SET", "requirepass", "right"]);
    with_redis(&database, server.uri())
        .is_refused(&["asks for a password", "redis://user:password@host:port/0"]);
    for (settings, expected) in [
        ("maxmemory-policy allkeys-lru\n", ["allkeys-lru", "set maxmemory-policy noeviction"]),
        ("cluster-enabled yes\n", ["is a cluster", "use a single primary"]),
    ] {
        let server = RedisServer::start(settings);
        with_redis(&database, server.uri_as("default:canary")).is_refused(&expected);
    }
}

#[test]
#[ignore = "needs PostgreSQL and Redis: cargo xtask test"]
fn a_certificate_of_redis_that_cannot_be_trusted_is_named() {
    let database = database();
    let (good, old) = (certificate("127.0.0.1", 2100), certificate("127.0.0.1", 2010));
    let other = certificate("elsewhere.example", 2100);
    for (shown, trusted, expected) in [
        (&good, None, ["unknown authority", "?ssl_ca_certs=/path/to/ca.pem"]),
        (&old, Some(&old), ["an expired certificate", "renew it"]),
        (
            &other,
            Some(&other),
            ["for another host", "use the host name of the certificate in the URI"],
        ),
    ] {
        let server = RedisServer::start_with_tls(&shown.certificate, &shown.key);
        let authority = trusted.map(|trusted| trusted.authority.path().display());
        let authority = authority.map(|path| format!("?ssl_ca_certs={path}")).unwrap_or_default();
        let redis = format!("{}{authority}", server.uri_as("default:canary"));
        with_redis(&database, redis).is_refused(&expected);
    }
}

#[test]
#[ignore = "needs PostgreSQL and Redis: cargo xtask test"]
fn a_fault_that_no_worker_survives_is_reported_once_and_ends_the_supervisor() {
    let (database, server) = (database(), RedisServer::start("maxmemory-policy allkeys-lru\n"));
    let evicting = with_redis(&database, server.uri_as("default:canary"));
    let ended = evicting.serve(&["--workers", "2"]);
    ended.is_refusal(&["allkeys-lru", "set maxmemory-policy noeviction"]);
    assert!(!ended.err.contains("worker"), "none is started:\n{}", ended.err);
    let gone = Site { database: evicting.database + "_not", redis: server.uri() };
    gone.serve(&["--workers", "2"]).is_refusal(&["does not exist", "createdb"]);
}

/// A way to a Redis on which it says that it is a 6.0.
fn older(port: u16) -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let place = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let server = TcpStream::connect(("127.0.0.1", port)).unwrap();
            let (asks, asked) = (client.try_clone().unwrap(), server.try_clone().unwrap());
            std::thread::spawn(move || pass(asks, asked, |_| ()));
            std::thread::spawn(move || pass(server, client, make_older));
        }
    });
    place
}

/// Hands on what comes, changed.
fn pass(mut from: TcpStream, mut to: TcpStream, change: impl Fn(&mut [u8])) {
    let mut some = vec![0; 64 * 1024];
    while let Ok(length @ 1..) = from.read(&mut some) {
        change(&mut some[..length]);
        if to.write_all(&some[..length]).is_err() {
            return;
        }
    }
}

/// Writes another version over the reported one, which is as long.
fn make_older(answer: &mut [u8]) {
    let label = b"redis_version:";
    let Some(at) = answer.windows(label.len()).position(|part| part == label) else { return };
    let version = answer[at + label.len()..].iter_mut();
    let digits = version.take_while(|byte| **byte != b'\r').filter(|byte| **byte != b'.');
    digits.zip(*b"60").for_each(|(digit, older)| *digit = older);
}
