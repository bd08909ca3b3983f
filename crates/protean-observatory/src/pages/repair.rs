//! Replaying and purging dead letters: a preview with the count first, then the operation itself.

use maud::{Markup, html};
use protean_core::domain::Operator;
use protean_engine::DeadLetters;
use protean_port::Result;

use super::meant::Meant;
use crate::query::Query;
use crate::text::counted;
use crate::visit::{LOGIN, Page, Visit};

/// What can be done with dead letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Repair {
    /// They are handled again.
    Replay,
    /// They are dropped for good.
    Purge,
}

/// How many dead letters of a handler are concerned.
struct Preview {
    handler: String,
    count: u64,
}

impl Repair {
    /// The page of the preview, which also takes the form.
    pub(crate) fn path(self) -> &'static str {
        match self {
            Self::Replay => "dead-letters/replay",
            Self::Purge => "dead-letters/purge",
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Replay => "replay",
            Self::Purge => "purge",
        }
    }

    fn verb(self) -> &'static str {
        match self {
            Self::Replay => "Replay",
            Self::Purge => "Purge",
        }
    }

    fn title(self) -> &'static str {
        match self {
            Self::Replay => "Replay dead letters",
            Self::Purge => "Purge dead letters",
        }
    }

    fn consequence(self) -> &'static str {
        match self {
            Self::Replay => " would be handled again, each with a fresh count of attempts.",
            Self::Purge => {
                " would be dropped for good: they are never handled, and messages that wait behind \
                 them run at once."
            }
        }
    }

    /// The letters that an address or a form means. What is purged belongs to one handler.
    fn meant(self, visit: &Visit<'_>, query: &Query) -> Option<Meant> {
        Meant::read(visit, query).filter(|meant| self == Self::Replay || meant.group.is_some())
    }

    async fn run(self, letters: DeadLetters<'_>, meant: &Meant) -> Result<u64> {
        match self {
            Self::Replay => letters.replay_matching(&meant.filter).await,
            Self::Purge => letters.purge_matching(&meant.filter).await,
        }
    }
}

/// The links to the previews of both, for these letters: `Replay these…`, `Purge these…`.
pub(crate) fn links(visit: &Visit<'_>, meant: &Meant, which: &str, whose: &str) -> Markup {
    html! {
        span.choices {
            @for repair in [Repair::Replay, Repair::Purge] {
                @if repair == Repair::Replay || meant.group.is_some() {
                    a.button href=(meant.address(visit, repair.path()))
                        data-action={ (repair.name()) "-" (whose) } { (repair.verb()) (which) "…" }
                }
            }
        }
    }
}

/// What would be done, and the button that does it.
///
/// # Errors
/// When the store cannot be read.
pub(crate) async fn preview(visit: &Visit<'_>, repair: Repair) -> Result<Option<Page>> {
    let Some(mut meant) = repair.meant(visit, &visit.query) else { return Ok(None) };
    if repair == Repair::Purge {
        // What is given up later was not counted here, and stays.
        meant.filter.before = Some(visit.domain().clock().now());
    }
    let mut previews = Vec::new();
    for group in meant.groups(visit) {
        let letters = DeadLetters::of(visit.domain(), &group).await?;
        let count = letters.count(&meant.filter).await?;
        if count > 0 {
            previews.push(Preview { handler: group.handler.clone(), count });
        }
    }
    let total: u64 = previews.iter().map(|of| of.count).sum();
    let content = html! {
        p.question data-preview=(total) {
            strong { (counted(total, "message", "messages")) } (repair.consequence())
        }
        @if !previews.is_empty() {
            ul.previews {
                @for of in &previews {
                    li data-handler=(of.handler) data-count=(of.count) {
                        (of.handler) ": " (counted(of.count, "message", "messages"))
                    }
                }
            }
        }
        (conditions(&meant))
        (decision(visit, repair, &meant, total))
    };
    Ok(Some(Page { title: repair.title(), content }))
}

fn conditions(meant: &Meant) -> Markup {
    html! {
        dl.facts {
            @if let Some(name) = &meant.filter.type_name { dt { "Type" } dd { (name) } }
            @if let Some(reason) = &meant.filter.reason { dt { "Reason" } dd { (reason) } }
            @if let Some(position) = meant.filter.position { dt { "Position" } dd { (position) } }
            @if let Some(before) = meant.filter.before { dt { "Given up before" } dd { (before) } }
        }
    }
}

/// The form that starts the operation, shown to operators only.
fn decision(visit: &Visit<'_>, repair: Repair, meant: &Meant, total: u64) -> Markup {
    let fields = meant.fields();
    html! {
        @if visit.operator.is_none() {
            p.notice data-refused {
                "This requires an operator's token. "
                @if visit.is_login_ours { a href=(visit.address(LOGIN)) { "Log in" } }
            }
        } @else if total > 0 {
            form.decision method="post" action=(visit.address(repair.path())) data-action=(repair.name()) {
                @for (name, value) in &fields {
                    @if let Some(value) = value { input type="hidden" name=(name) value=(value); }
                }
                button type="submit" { (repair.verb()) " " (counted(total, "message", "messages")) }
                a href=(visit.address("dead-letters")) { "Cancel" }
            }
        }
    }
}

/// Does what the form says, and returns the address to redirect to; `None` when the form names no
/// dead letters.
///
/// # Errors
/// When the store cannot be read or written; what was done by then is.
pub(crate) async fn carry_out(
    visit: &Visit<'_>,
    repair: Repair,
    form: &Query,
    operator: &Operator,
) -> Result<Option<String>> {
    let Some(meant) = repair.meant(visit, form) else { return Ok(None) };
    let mut count = 0;
    for group in meant.groups(visit) {
        let letters = DeadLetters::of(visit.domain(), &group).await?.by(operator.clone());
        count += repair.run(letters, &meant).await?;
    }
    let done = match repair {
        Repair::Replay => "replayed",
        Repair::Purge => "purged",
    };
    Ok(Some(visit.address_with("dead-letters", &[(done, Some(&count.to_string()))])))
}
