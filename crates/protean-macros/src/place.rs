//! The place that errors in generated code point at.

use proc_macro2::Span;
use syn::spanned::Spanned;

/// The span of what the user wrote, for generated code: errors point there, and lints
/// ignore it.
pub(crate) fn at(tokens: &impl Spanned) -> Span {
    tokens.span().resolved_at(Span::call_site())
}
