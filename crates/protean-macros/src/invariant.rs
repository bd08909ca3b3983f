//! `#[invariant]`: conditions that must hold before or after a change.

use proc_macro2::{Ident, TokenStream};
use quote::quote;
use syn::parse::{Parse, ParseStream};
use syn::{Attribute, LitStr, ReturnType, Signature, Token, Type};

use crate::faults::refused;
use crate::kind::last_name;
use crate::method;

/// A method that checks a condition.
pub(crate) struct Invariant {
    before: bool,
    method: Ident,
    violation: Option<Violation>,
}

/// `"field" => "message"`.
struct Violation {
    field: LitStr,
    message: LitStr,
}

/// `pre, "field" => "message"`.
struct Options {
    before: bool,
    violation: Option<Violation>,
}

const EXPECTED_FORM: &str =
    "write `#[invariant(post, \"field\" => \"message\")]`, or `pre` instead of `post`";

impl Parse for Options {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let when: Ident =
            input.parse().map_err(|error| syn::Error::new(error.span(), EXPECTED_FORM))?;
        let before = when == "pre";
        if !before && when != "post" {
            return refused(when, EXPECTED_FORM);
        }
        if input.is_empty() {
            return Ok(Self { before, violation: None });
        }
        input.parse::<Token![,]>()?;
        let field = input.parse()?;
        input
            .parse::<Token![=>]>()
            .map_err(|error| syn::Error::new(error.span(), EXPECTED_FORM))?;
        let message = input.parse()?;
        input.parse::<Option<Token![,]>>()?;
        Ok(Self { before, violation: Some(Violation { field, message }) })
    }
}

impl Invariant {
    pub(crate) fn read(attribute: &Attribute, signature: &Signature) -> syn::Result<Self> {
        let arguments = method::arguments(signature, "&self")?;
        if let Some(argument) = arguments.first() {
            let message = "an invariant may only read the aggregate: remove this argument";
            return refused(argument, message);
        }
        if let Some(asynchronous) = &signature.asyncness {
            let message = "an invariant may only read the aggregate: remove `async`";
            return refused(asynchronous, message);
        }
        let Options { before, violation } = attribute.parse_args()?;
        match (&violation, returns_bool(&signature.output)) {
            (None, true) => {
                let message =
                    format!("an invariant that returns `bool` needs a message: {EXPECTED_FORM}");
                refused(attribute, message)
            }
            (Some(_), false) => {
                let message = "an invariant with a message must return `bool`: return `bool`, or remove \
                               the message and return a `Result`";
                refused(&signature.ident, message)
            }
            _ => Ok(Self { before, method: signature.ident.clone(), violation }),
        }
    }

    fn check(&self) -> TokenStream {
        let method = &self.method;
        match &self.violation {
            Some(Violation { field, message }) => quote! {
                if !self.#method() {
                    violations.add(#field, #message);
                }
            },
            None => quote!(::protean::__private::absorb(&mut violations, self.#method());),
        }
    }
}

/// `impl Invariants`.
pub(crate) fn implementation(owner: &Type, invariants: &[Invariant]) -> TokenStream {
    let before = collected("before", invariants.iter().filter(|invariant| invariant.before));
    let after = collected("after", invariants.iter().filter(|invariant| !invariant.before));
    quote! {
        #[automatically_derived]
        impl ::protean::model::Invariants for #owner {
            #before
            #after
        }
    }
}

fn collected<'a>(name: &str, invariants: impl Iterator<Item = &'a Invariant>) -> TokenStream {
    let checks: Vec<TokenStream> = invariants.map(Invariant::check).collect();
    if checks.is_empty() {
        return TokenStream::new();
    }
    let name = quote::format_ident!("{name}");
    quote! {
        fn #name(&self) -> ::protean::Violations {
            let mut violations = ::protean::Violations::new();
            #(#checks)*
            violations
        }
    }
}

fn returns_bool(output: &ReturnType) -> bool {
    match output {
        ReturnType::Type(_, ty) => last_name(ty).as_deref() == Some("bool"),
        ReturnType::Default => false,
    }
}
