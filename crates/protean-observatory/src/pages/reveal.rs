//! What messages hold is masked until somebody asks to see it.

use maud::{Markup, html};

use crate::visit::Visit;

/// True when the address says that values are shown.
pub(crate) fn is_revealed(visit: &Visit<'_>) -> bool {
    visit.query.get("reveal") == Some("payload")
}

/// The button that shows what is masked on the page at this address, or masks it again. The address
/// has a query.
pub(crate) fn button(visit: &Visit<'_>, address: &str, what: &str) -> Markup {
    html! {
        @if is_revealed(visit) {
            a.button href=(address) data-action="mask" { "Mask" }
        } @else {
            a.button href={ (address) "&reveal=payload" } rel="nofollow" data-action="reveal" {
                "Reveal " (what)
            }
        }
    }
}
