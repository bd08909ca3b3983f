//! A password in a URI shows nowhere, whatever fails and however much is logged.

use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::time::Instant;

use protean::Priority;
use protean_test_servers::{Postgres, RedisServer};
use rustix::process::{Pid, Signal, kill_process};

use crate::bank::{Server, WAIT_LIMIT, account, transcript};
use crate::branch::await_that;
use crate::health::{await_ready, get};

/// What must not show.
const SECRET: &str = "canary-4f1c";

struct Site {
    folder: tempfile::TempDir,
    postgres: Postgres,
    redis: RedisServer,
    uris: [(&'static str, String); 2],
}

impl Site {
    fn new() -> Self {
        let postgres = Postgres::start("-c fsync=off");
        let redis = RedisServer::start("");
        let database = postgres.own_database();
        database.run(&format!("CREATE ROLE guarded LOGIN SUPERUSER PASSWORD '{SECRET}'"));
        redis.command(&["ACL", "SETUSER", "bob", "on", &format!(">{SECRET}"), "~*", "+@all"]);
        let postgres_uri = format!(
            "postgresql://guarded:{SECRET}@127.0.0.1:{}/postgres?application_name=bank",
            postgres.port()
        );
        let redis_uri = redis.uri_as(&format!("bob:{SECRET}"));
        let uris = [("DATABASE_URI", postgres_uri), ("REDIS_URI", redis_uri)];
        Self { folder: tempfile::tempdir().unwrap(), postgres, redis, uris }
    }

    fn program(&self) -> Command {
        let mut program = Command::new(env!("CARGO_BIN_EXE_fidelis"));
        program.env_remove("RUST_LOG").env("PROTEAN_LOG", "trace").env("PROTEAN_ENV", "production");
        program.envs(self.uris.iter().map(|(name, uri)| (name, uri))).stdin(Stdio::null());
        program
    }

    fn serve(&self) -> Server {
        let log = std::fs::File::create(self.folder.path().join("log")).unwrap();
        let mut program = self.program();
        program.args(["server", "--workers", "2"]).stdout(log.try_clone().unwrap()).stderr(log);
        Server(program.spawn().unwrap())
    }

    fn log(&self) -> String {
        let log = std::fs::read(self.folder.path().join("log")).unwrap();
        String::from_utf8_lossy(&log).into_owned()
    }

    /// Where the pages of the workers are.
    fn pages(&self) -> Vec<SocketAddr> {
        let log = self.log();
        let urls = log.lines().filter_map(|line| line.split_once("health pages url=http://"));
        urls.filter_map(|(_, url)| url.strip_suffix("/healthz")?.parse().ok()).collect()
    }

    /// Everything that an operator may ask.
    fn answers(&self) -> String {
        let mut all = String::new();
        for words in [
            &["check", "--json"][..],
            &["check"],
            &["db", "setup", "--json"],
            &["subscriptions", "status", "--wide"],
            &["outbox", "status", "--json"],
            &["dlq", "list"],
            &["events", "stats"],
            &["verify"],
            &["stats"],
        ] {
            all += &transcript(&self.program().args(words).output().unwrap());
        }
        for at in self.pages() {
            for path in ["/healthz", "/livez", "/readyz", "/metrics"] {
                all += &get(at, path).1;
            }
        }
        all
    }
}

#[track_caller]
fn assert_hidden(text: &str) {
    let shown = text.lines().find(|line| line.contains(SECRET));
    assert_eq!(shown, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL and Redis: cargo xtask test"]
async fn no_log_no_error_and_no_page_shows_a_password() {
    let site = Site::new();
    let mut server = site.serve();
    await_that(|| site.pages().len() == 2, || site.log());
    site.pages().into_iter().for_each(await_ready);
    let [(_, database), (_, redis)] = &site.uris;
    let settings = format!(
        "command_processing = \"async\"\n[server.priority_lanes]\nenabled = true\n\
         [databases.default]\nprovider = \"postgresql\"\ndatabase_uri = '{database}'\n\
         [brokers.default]\nprovider = \"redis\"\nURI = '{redis}'\n"
    );
    let domain = fidelis::configured(&settings).build().unwrap();
    domain.process_all((0..20).map(account)).priority(Priority::LOW).await.unwrap();
    assert_hidden(&format!("{:?}", domain.config()));
    await_that(|| site.log().matches("handler.completed").count() >= 20, || site.log());
    let answers = site.answers();
    assert_hidden(&answers);
    assert!(answers.contains("  databases.default: fsync = off: "), "{answers}");
    site.redis.kill();
    site.postgres.stop("immediate");
    let began = Instant::now();
    while site.log().matches(" WARN ").count() < 10 {
        assert!(began.elapsed() < WAIT_LIMIT, "{}", site.log());
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let answers = site.answers();
    assert_hidden(&answers);
    assert!(answers.contains("servers were not looked at:\n  databases.default: "), "{answers}");
    let refused = domain.process_all([account(99)]).await.unwrap_err();
    assert_hidden(&format!("{refused} {refused:?}"));
    site.redis.resume();
    site.postgres.resume();
    kill_process(Pid::from_child(&server.0), Signal::TERM).unwrap();
    server.0.wait().unwrap();
    let log = site.log();
    assert!(log.contains(" DEBUG "), "{log}");
    assert_hidden(&log);
}
