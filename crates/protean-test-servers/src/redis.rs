//! A Redis server of one's own.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Mutex, OnceLock, PoisonError};

use crate::programs::REDIS;

/// A server on a free port of this machine, which keeps nothing on the disk unless its
/// settings say so. It ends with the process of the tests, however that ends, and
/// takes its folder with it.
pub struct RedisServer {
    client: PathBuf,
    folder: PathBuf,
    port: u16,
    scheme: &'static str,
    orders: Mutex<Orders>,
}

/// The shell that carries out orders.
struct Orders {
    supervisor: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl RedisServer {
    /// The server that the tests of this process share; names in it are theirs to keep apart.
    ///
    /// # Panics
    /// When the server is not installed or does not start.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<RedisServer> = OnceLock::new();
        SHARED.get_or_init(|| Self::start(""))
    }

    /// A server of one's own with these lines in its configuration (`appendonly yes`).
    ///
    /// # Panics
    /// When the server is not installed or does not start.
    pub fn start(settings: &str) -> Self {
        Self::start_on("redis", settings, |_| {})
    }

    /// A server that speaks TLS and shows this certificate, both in PEM.
    ///
    /// # Panics
    /// When the server is not installed or does not start.
    pub fn start_with_tls(certificate: &str, key: &str) -> Self {
        let settings = "tls-auth-clients no\ntls-cert-file cert.pem\ntls-key-file key.pem\n\
                        tls-ca-cert-file cert.pem\n";
        Self::start_on("rediss", settings, |folder| {
            write(&folder.join("cert.pem"), certificate);
            write(&folder.join("key.pem"), key);
        })
    }

    /// `redis://…` of this server, `rediss://…` when it speaks TLS.
    pub fn uri(&self) -> String {
        format!("{}://127.0.0.1:{}/0", self.scheme, self.port)
    }

    /// The same for `user:password`.
    pub fn uri_as(&self, user: &str) -> String {
        format!("{}://{user}@127.0.0.1:{}/0", self.scheme, self.port)
    }

    /// The port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Runs a command as an operator with all rights, and gives what it prints.
    ///
    /// # Panics
    /// When the server refuses it or is not there.
    pub fn command(&self, words: &[&str]) -> String {
        let mut client = Command::new(&self.client);
        client.arg("-e").arg("-s").arg(self.folder.join("socket")).args(words);
        let output = client.stdin(Stdio::null()).output();
        let output = output.unwrap_or_else(|error| panic!("redis-cli cannot be run: {error}"));
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
        assert!(output.status.success(), "{words:?}: {}", text(&output.stderr));
        text(&output.stdout)
    }

    /// Ends the server as `kill -9` does.
    ///
    /// # Panics
    /// When the order cannot be carried out.
    pub fn kill(&self) {
        self.order("KILL");
    }

    /// Starts the server again after it was killed.
    ///
    /// # Panics
    /// When it does not start.
    pub fn resume(&self) {
        self.order("start");
    }

    /// Stops the server without ending it: its connections stay open, and nothing answers.
    ///
    /// # Panics
    /// When the order cannot be carried out.
    pub fn freeze(&self) {
        self.order("pause");
    }

    /// Lets a frozen server go on.
    ///
    /// # Panics
    /// When the order cannot be carried out.
    pub fn thaw(&self) {
        self.order("go");
    }

    fn order(&self, word: &str) {
        let mut orders = self.orders.lock().unwrap_or_else(PoisonError::into_inner);
        let sent = orders.input.as_mut().map(|input| writeln!(input, "{word}"));
        let done = matches!(sent, Some(Ok(()))) && orders.answer();
        assert!(done, "the Redis server does not obey '{word}':\n{}", log(&self.folder));
    }

    fn start_on(scheme: &'static str, settings: &str, prepare: impl Fn(&Path)) -> Self {
        let programs = REDIS.folder().unwrap_or_else(|missing| panic!("{missing}"));
        let (server, client) = (programs.join("redis-server"), programs.join("redis-cli"));
        let mut said = String::new();
        // Another process may take the port first; then another one is tried.
        for _ in 0..5 {
            let (folder, port) = (folder(), free_port());
            prepare(&folder);
            write(&folder.join("redis.conf"), &configuration(scheme, port, &folder, settings));
            let mut orders = Orders::new(&server, &client, &folder);
            if orders.answer() {
                let orders = Mutex::new(orders);
                return Self { client, folder, port, scheme, orders };
            }
            said = log(&folder);
        }
        panic!("no Redis server starts:\n{said}")
    }
}

impl Orders {
    fn new(server: &Path, client: &Path, folder: &Path) -> Self {
        let mut command = Command::new("sh");
        command.args(["-c", include_str!("redis.sh"), "redis.sh"]);
        command.arg(server).arg(client).arg(folder).current_dir("/");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        // An interrupt from the terminal ends the tests, and so this.
        command.process_group(0);
        let supervisor = command.spawn();
        let mut supervisor =
            supervisor.unwrap_or_else(|error| panic!("no shell can be started: {error}"));
        let (Some(input), Some(output)) = (supervisor.stdin.take(), supervisor.stdout.take())
        else {
            panic!("the shell has no pipes")
        };
        Self { supervisor, input: Some(input), output: BufReader::new(output) }
    }

    /// True when the last order was carried out.
    fn answer(&mut self) -> bool {
        let mut line = String::new();
        self.output.read_line(&mut line).is_ok() && line.trim().parse::<u32>().is_ok()
    }
}

impl Drop for Orders {
    fn drop(&mut self) {
        self.input = None;
        // It has no status that matters.
        let _ = self.supervisor.wait();
    }
}

fn configuration(scheme: &str, port: u16, folder: &Path, settings: &str) -> String {
    let ports = match scheme {
        "rediss" => format!("port 0\ntls-port {port}"),
        _ => format!("port {port}"),
    };
    let folder = folder.display();
    format!(
        "bind 127.0.0.1\n{ports}\nunixsocket {folder}/socket\ndir {folder}\nsave \"\"\n{settings}\n"
    )
}

fn folder() -> PathBuf {
    let folder = tempfile::Builder::new().prefix("protean-redis-").tempdir();
    folder.unwrap_or_else(|error| panic!("no temporary folder: {error}")).keep()
}

fn write(file: &Path, text: &str) {
    let written = std::fs::write(file, text);
    written.unwrap_or_else(|error| panic!("{} cannot be written: {error}", file.display()));
}

fn log(folder: &Path) -> String {
    std::fs::read_to_string(folder.join("log")).unwrap_or_default()
}

fn free_port() -> u16 {
    let port = TcpListener::bind(("127.0.0.1", 0)).and_then(|listener| listener.local_addr());
    port.unwrap_or_else(|error| panic!("no free port: {error}")).port()
}
