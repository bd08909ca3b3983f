//! A library that lends books for two weeks, and reminds readers of those that are not back.
//!
//! You learn how to test each part of a domain with given, when and then, without a mock, a server or a
//! pause: the domain is here, and each test in `tests/loans.rs` shows another way to ask. `cargo test -p
//! testing` runs them. Read `parcels` next, a program in three versions, or the showcases `fidelis` and
//! `bookshelf`.
#![expect(missing_docs, reason = "the names are the library's own words")]

use std::time::Duration;

use protean::prelude::{Context, Id, Result, Root};
use protean::{
    DomainBuilder, aggregate, aggregate_impl, command, command_handler, ensure, event, projection,
    projector,
};

pub const LOAN_TIME: Duration = Duration::from_secs(14 * 24 * 3600);

#[event(part_of = Loan)]
#[derive(PartialEq)]
pub struct BookLent {
    pub loan_id: Id,
    pub title: String,
}

#[event(part_of = Loan)]
#[derive(PartialEq)]
pub struct BookReturned {
    pub loan_id: Id,
}

#[event(part_of = Loan)]
#[derive(PartialEq)]
pub struct ReaderReminded {
    pub loan_id: Id,
}

#[command(part_of = Loan, returns = Id)]
pub struct LendBook {
    #[field(max_length = 200, blank = false)]
    pub title: String,
}

#[command(part_of = Loan)]
pub struct ReturnBook {
    #[field(identifier)]
    pub loan_id: Id,
}

#[command(part_of = Loan)]
#[derive(PartialEq)]
pub struct RemindReader {
    #[field(identifier)]
    pub loan_id: Id,
}

/// A book in the hands of a reader.
#[aggregate(event_sourced, commands(LendBook, ReturnBook, RemindReader))]
pub struct Loan {
    root: Root<Loan>,
    pub title: String,
    pub returned: bool,
}

#[aggregate_impl]
impl Loan {
    pub fn lend(title: String) -> Result<Self> {
        let mut loan = Self::create();
        loan.raise(BookLent { loan_id: loan.id(), title })?;
        Ok(loan)
    }

    pub fn take_back(&mut self) -> Result {
        ensure!(!self.returned, "returned" => "'{}' is back already", self.title);
        self.raise(BookReturned { loan_id: self.id() })
    }

    pub fn remind(&mut self) -> Result {
        if self.returned {
            return Ok(());
        }
        self.raise(ReaderReminded { loan_id: self.id() })
    }

    #[apply]
    fn on_lent(&mut self, event: &BookLent) {
        self.title.clone_from(&event.title);
    }

    #[apply]
    fn on_returned(&mut self, _event: &BookReturned) {
        self.returned = true;
    }

    #[apply]
    fn on_reminded(&mut self, _event: &ReaderReminded) {}
}

pub struct LoanCommandHandler;

#[command_handler(part_of = Loan)]
impl LoanCommandHandler {
    #[handle]
    async fn lend(&self, command: LendBook, ctx: &Context) -> Result<Id> {
        let loan = Loan::lend(command.title)?;
        let loan_id = loan.id();
        ctx.repository::<Loan>().add(loan).await?;
        ctx.command(RemindReader { loan_id: loan_id.clone() }).after(LOAN_TIME).issue()?;
        Ok(loan_id)
    }

    #[handle]
    async fn take_back(&self, command: ReturnBook, ctx: &Context) -> Result {
        let mut loan = ctx.repository::<Loan>().get(&command.loan_id).await?;
        loan.take_back()?;
        ctx.repository::<Loan>().add(loan).await
    }

    #[handle]
    async fn remind(&self, command: RemindReader, ctx: &Context) -> Result {
        let mut loan = ctx.repository::<Loan>().get(&command.loan_id).await?;
        loan.remind()?;
        ctx.repository::<Loan>().add(loan).await
    }
}

/// A book that should be back.
#[projection]
#[derive(Debug, PartialEq)]
pub struct OverdueBook {
    #[field(identifier)]
    pub loan_id: Id,
}

pub struct OverdueBookProjector;

#[projector(projection = OverdueBook)]
impl OverdueBookProjector {
    #[on]
    async fn reminded(&self, event: ReaderReminded, ctx: &Context) -> Result {
        ctx.repository::<OverdueBook>().add(OverdueBook { loan_id: event.loan_id }).await
    }

    #[on]
    async fn returned(&self, event: BookReturned, ctx: &Context) -> Result {
        let rows = ctx.repository::<OverdueBook>();
        match rows.find(&event.loan_id).await? {
            Some(row) => rows.remove(row).await,
            None => Ok(()),
        }
    }
}

pub fn library() -> DomainBuilder {
    protean::domain("library")
        .aggregate::<Loan>()
        .register(LoanCommandHandler)
        .register(OverdueBookProjector)
}
