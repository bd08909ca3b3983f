//! A PostgreSQL server of one's own.

use std::fs::Permissions;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

use crate::programs::POSTGRESQL;

/// PostgreSQL refuses to run as root: then it runs as this user, who owns nothing else.
const NOBODY: u32 = 65_534;
/// Who has to give a password, and who has to speak TLS.
const GUARDED: &str = "host all guarded 127.0.0.1/32 scram-sha-256\nhostnossl all encrypted 127.0.0.1/32 reject\n\
     host all all 127.0.0.1/32 trust\n";

/// A server on a free port of this machine. It ends with the process of the
/// tests, however that ends, and takes its folder with it.
pub struct Postgres {
    programs: PathBuf,
    port: u16,
    orders: Mutex<Orders>,
}

struct Orders {
    supervisor: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

/// A fresh database, dropped with this value.
pub struct Database {
    server: Server,
    name: String,
}

enum Server {
    Shared(&'static Postgres),
    Port(PathBuf, u16),
}

impl Postgres {
    /// The server that the tests of this process share. It does not press
    /// anything to the disk.
    ///
    /// # Panics
    /// When the server is not installed or does not start.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Postgres> = OnceLock::new();
        SHARED.get_or_init(|| Self::start("-c fsync=off -c full_page_writes=off"))
    }

    /// A server of one's own with these settings (`-c fsync=on -c …`).
    ///
    /// # Panics
    /// When the server is not installed or does not start.
    pub fn start(settings: &str) -> Self {
        Self::start_on(settings, |_| {})
    }

    /// A server that speaks TLS and shows this certificate, both in PEM.
    ///
    /// # Panics
    /// When the server is not installed or does not start.
    pub fn start_with_tls(certificate: &str, key: &str) -> Self {
        let settings = "-c fsync=off -c ssl=on -c ssl_cert_file=cert.pem -c ssl_key_file=key.pem";
        Self::start_on(settings, |folder| {
            write(folder, "cert.pem", certificate);
            write(folder, "key.pem", key);
        })
    }

    fn start_on(settings: &str, equip: impl Fn(&Path)) -> Self {
        let programs = POSTGRESQL.folder().unwrap_or_else(|missing| panic!("{missing}"));
        let mut log = String::new();
        // Another process may take the port first; then another one is tried.
        for _ in 0..5 {
            let folder = folder(&programs);
            equip(&folder);
            let port = free_port();
            let settings = format!(
                "-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' \
                 -c max_connections=300 -c shared_buffers=32MB {settings}"
            );
            let mut orders = Orders::new(&programs, &folder, &settings);
            if orders.answer() {
                return Self { programs, port, orders: Mutex::new(orders) };
            }
            log = std::fs::read_to_string(folder.join("log")).unwrap_or_default();
        }
        panic!("no PostgreSQL server starts:\n{log}")
    }

    /// A fresh database.
    pub fn database(&'static self) -> Database {
        Database::new(Server::Shared(self))
    }

    /// A fresh database of a server that may end before it.
    pub fn own_database(&self) -> Database {
        Database::new(Server::Port(self.programs.clone(), self.port))
    }

    /// The port of the server.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Ends the server: `fast` ends its sessions first, `immediate` is a crash.
    ///
    /// # Panics
    /// When it does not end.
    pub fn stop(&self, how: &str) {
        assert!(self.order(how), "the server does not end");
    }

    /// Starts the server again after [`stop`](Self::stop).
    ///
    /// # Panics
    /// When it does not start.
    pub fn resume(&self) {
        assert!(self.order("start"), "the server does not start again");
    }

    fn order(&self, word: &str) -> bool {
        let mut orders = self.orders.lock().unwrap_or_else(PoisonError::into_inner);
        let sent = orders.input.as_mut().map(|input| writeln!(input, "{word}"));
        matches!(sent, Some(Ok(()))) && orders.answer()
    }
}

impl Orders {
    fn new(programs: &Path, folder: &Path, settings: &str) -> Self {
        let mut command = Command::new("sh");
        command.args(["-c", include_str!("postgres.sh"), "supervisor"]);
        command.arg(programs).arg(folder).arg(settings).current_dir("/");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        // An interrupt from the terminal ends the tests, and so this.
        command.process_group(0);
        let mut supervisor = unprivileged(&mut command, folder)
            .spawn()
            .unwrap_or_else(|error| panic!("no shell can be started: {error}"));
        let (Some(input), Some(output)) = (supervisor.stdin.take(), supervisor.stdout.take())
        else {
            panic!("the shell has no pipes")
        };
        Self { supervisor, input: Some(input), output: BufReader::new(output) }
    }

    /// True when the last order was carried out.
    fn answer(&mut self) -> bool {
        let mut line = String::new();
        self.output.read_line(&mut line).is_ok() && line.trim() == "done"
    }
}

impl Drop for Orders {
    fn drop(&mut self) {
        self.input = None;
        // It has no status that matters.
        let _ = self.supervisor.wait();
    }
}

impl Database {
    fn new(server: Server) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let name = format!("test_{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        let database = Self { server, name };
        database.server.run(&format!("CREATE DATABASE {}", database.name));
        database
    }

    /// `postgresql://…` of this database.
    pub fn uri(&self) -> String {
        self.uri_as("postgres")
    }

    /// The same for another user, or for `user:password`.
    pub fn uri_as(&self, user: &str) -> String {
        format!("postgresql://{user}@127.0.0.1:{}/{}", self.server.place().1, self.name)
    }

    /// Runs SQL in the database and gives what it prints, without headers.
    ///
    /// # Panics
    /// When the server refuses it.
    pub fn run(&self, sql: &str) -> String {
        self.server.run_in(&self.name, sql).unwrap_or_else(|text| panic!("{sql}: {text}"))
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        // A server that has ended has no database any more.
        let sql = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name);
        let _ = self.server.run_in("postgres", &sql);
    }
}

impl Server {
    fn place(&self) -> (&Path, u16) {
        match self {
            Self::Shared(server) => (&server.programs, server.port),
            Self::Port(programs, port) => (programs, *port),
        }
    }

    fn run(&self, sql: &str) {
        self.run_in("postgres", sql).unwrap_or_else(|text| panic!("{sql}: {text}"));
    }

    fn run_in(&self, database: &str, sql: &str) -> Result<String, String> {
        let (programs, port) = self.place();
        let mut command = Command::new(programs.join("psql"));
        command.args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1"]);
        command.args(["-U", "postgres", "-p", &port.to_string(), "-d", database, "-c", sql]);
        let output = command.stdin(Stdio::null()).output().map_err(|e| e.to_string())?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
        if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
    }
}

/// A folder with the files of a new server.
fn folder(programs: &Path) -> PathBuf {
    let folder = tempfile::Builder::new().prefix("protean-postgres-").tempdir();
    let folder = folder.unwrap_or_else(|error| panic!("no temporary folder: {error}")).keep();
    if is_root(&folder) {
        chown(&folder, Some(NOBODY), Some(NOBODY))
            .unwrap_or_else(|error| panic!("the folder cannot be given away: {error}"));
    }
    let mut command = Command::new(programs.join("initdb"));
    command.args(["-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "-N", "-D"]);
    command.arg(folder.join("data")).current_dir("/").stdin(Stdio::null());
    let output = unprivileged(&mut command, &folder).output();
    let output = output.unwrap_or_else(|error| panic!("initdb cannot be run: {error}"));
    assert!(output.status.success(), "initdb: {}", String::from_utf8_lossy(&output.stderr));
    std::fs::write(folder.join("data/pg_hba.conf"), GUARDED)
        .unwrap_or_else(|error| panic!("the server cannot be configured: {error}"));
    folder
}

/// A file that only the server can read.
fn write(folder: &Path, name: &str, text: &str) {
    let file = folder.join("data").join(name);
    let written = std::fs::write(&file, text)
        .and_then(|()| std::fs::set_permissions(&file, Permissions::from_mode(0o600)))
        .and_then(|()| match std::fs::metadata(folder)?.uid() {
            NOBODY => chown(&file, Some(NOBODY), Some(NOBODY)),
            _ => Ok(()),
        });
    written.unwrap_or_else(|error| panic!("{} cannot be written: {error}", file.display()));
}

/// The command as the one who owns the folder.
fn unprivileged<'a>(command: &'a mut Command, folder: &Path) -> &'a mut Command {
    let owner = std::fs::metadata(folder).map(|metadata| metadata.uid());
    match owner {
        Ok(NOBODY) => command.uid(NOBODY).gid(NOBODY),
        _ => command,
    }
}

fn is_root(folder: &Path) -> bool {
    std::fs::metadata(folder).is_ok_and(|metadata| metadata.uid() == 0)
}

fn free_port() -> u16 {
    let port = TcpListener::bind(("127.0.0.1", 0)).and_then(|listener| listener.local_addr());
    port.unwrap_or_else(|error| panic!("no free port: {error}")).port()
}
