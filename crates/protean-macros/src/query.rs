//! `#[query]`.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::Type;

use crate::event::message_name;
use crate::faults::Faults;
use crate::options::{Known, value};
use crate::place::at;
use crate::structure::Structure;
use crate::{derives, fields};

pub(crate) fn expand(
    options: TokenStream,
    item: TokenStream,
    faults: &mut Faults,
) -> syn::Result<TokenStream> {
    let mut returns: Option<Type> = None;
    Known { place: "#[query]", names: &["returns"] }.read(options, faults, |name, input| {
        returns = Some(value(name, input)?);
        Ok(())
    });
    let mut query = Structure::parse("#[query]", item, faults)?;
    derives::add(&mut query.item.attrs, &["Clone", "Debug"]);
    query.refuse_unique("a query has no columns", faults);
    query.refuse_stamps("a query is not stored; set the field yourself", faults);
    query.refuse_renamed("a query is not stored; remove this option", faults);
    for field in &query.fields {
        if let Some(default) = &field.default {
            faults.add(default, "a query has no defaults: remove this option, and set the field where the query is made");
        }
    }
    let name = query.name();
    let fields = fields::implementation(&query.item, &query.fields);
    let message = returns.map(|output| {
        let (stored_name, span) = (message_name(None, name), at(&output));
        let output = quote_spanned!(span=> type Output = #output;);
        quote! {
            #[automatically_derived]
            impl ::protean::model::Query for #name {
                const NAME: &'static str = #stored_name;
                #output
            }
        }
    });
    if message.is_none() {
        faults.add(name, "the type of the answer is missing: write `#[query(returns = Type)]`");
    }
    let item = &query.item;
    Ok(quote!(#item #fields #message))
}
