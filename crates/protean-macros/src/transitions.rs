//! `#[transitions(Draft => [Placed, Cancelled], …)]`: which state may follow which.

use proc_macro2::{Ident, TokenStream};
use quote::quote;
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::{Attribute, ItemEnum, Token, bracketed};

use crate::faults::{Faults, refused};
use crate::nearest::nearest;
use crate::serde_words::variant_name;

const EXPECTED_FORM: &str =
    "write `#[transitions(Draft => [Placed, Cancelled], Placed => [Shipped])]`";

/// The states that may follow one.
struct Transition {
    from: Ident,
    to: Vec<Ident>,
}

impl Parse for Transition {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let formed = |error: syn::Error| syn::Error::new(error.span(), EXPECTED_FORM);
        let from = input.parse().map_err(formed)?;
        input.parse::<Token![=>]>().map_err(formed)?;
        if !input.peek(syn::token::Bracket) {
            return Err(input.error(EXPECTED_FORM));
        }
        let content;
        bracketed!(content in input);
        let to = Punctuated::<Ident, Token![,]>::parse_terminated(&content).map_err(formed)?;
        Ok(Self { from, to: to.into_iter().collect() })
    }
}

/// Removes `#[transitions]` from the enum and returns the method of `Choice` that implements it.
pub(crate) fn take(item: &mut ItemEnum, faults: &mut Faults) -> TokenStream {
    let ours = |attribute: &mut Attribute| attribute.path().is_ident("transitions");
    let attributes: Vec<Attribute> = item.attrs.extract_if(.., ours).collect();
    let Some(attribute) = attributes.first() else { return TokenStream::new() };
    if let Some(second) = attributes.get(1) {
        faults.add(second, "`#[transitions]` is given twice: write one list");
    }
    let parser = Punctuated::<Transition, Token![,]>::parse_terminated;
    let parsed = attribute.parse_args_with(parser);
    let Some(transitions) = faults.take(parsed) else { return TokenStream::new() };
    let transitions: Vec<Transition> = transitions.into_iter().collect();
    refuse(item, &transitions, faults);
    method(item, &transitions)
}

fn refuse(item: &ItemEnum, transitions: &[Transition], faults: &mut Faults) {
    let names: Vec<String> =
        item.variants.iter().map(|variant| variant.ident.to_string()).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    for (at, Transition { from, to }) in transitions.iter().enumerate() {
        for state in std::iter::once(from).chain(to) {
            faults.take(known(state, &names, &item.ident));
        }
        if transitions[..at].iter().any(|other| other.from == *from) {
            faults.add(from, format!("`{from}` is listed twice: merge the two lists"));
        }
        if let Some(same) = to.iter().find(|to| *to == from) {
            faults.add(same, format!("a state may always stay the same: remove `{same}` here"));
        }
    }
}

fn known(state: &Ident, names: &[&str], of: &Ident) -> syn::Result<()> {
    if names.iter().any(|name| state == name) {
        return Ok(());
    }
    let hint = match nearest(&state.to_string(), names) {
        Some(known) => format!("write `{known}`"),
        None => format!("use one of `{}`", names.join("`, `")),
    };
    refused(state, format!("`{of}` has no variant `{state}`: {hint}"))
}

/// `Choice::next`: a state that is not listed is final.
fn method(item: &ItemEnum, transitions: &[Transition]) -> TokenStream {
    let names = |wanted: &Ident| {
        let variant = item.variants.iter().find(|variant| variant.ident == *wanted);
        variant.map(variant_name)
    };
    let arms = item.variants.iter().map(|variant| {
        let state = &variant.ident;
        let next = transitions.iter().find(|transition| transition.from == *state);
        let next: Vec<String> =
            next.into_iter().flat_map(|next| &next.to).filter_map(names).collect();
        quote!(Self::#state => &[#(#next),*],)
    });
    quote! {
        fn next(self) -> ::core::option::Option<::protean::model::Transitions> {
            ::core::option::Option::Some(match self { #(#arms)* })
        }
    }
}
