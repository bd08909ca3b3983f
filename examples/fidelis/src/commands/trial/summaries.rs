//! Reads all summaries, page by page.

use fidelis::summary::AccountSummary;
use protean::Reader;
use protean::{Domain, Id, Result};

const PAGE: usize = 1000;

/// All summaries, in the order of their identities.
pub(crate) struct Summaries {
    rows: Reader<AccountSummary>,
    after: Id,
}

impl Summaries {
    /// # Errors
    /// When the database cannot be opened.
    pub(crate) async fn of(domain: &Domain) -> Result<Self> {
        Ok(Self { rows: domain.repository().await?, after: Id::from("") })
    }

    /// The next page; empty at the end.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub(crate) async fn next_page(&mut self) -> Result<Vec<AccountSummary>> {
        let page = self
            .rows
            .query()
            .filter(AccountSummary::ACCOUNT_ID.above(self.after.clone()))
            .order_by(AccountSummary::ACCOUNT_ID.ascending())
            .limit(PAGE)
            .all()
            .await?;
        if let Some(last) = page.last() {
            self.after = last.account_id.clone();
        }
        Ok(page)
    }
}
