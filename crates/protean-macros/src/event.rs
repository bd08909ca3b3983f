//! `#[event]`.

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::ext::IdentExt;
use syn::parse::ParseStream;
use syn::{LitInt, LitStr, Path, Type};

use crate::faults::Faults;
use crate::options::{Known, value};
use crate::place::at;
use crate::structure::Structure;
use crate::{default, fields};

/// The options of events and commands.
#[derive(Default)]
pub(crate) struct MessageOptions {
    pub(crate) part_of: Option<Path>,
    pub(crate) returns: Option<Type>,
    name: Option<LitStr>,
    version: Option<u32>,
}

impl MessageOptions {
    pub(crate) fn read(known: &Known<'_>, options: TokenStream, faults: &mut Faults) -> Self {
        let mut read = Self::default();
        known.read(options, faults, |name, input| read.option(name, input));
        read
    }

    fn option(&mut self, name: &Ident, input: ParseStream<'_>) -> syn::Result<()> {
        match name.to_string().as_str() {
            "part_of" => self.part_of = Some(value(name, input)?),
            "returns" => self.returns = Some(value(name, input)?),
            "name" => self.name = Some(value(name, input)?),
            _ => self.version = Some(version(&value(name, input)?)?),
        }
        Ok(())
    }

    /// The aggregate, which is required.
    pub(crate) fn aggregate(&self, place: &str, owner: &Ident) -> syn::Result<&Path> {
        self.part_of.as_ref().ok_or_else(|| {
            let message =
                format!("the aggregate is missing: write `#[{place}(part_of = Aggregate)]`");
            syn::Error::new_spanned(owner, message)
        })
    }

    /// `NAME` and `VERSION`.
    pub(crate) fn constants(&self, owner: &Ident) -> TokenStream {
        let name = message_name(self.name.as_ref(), owner);
        let version = self.version.map(|version| quote!(const VERSION: u32 = #version;));
        quote! {
            const NAME: &'static str = #name;
            #version
        }
    }
}

/// The given name, or else the name of the struct.
pub(crate) fn message_name(given: Option<&LitStr>, owner: &Ident) -> TokenStream {
    match given {
        Some(name) => name.to_token_stream(),
        None => owner.unraw().to_string().to_token_stream(),
    }
}

pub(crate) fn version(literal: &LitInt) -> syn::Result<u32> {
    match literal.base10_parse()? {
        0 => Err(syn::Error::new_spanned(
            literal,
            "versions begin with 1: write `version = 1` or higher",
        )),
        version => Ok(version),
    }
}

pub(crate) fn expand(
    options: TokenStream,
    item: TokenStream,
    faults: &mut Faults,
) -> syn::Result<TokenStream> {
    let known = Known { place: "#[event]", names: &["part_of", "name", "version"] };
    let options = MessageOptions::read(&known, options, faults);
    let mut event = Structure::parse("#[event]", item, faults)?;
    event.derive_value(faults);
    event.refuse_unique("an event has no columns", faults);
    let (defaults, name) = (default::functions(&event, faults), event.name());
    let fields = fields::implementation(name, &event.fields);
    let message = faults.take(options.aggregate("event", name)).map(|aggregate| {
        let constants = options.constants(name);
        let aggregate = quote_spanned!(at(aggregate)=> type Aggregate = #aggregate;);
        quote! {
            #[automatically_derived]
            impl ::protean::model::Event for #name {
                #constants
                #aggregate
            }
        }
    });
    let (item, versioned) = (&event.item, message.as_ref().map(|_| versioned(name, "Event")));
    Ok(quote!(#item #defaults #fields #message #versioned))
}

/// `impl Versioned`, for an `Event` or a `Command`.
pub(crate) fn versioned(owner: &Ident, kind: &str) -> TokenStream {
    let kind = format_ident!("{kind}");
    let message = quote!(<#owner as ::protean::model::#kind>);
    quote! {
        #[automatically_derived]
        impl ::protean::model::Versioned for #owner {
            type Aggregate = #message::Aggregate;
            const FORM: ::protean::model::Form = ::protean::model::Form {
                kind: ::protean::message::Kind::#kind,
                name: #message::NAME,
                version: #message::VERSION,
            };
        }
    }
}
