//! A request for a page, and the page's content before the layout is added.

use maud::Markup;
use protean_core::domain::{Domain, Operator};

use crate::query::{Query, address};
use crate::shared::Shared;

/// The path of the form that asks for a token.
pub(crate) const LOGIN: &str = "login";
/// Where a session ends.
pub(crate) const LOGOUT: &str = "logout";
/// The path of the events that bring snapshots.
pub(crate) const STREAM: &str = "stream";

/// A request for a page.
pub(crate) struct Visit<'a> {
    pub(crate) shared: &'a Shared,
    /// The path below the base, such as `lanes`.
    pub(crate) path: &'a str,
    pub(crate) query: Query,
    /// The operator who makes the request, if known.
    pub(crate) operator: Option<Operator>,
    /// True when the pages' own login applies.
    pub(crate) is_login_ours: bool,
}

impl Visit<'_> {
    pub(crate) fn domain(&self) -> &Domain {
        &self.shared.domain
    }

    /// The address of a page: `/observatory/lanes`.
    pub(crate) fn address(&self, path: &str) -> String {
        format!("{}/{path}", self.shared.base)
    }

    /// The address of a page with a query.
    pub(crate) fn address_with(&self, path: &str, values: &[(&str, Option<&str>)]) -> String {
        address(&self.address(path), values)
    }

    /// The address of the login form, which leads back to this page.
    pub(crate) fn login_address(&self) -> String {
        self.address_with(LOGIN, &[("next", Some(self.path))])
    }
}

/// A page without its frame.
pub(crate) struct Page {
    pub(crate) title: &'static str,
    pub(crate) content: Markup,
}
