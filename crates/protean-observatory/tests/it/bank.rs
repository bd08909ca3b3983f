//! A bank whose projector gives accounts up while it is told to, the pages of it, and a client.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use protean::prelude::{Context, Domain, Failure, Handled, Id, Priority, Result, Root};
use protean::{aggregate, aggregate_impl, command, command_handler, event, projection, projector};
use protean_engine::{Server, subscriptions};
use protean_observatory::Observatory;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// The secret of the operator `ann`.
pub(crate) const SECRET: &str = "a long random text of ann";

const PATIENCE: Duration = Duration::from_secs(30);

#[event(part_of = Account)]
struct AccountOpened {
    account_id: Id,
    holder: String,
}

#[command(part_of = Account)]
pub(crate) struct OpenAccount {
    #[field(identifier)]
    pub(crate) account_id: Id,
    pub(crate) holder: String,
}

#[aggregate(event_sourced, commands(OpenAccount))]
pub(crate) struct Account {
    root: Root<Account>,
    holder: String,
}

#[aggregate_impl]
impl Account {
    fn open(id: Id, holder: String) -> Result<Self> {
        let mut account = Self::create_with(id);
        account.raise(AccountOpened { account_id: account.id(), holder })?;
        Ok(account)
    }

    #[apply]
    fn on_opened(&mut self, event: &AccountOpened) {
        self.holder.clone_from(&event.holder);
    }
}

#[projection]
struct Customer {
    #[field(identifier)]
    account_id: Id,
    holder: String,
}

struct AccountCommandHandler;

#[command_handler(part_of = Account)]
impl AccountCommandHandler {
    #[handle]
    async fn open(&self, command: OpenAccount, ctx: &Context) -> Handled {
        let account = Account::open(command.account_id, command.holder)?;
        Ok(ctx.repository::<Account>().add(account).await?)
    }
}

struct CustomerProjector {
    fails: Arc<AtomicBool>,
}

#[projector(projection = Customer)]
impl CustomerProjector {
    #[on]
    async fn opened(&self, event: AccountOpened, ctx: &Context) -> Handled {
        let AccountOpened { account_id, holder } = event;
        if self.fails.load(Ordering::SeqCst) {
            return Err(Failure::rejected(format!("the holder '{holder}' is not welcome")));
        }
        Ok(ctx.repository::<Customer>().add(Customer { account_id, holder }).await?)
    }
}

/// A bank on a file, and its pages at an address.
pub(crate) struct Bank {
    pub(crate) domain: Domain,
    pub(crate) at: SocketAddr,
    pub(crate) pages: Observatory,
    fails: Arc<AtomicBool>,
    serving: JoinHandle<()>,
    _folder: tempfile::TempDir,
}

impl Bank {
    pub(crate) async fn open() -> Self {
        Self::with("").await
    }

    /// A bank with more settings.
    pub(crate) async fn with(settings: &str) -> Self {
        let (folder, fails) = (tempfile::tempdir().unwrap(), Arc::new(AtomicBool::new(false)));
        let file = folder.path().join("bank.db");
        // Nothing answers at port 1, so that no other server is taken for this bank's.
        let settings = format!(
            "[databases.default]\nprovider = 'sqlite'\ndatabase_uri = 'sqlite:{}'\n\
             [server.priority_lanes]\nenabled = true\n\
             [server.event_store_subscription]\nmax_retries = 0\n\
             [server.health]\nport = 1\n\
             [server.observatory.tokens.ann]\nsecret = '{SECRET}'\n{settings}",
            file.display()
        );
        let domain = protean::domain("bank")
            .config(&settings)
            .aggregate::<Account>()
            .register(AccountCommandHandler)
            .register(CustomerProjector { fails: Arc::clone(&fails) })
            .build()
            .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (at, pages) = (listener.local_addr().unwrap(), Observatory::of(&domain));
        let served = pages.clone();
        let serving = tokio::spawn(async move { served.serve(&listener).await });
        Self { domain, at, pages, fails, serving, _folder: folder }
    }

    /// Opens accounts, which the server handles later.
    pub(crate) async fn order(&self, holders: &[&str], priority: Priority) {
        for holder in holders {
            let command = OpenAccount { account_id: Id::new(), holder: (*holder).to_owned() };
            self.domain.process(command).priority(priority).asynchronous().await.unwrap();
        }
    }

    /// Whether the projector fails from now on.
    pub(crate) fn fail(&self, fails: bool) {
        self.fails.store(fails, Ordering::SeqCst);
    }

    /// Runs a server until nothing waits.
    pub(crate) async fn settle(&self) {
        let began = Instant::now();
        let at_rest = async {
            loop {
                let found = subscriptions(&self.domain).await.unwrap();
                let mut lanes = found.iter().flat_map(|of| &of.lanes);
                if lanes.all(|lane| lane.lag == Some(0) && lane.parked == Some(0)) {
                    return;
                }
                assert!(began.elapsed() < PATIENCE, "{found:?}");
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        Server::new(self.domain.clone()).run(at_rest).await.unwrap();
    }

    /// A bank whose projector has given up the accounts of these holders.
    pub(crate) async fn given_up(holders: &[&str]) -> Self {
        let bank = Self::open().await;
        bank.fail(true);
        bank.order(holders, Priority::NORMAL).await;
        bank.settle().await;
        bank
    }

    /// How many dead letters there are.
    pub(crate) async fn dead(&self) -> u64 {
        let found = subscriptions(&self.domain).await.unwrap();
        found.iter().flat_map(|of| &of.lanes).map(|lane| lane.dead.unwrap()).sum()
    }

    /// The answer to a request at the loopback, without a token.
    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, &[], "").await
    }

    /// The paths of all pages, as the navigation links to them.
    pub(crate) async fn pages(&self) -> Vec<String> {
        let answer = self.get("/observatory/lanes").await;
        let (_, navigation) = answer.body.split_once("<nav").unwrap();
        let (navigation, _) = navigation.split_once("</nav>").unwrap();
        let links = navigation.split("href=\"").skip(1);
        let pages: Vec<_> = links.map(|link| link.split('"').next().unwrap().to_owned()).collect();
        assert!(pages.len() > 4, "{pages:?}");
        pages
    }

    /// The answer to a form with these headers.
    pub(crate) async fn post(&self, path: &str, headers: &[(&str, &str)], form: &str) -> Answer {
        self.ask("POST", path, headers, form).await
    }

    /// The answer to a request; the Host is this address unless the headers say otherwise.
    pub(crate) async fn ask(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        form: &str,
    ) -> Answer {
        let mut stream = TcpStream::connect(self.at).await.unwrap();
        stream.write_all(self.request(method, path, headers, form).as_bytes()).await.unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).await.unwrap();
        Answer::read(&text)
    }

    pub(crate) fn request(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        form: &str,
    ) -> String {
        let own = ("Host", &*self.at.to_string());
        let has_host = headers.iter().any(|(name, _)| *name == "Host");
        let host = (!has_host).then_some(own);
        let headers =
            host.iter().chain(headers).map(|(name, value)| format!("{name}: {value}\r\n"));
        format!(
            "{method} {path} HTTP/1.1\r\n{}Content-Length: {}\r\n\r\n{form}",
            headers.collect::<String>(),
            form.len()
        )
    }

    /// The Origin of this page's own forms.
    pub(crate) fn origin(&self) -> String {
        format!("http://{}", self.at)
    }

    /// The cookie of a session of `ann`.
    pub(crate) async fn log_in(&self) -> String {
        let form = format!("token={}&next=dead-letters", SECRET.replace(' ', "+"));
        let answer = self.post("/observatory/login", &[("Origin", &self.origin())], &form).await;
        assert_eq!(answer.status, 303, "{answer:?}");
        assert_eq!(answer.header("location"), Some("/observatory/dead-letters"));
        let cookie = answer.header("set-cookie").unwrap();
        for part in ["HttpOnly", "SameSite=Strict", "Path=/observatory"] {
            assert!(cookie.contains(part), "{cookie}");
        }
        cookie.split(';').next().unwrap().to_owned()
    }
}

impl Drop for Bank {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn read(text: &str) -> Self {
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Self { status, head: head.to_owned(), body: body.to_owned() }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.filter(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value).next()
    }

    /// The first value of an attribute after a piece of the page.
    #[track_caller]
    pub(crate) fn attribute(&self, after: &str, name: &str) -> &str {
        let (_, rest) =
            self.body.split_once(after).unwrap_or_else(|| panic!("no {after}: {self:?}"));
        let (_, rest) = rest.split_once(&format!("{name}=\"")).unwrap();
        rest.split_once('"').unwrap().0
    }

    #[track_caller]
    pub(crate) fn has(&self, piece: &str) {
        assert!(self.body.contains(piece), "no {piece} in\n{}", self.body);
    }

    #[track_caller]
    pub(crate) fn lacks(&self, piece: &str) {
        assert!(!self.body.contains(piece), "{piece} in\n{}", self.body);
    }
}
