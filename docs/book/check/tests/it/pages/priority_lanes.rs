use protean::prelude::*;
use protean::{Submission, aggregate, aggregate_impl, command, command_handler};

#[command(part_of = Account)]
struct OpenAccount {
    #[field(identifier)]
    number: Id,
    #[field(min_length = 1)]
    holder: String,
}

#[aggregate(commands(OpenAccount))]
struct Account {
    root: Root<Account>,
    holder: String,
}

#[aggregate_impl]
impl Account {}

struct Accounts;

#[command_handler(part_of = Account)]
impl Accounts {
    #[handle]
    async fn open(&self, command: OpenAccount, ctx: &Context) -> Handled {
        let account = Account { root: Root::with_id(command.number), holder: command.holder };
        Ok(ctx.repository::<Account>().add(account).await?)
    }
}

/// A row of the export of another bank.
struct Record {
    line: u64,
    number: String,
    command: OpenAccount,
}

/// Reads the export.
struct Reader(Vec<(&'static str, &'static str)>);

impl Reader {
    fn records(self) -> impl Iterator<Item = Record> + Send {
        self.0.into_iter().enumerate().map(|(at, (number, holder))| Record {
            line: at as u64 + 1,
            number: number.to_owned(),
            command: OpenAccount { number: number.into(), holder: holder.to_owned() },
        })
    }
}

async fn import(reader: Reader, domain: &Domain) -> Result<protean::ImportProgress> {
    let rows = reader
        .records()
        .map(|row| Submission::new(row.command).idempotency_key(row.number).reference(row.line));
    let progress = domain
        .process_all(rows)
        .priority(Priority::BULK)
        .on_progress(|progress| eprintln!("{} accepted", progress.accepted))
        .on_rejected(|rejection| eprintln!("line {}: {}", rejection.reference, rejection.error))
        .await?;
    Ok(progress)
}

#[tokio::test]
async fn an_import_that_runs_again_adds_nothing() -> Result<(), Box<dyn std::error::Error>> {
    let domain = protean::domain("bank").aggregate::<Account>().register(Accounts);
    let domain = domain.config("databases.default.provider = \"memory\"").build()?;
    let rows = || Reader(vec![("1", "Ada"), ("2", ""), ("3", "Grace")]);
    let first = import(rows(), &domain).await?;
    assert_eq!((first.accepted, first.rejected), (2, 1));
    let again = import(rows(), &domain).await?;
    assert_eq!((again.accepted, again.duplicate, again.rejected), (0, 2, 1));
    Ok(())
}
