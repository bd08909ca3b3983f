//! `#[invariant]`: what must hold before and after a change.

use proc_macro2::{Ident, TokenStream};
use quote::quote;
use syn::parse::{Parse, ParseStream};
use syn::{Attribute, LitStr, ReturnType, Signature, Token, Type};

use crate::kind::last_name;
use crate::method;

/// A method that checks the state.
pub(crate) struct Invariant {
    before: bool,
    method: Ident,
    complaint: Option<Complaint>,
}

/// `"field" => "message"`.
struct Complaint {
    field: LitStr,
    message: LitStr,
}

/// `pre, "field" => "message"`.
struct Options {
    before: bool,
    complaint: Option<Complaint>,
}

const FORM: &str = "write `#[invariant(post, \"field\" => \"message\")]`, or `pre`";

impl Parse for Options {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let when: Ident = input.parse().map_err(|error| syn::Error::new(error.span(), FORM))?;
        let before = when == "pre";
        if !before && when != "post" {
            return Err(syn::Error::new_spanned(when, FORM));
        }
        if input.is_empty() {
            return Ok(Self { before, complaint: None });
        }
        input.parse::<Token![,]>()?;
        let field = input.parse()?;
        input.parse::<Token![=>]>().map_err(|error| syn::Error::new(error.span(), FORM))?;
        let message = input.parse()?;
        input.parse::<Option<Token![,]>>()?;
        Ok(Self { before, complaint: Some(Complaint { field, message }) })
    }
}

impl Invariant {
    pub(crate) fn read(attribute: &Attribute, signature: &Signature) -> syn::Result<Self> {
        let arguments = method::arguments(signature, "&self")?;
        if let Some(argument) = arguments.first() {
            let told = "an invariant looks at the aggregate only: remove this argument";
            return Err(syn::Error::new_spanned(argument, told));
        }
        if let Some(asynchronous) = &signature.asyncness {
            let told = "an invariant looks at the aggregate only: remove `async`";
            return Err(syn::Error::new_spanned(asynchronous, told));
        }
        let Options { before, complaint } = attribute.parse_args()?;
        match (&complaint, returns_bool(&signature.output)) {
            (None, true) => {
                let told = format!("what is to be said when it does not hold? {FORM}");
                Err(syn::Error::new_spanned(attribute, told))
            }
            (Some(_), false) => {
                let told = "with a message the method returns `bool`; \
                            without one it returns a `Result` and says itself what is wrong";
                Err(syn::Error::new_spanned(&signature.ident, told))
            }
            _ => Ok(Self { before, method: signature.ident.clone(), complaint }),
        }
    }

    fn check(&self) -> TokenStream {
        let method = &self.method;
        match &self.complaint {
            Some(Complaint { field, message }) => quote! {
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
