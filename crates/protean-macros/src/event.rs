//! `#[event]`.

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::ext::IdentExt;
use syn::parse::ParseStream;
use syn::{LitInt, LitStr, Path, Type};

use crate::faults::{Faults, refused};
use crate::options::{Known, value};
use crate::place::at;
use crate::structure::Structure;
use crate::{default, fields};

/// The options of events and commands.
#[derive(Default)]
pub(crate) struct MessageOptions {
    part_of: Option<Path>,
    pub(crate) returns: Option<Type>,
    name: Option<LitStr>,
    version: Option<u32>,
    is_published: bool,
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
            "published" => self.is_published = true,
            "name" => self.name = Some(value(name, input)?),
            _ => self.version = Some(version(&value(name, input)?)?),
        }
        Ok(())
    }

    /// `impl Event` or `impl Command`, with what only that `kind` has, and `impl Versioned`.
    pub(crate) fn implementation(
        &self,
        kind: &str,
        owner: &Ident,
        more: &TokenStream,
        faults: &mut Faults,
    ) -> TokenStream {
        let Some(aggregate) = &self.part_of else {
            let place = kind.to_lowercase();
            let message =
                format!("the aggregate is missing: write `#[{place}(part_of = Aggregate)]`");
            faults.add(owner, message);
            return TokenStream::new();
        };
        let (kind, name) = (format_ident!("{kind}"), message_name(self.name.as_ref(), owner));
        let version = self.version.map(|version| quote!(const VERSION: u32 = #version;));
        let published = self.is_published.then(|| {
            quote!(
                const PUBLISHED: bool = true;
            )
        });
        let aggregate = quote_spanned!(at(aggregate)=> type Aggregate = #aggregate;);
        let message = quote!(<#owner as ::protean::model::#kind>);
        quote! {
            #[automatically_derived]
            impl ::protean::model::#kind for #owner {
                const NAME: &'static str = #name;
                #version
                #published
                #aggregate
                #more
            }

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
        0 => refused(literal, "versions begin with 1: write `version = 1` or higher"),
        version => Ok(version),
    }
}

pub(crate) fn expand(
    options: TokenStream,
    item: TokenStream,
    faults: &mut Faults,
) -> syn::Result<TokenStream> {
    let known = Known { place: "#[event]", names: &["part_of", "name", "version", "published"] };
    expand_as(&known, options, item, faults)
}

/// A timer, which is an event of a process and concerns nobody else.
pub(crate) fn expand_timer(
    options: TokenStream,
    item: TokenStream,
    faults: &mut Faults,
) -> syn::Result<TokenStream> {
    let known = Known { place: "#[timer]", names: &["part_of", "name", "version"] };
    expand_as(&known, options, item, faults)
}

fn expand_as(
    known: &Known<'_>,
    options: TokenStream,
    item: TokenStream,
    faults: &mut Faults,
) -> syn::Result<TokenStream> {
    let options = MessageOptions::read(known, options, faults);
    let mut event = Structure::parse("#[event]", item, faults)?;
    event.derive_value(faults);
    event.refuse_unique("an event has no columns", faults);
    event.refuse_renamed(
        "an event is kept in the log as it is; give it its next `version` and an `Upcast` that \
         renames the field",
        faults,
    );
    event.refuse_stamps("an event has no row; set the field yourself", faults);
    let (defaults, name) = (default::functions(&event, faults), event.name());
    let fields = fields::of_json(&event.item, &event.fields);
    let message = options.implementation("Event", name, &TokenStream::new(), faults);
    let item = &event.item;
    Ok(quote!(#item #defaults #fields #message))
}
