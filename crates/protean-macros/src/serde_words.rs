//! The options that a user gives serde.

use syn::ext::IdentExt;
use syn::parse::Parse;
use syn::{Attribute, LitStr, Token, Variant};

/// The first word of each option in the `#[serde(…)]` attributes.
pub(crate) fn serde_words(attributes: &[Attribute]) -> Vec<String> {
    let mut words = Vec::new();
    let serde = attributes.iter().filter(|attribute| attribute.path().is_ident("serde"));
    for attribute in serde {
        // Serde reports faults in its attributes itself.
        let _ = attribute.parse_nested_meta(|meta| {
            words.extend(meta.path.get_ident().map(ToString::to_string));
            if meta.input.peek(Token![=]) {
                meta.value()?.call(syn::Expr::parse)?;
            } else if meta.input.peek(syn::token::Paren) {
                let content;
                syn::parenthesized!(content in meta.input);
                content.call(proc_macro2::TokenStream::parse)?;
            }
            Ok(())
        });
    }
    words
}

/// The name of a variant in JSON and in rows.
pub(crate) fn variant_name(variant: &Variant) -> String {
    let mut renamed = None;
    let serde = variant.attrs.iter().filter(|attribute| attribute.path().is_ident("serde"));
    for attribute in serde {
        // Serde reports faults in its attributes itself.
        let _ = attribute.parse_nested_meta(|meta| {
            if meta.path.is_ident("rename") && meta.input.peek(Token![=]) {
                renamed = Some(meta.value()?.parse::<LitStr>()?.value());
            }
            Ok(())
        });
    }
    renamed.unwrap_or_else(|| variant.ident.unraw().to_string())
}
