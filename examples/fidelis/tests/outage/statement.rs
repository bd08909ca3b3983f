//! The statement of each account, by a handler that can be broken and mended
//! from outside while it works.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};

use fidelis::account::{AccountOpened, DepositMade};
use protean::prelude::{Context, Id};
use protean::{Error, Handled, projection, projector};

const ALL: &str = "*";

/// What has happened to an account, line by line.
#[projection]
pub(crate) struct Statement {
    #[field(identifier)]
    pub(crate) account_id: Id,
    pub(crate) lines: Vec<String>,
}

/// What statements are printed with: it is asked at each call whether it is
/// broken, and keeps a journal of all calls.
#[derive(Clone)]
pub(crate) struct Printer {
    broken: PathBuf,
    journal: PathBuf,
}

/// A call of the handler.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Call {
    /// When, in microseconds since 1970.
    pub(crate) at: i64,
    pub(crate) failed: bool,
}

impl Printer {
    pub(crate) fn of(folder: &Path) -> Self {
        Self { broken: folder.join("broken"), journal: folder.join("journal") }
    }

    pub(crate) fn break_for(&self, accounts: &[Id]) {
        let names: Vec<&str> = accounts.iter().map(Id::as_str).collect();
        self.set(&names.join("\n"));
    }

    pub(crate) fn break_for_all(&self) {
        self.set(ALL);
    }

    pub(crate) fn mend(&self) {
        self.set("");
    }

    /// All at once, so that no call finds half of it.
    fn set(&self, broken: &str) {
        let draft = self.broken.with_extension("draft");
        std::fs::write(&draft, broken).unwrap();
        std::fs::rename(draft, &self.broken).unwrap();
    }

    fn is_broken_for(&self, account: &Id) -> bool {
        let broken = std::fs::read_to_string(&self.broken).unwrap_or_default();
        broken.lines().any(|line| line == ALL || line == account.as_str())
    }

    /// The calls for each message, by its position in the log.
    pub(crate) fn calls(&self) -> BTreeMap<u64, Vec<Call>> {
        let mut calls: BTreeMap<u64, Vec<Call>> = BTreeMap::new();
        for line in std::fs::read_to_string(&self.journal).unwrap_or_default().lines() {
            let words: Vec<&str> = line.split(' ').collect();
            let call = Call { at: words[1].parse().unwrap(), failed: words[2] == "failed" };
            calls.entry(words[0].parse().unwrap()).or_default().push(call);
        }
        calls
    }

    fn print(&self, account: &Id, ctx: &Context) -> Handled<()> {
        let failed = self.is_broken_for(account);
        let position = ctx.message().map_or(0, |recorded| recorded.position);
        let word = if failed { "failed" } else { "done" };
        let line = format!("{position} {} {word}\n", ctx.now().as_micros());
        let journal = OpenOptions::new().create(true).append(true).open(&self.journal);
        journal.and_then(|mut journal| journal.write_all(line.as_bytes())).unwrap();
        if failed { Err(Error::failed("out of paper").into()) } else { Ok(()) }
    }
}

/// Keeps the statements.
pub(crate) struct StatementProjector(pub Printer);

#[projector(projection = Statement)]
impl StatementProjector {
    #[on]
    async fn opened(&self, event: AccountOpened, ctx: &Context) -> Handled {
        self.0.print(&event.account_id, ctx)?;
        let (account_id, lines) = (event.account_id, vec!["opened".to_owned()]);
        Ok(ctx.repository::<Statement>().add(Statement { account_id, lines }).await?)
    }

    #[on]
    async fn deposited(&self, event: DepositMade, ctx: &Context) -> Handled {
        self.0.print(&event.account_id, ctx)?;
        let mut statement = ctx.repository::<Statement>().get(&event.account_id).await?;
        statement.lines.extend(event.reference);
        Ok(ctx.repository::<Statement>().add(statement).await?)
    }
}
