//! `#[external_event]`.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::{Expr, LitStr};

use crate::event::version;
use crate::faults::{Faults, refused};
use crate::options::{Known, value};
use crate::place::at;
use crate::structure::Structure;
use crate::{default, fields};

const OPTIONS: Known<'static> =
    Known { place: "#[external_event]", names: &["name", "version", "upcast"] };

#[derive(Default)]
struct Options {
    name: Option<LitStr>,
    version: Option<u32>,
    /// The function that reads earlier versions.
    upcast: Option<Expr>,
}

pub(crate) fn expand(
    tokens: TokenStream,
    item: TokenStream,
    faults: &mut Faults,
) -> syn::Result<TokenStream> {
    let mut options = Options::default();
    OPTIONS.read(tokens, faults, |name, input| {
        match name.to_string().as_str() {
            "name" => options.name = Some(value(name, input)?),
            "version" => options.version = Some(version(&value(name, input)?)?),
            _ => options.upcast = Some(value(name, input)?),
        }
        Ok(())
    });
    let mut event = Structure::parse("#[external_event]", item, faults)?;
    event.derive_value(faults);
    event.refuse_unique("an event of another domain has no columns", faults);
    event.refuse_renamed(
        "an event of another domain has none; write `#[serde(rename = \"…\")]` for a field that has \
         another name there",
        faults,
    );
    event.refuse_stamps("an event of another domain has no row; remove this option", faults);
    let defaults = default::functions(&event, faults);
    let fields = fields::of_json(&event.item, &event.fields);
    let implementation = faults.take(options.implementation(&event));
    let item = &event.item;
    Ok(quote!(#item #defaults #fields #implementation))
}

impl Options {
    fn implementation(&self, event: &Structure) -> syn::Result<TokenStream> {
        let owner = event.name();
        let Some(name) = &self.name else {
            let message = "the type of the event is missing: write \
                           `#[external_event(name = \"Bank.AccountOpened\")]`, as it is in the stream";
            return refused(owner, message);
        };
        check_name(name)?;
        let version = self.version.map(|version| quote!(const VERSION: u32 = #version;));
        let upcast = self.upcast.as_ref().map(|function| {
            let call = quote_spanned!(at(function)=> (#function)(data, from));
            quote! {
                fn upcast(
                    data: &mut ::protean::MessageData,
                    from: u32,
                ) -> ::protean::Result {
                    #call
                }
            }
        });
        Ok(quote! {
            #[automatically_derived]
            impl ::protean::model::ExternalEvent for #owner {
                const NAME: &'static str = #name;
                #version
                #upcast
            }
        })
    }
}

/// Refuses a name that no message of a domain has.
fn check_name(name: &LitStr) -> syn::Result<()> {
    let text = name.value();
    let is_version = |end: &str| !end.is_empty() && end.chars().all(|c| c.is_ascii_digit());
    if let Some((stem, number)) = text.rsplit_once(".v").filter(|(_, end)| is_version(end)) {
        return refused(
            name,
            format!(
                "the version is an option of its own: write `name = \"{stem}\", version = {number}`"
            ),
        );
    }
    match text.split_once('.') {
        Some((domain, event)) if !domain.is_empty() && !event.is_empty() => Ok(()),
        _ => refused(
            name,
            "the name begins with the domain, as in the stream: write `name = \"Bank.AccountOpened\"`",
        ),
    }
}
