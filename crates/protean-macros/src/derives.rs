//! The derives that a macro adds, unless the user wrote them.

use quote::quote;
use syn::punctuated::Punctuated;
use syn::{Attribute, Path, Token, parse_quote};

use crate::field::Field;
use crate::serde_words::serde_words;

/// The derives of every value.
pub(crate) const VALUE: [&str; 3] = ["Clone", "Debug", "PartialEq"];

/// Adds these derives of the standard library.
pub(crate) fn add(attributes: &mut Vec<Attribute>, names: &[&str]) {
    let present = derived(attributes);
    let paths: Vec<Path> = names
        .iter()
        .filter(|name| !present.iter().any(|other| other == *name))
        .map(|name| standard(name))
        .collect();
    if !paths.is_empty() {
        attributes.insert(0, parse_quote!(#[derive(#(#paths),*)]));
    }
}

/// Adds `Serialize` and `Deserialize`, from the serde that the facade re-exports.
pub(crate) fn add_serde(attributes: &mut Vec<Attribute>) {
    let present = derived(attributes);
    let missing: Vec<&str> = ["Serialize", "Deserialize"]
        .into_iter()
        .filter(|name| !present.iter().any(|other| other == name))
        .collect();
    if missing.is_empty() {
        return;
    }
    if !serde_words(attributes).iter().any(|word| word == "crate") {
        attributes.insert(0, parse_quote!(#[serde(crate = "::protean::__private::serde")]));
    }
    let paths = missing.iter().map(|name| {
        let name = quote::format_ident!("{name}");
        quote!(::protean::__private::serde::#name)
    });
    attributes.insert(0, parse_quote!(#[derive(#(#paths),*)]));
}

/// Makes serde use the field's default when the field is missing from JSON.
pub(crate) fn add_serde_default(
    owner: &syn::Ident,
    field: &Field,
    attributes: &mut Vec<Attribute>,
) {
    if serde_words(attributes).iter().any(|word| word == "default") {
        return;
    }
    if field.default.is_some() {
        let path = format!("{owner}::{}", field.default_function());
        attributes.push(parse_quote!(#[serde(default = #path)]));
    } else if field.optional {
        attributes.push(parse_quote!(#[serde(default)]));
    }
}

/// Makes serde take the names that a field had before.
pub(crate) fn add_serde_aliases(field: &Field, attributes: &mut Vec<Attribute>) {
    for name in field.renamed_from.iter().flat_map(|renamed| &renamed.names) {
        attributes.push(parse_quote!(#[serde(alias = #name)]));
    }
}

fn derived(attributes: &[Attribute]) -> Vec<String> {
    let derives = attributes.iter().filter(|attribute| attribute.path().is_ident("derive"));
    let parse = Punctuated::<Path, Token![,]>::parse_terminated;
    derives
        .filter_map(|derive| derive.parse_args_with(parse).ok())
        .flatten()
        .filter_map(|path| path.segments.last().map(|last| last.ident.to_string()))
        .collect()
}

fn standard(name: &str) -> Path {
    match name {
        "Clone" => parse_quote!(::core::clone::Clone),
        "Copy" => parse_quote!(::core::marker::Copy),
        "PartialOrd" => parse_quote!(::core::cmp::PartialOrd),
        "Ord" => parse_quote!(::core::cmp::Ord),
        "PartialEq" => parse_quote!(::core::cmp::PartialEq),
        "Eq" => parse_quote!(::core::cmp::Eq),
        "Hash" => parse_quote!(::core::hash::Hash),
        _ => parse_quote!(::core::fmt::Debug),
    }
}
