//! `#[invariant]`: conditions that must hold before or after a change.

use proc_macro2::{Ident, TokenStream};
use quote::quote;
use syn::parse::{Parse, ParseStream};
use syn::{Attribute, LitStr, Meta, ReturnType, Signature, Token, Type};

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

/// `pre, "field" => "message"`, each part of which may be missing.
#[derive(Default)]
struct Options {
    when: Option<Ident>,
    violation: Option<Violation>,
}

const EXPECTED_FORM: &str =
    "write `#[invariant(post, \"field\" => \"message\")]`, or `pre` instead of `post`";

const EXPECTED_OF_VALUE: &str = "write `#[invariant(\"field\" => \"message\")]`";

impl Parse for Options {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let mut read = Self::default();
        if !input.peek(LitStr) {
            read.when = Some(input.parse()?);
            if input.is_empty() {
                return Ok(read);
            }
            input.parse::<Token![,]>()?;
        }
        let field = input.parse()?;
        input.parse::<Token![=>]>()?;
        let message = input.parse()?;
        input.parse::<Option<Token![,]>>()?;
        read.violation = Some(Violation { field, message });
        Ok(read)
    }
}

impl Options {
    fn read(attribute: &Attribute, form: &str) -> syn::Result<Self> {
        match &attribute.meta {
            Meta::Path(_) => Ok(Self::default()),
            _ => attribute.parse_args().map_err(|error| syn::Error::new(error.span(), form)),
        }
    }
}

impl Invariant {
    /// Reads an invariant of an aggregate, which holds before or after a change.
    pub(crate) fn read(attribute: &Attribute, signature: &Signature) -> syn::Result<Self> {
        let options = Options::read(attribute, EXPECTED_FORM)?;
        let before = match &options.when {
            Some(when) if when == "pre" => true,
            Some(when) if when == "post" => false,
            Some(other) => return refused(other, EXPECTED_FORM),
            None => return refused(attribute, EXPECTED_FORM),
        };
        Self::checked(before, options, attribute, signature, EXPECTED_FORM)
    }

    /// Reads an invariant of a value object or an entity, which always holds.
    pub(crate) fn of_value(attribute: &Attribute, signature: &Signature) -> syn::Result<Self> {
        let options = Options::read(attribute, EXPECTED_OF_VALUE)?;
        if let Some(when) = options.when.as_ref().filter(|when| *when != "post") {
            let message = format!(
                "an invariant of a value always holds; only aggregates are checked before a \
                 change: {EXPECTED_OF_VALUE}"
            );
            return refused(when, message);
        }
        Self::checked(false, options, attribute, signature, EXPECTED_OF_VALUE)
    }

    fn checked(
        before: bool,
        options: Options,
        attribute: &Attribute,
        signature: &Signature,
        form: &str,
    ) -> syn::Result<Self> {
        let arguments = method::arguments(signature, "&self")?;
        if let Some(argument) = arguments.first() {
            let message = "an invariant may only read its own type: remove this argument";
            return refused(argument, message);
        }
        if let Some(asynchronous) = &signature.asyncness {
            let message = "an invariant may only read its own type: remove `async`";
            return refused(asynchronous, message);
        }
        let violation = options.violation;
        match (&violation, returns_bool(&signature.output)) {
            (None, true) => {
                let message = format!("an invariant that returns `bool` needs a message: {form}");
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
