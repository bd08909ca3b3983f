//! Where errors in generated code point.

use proc_macro2::Span;
use syn::spanned::Spanned;

/// The place of what the user wrote, for code that the user did not write:
/// errors point there, and lints leave it alone.
pub(crate) fn at(tokens: &impl Spanned) -> Span {
    tokens.span().resolved_at(Span::call_site())
}
