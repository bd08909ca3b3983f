//! Keeps an item that could not be expanded, without the attributes of our macros.

use proc_macro2::TokenStream;
use quote::ToTokens;
use syn::{Attribute, Fields, ImplItem, Item};

/// The attributes that only our macros know.
pub(crate) const INNER: [&str; 6] = ["field", "apply", "invariant", "handle", "on", "transitions"];

/// The item without these attributes, so that the compiler does not report them as well.
pub(crate) fn plain(item: TokenStream) -> TokenStream {
    let Ok(mut parsed) = syn::parse2::<Item>(item.clone()) else { return item };
    match &mut parsed {
        Item::Struct(item) => plain_fields(&mut item.fields),
        Item::Enum(item) => {
            strip(&mut item.attrs);
            for variant in &mut item.variants {
                strip(&mut variant.attrs);
                plain_fields(&mut variant.fields);
            }
        }
        Item::Impl(item) => item.items.iter_mut().for_each(plain_method),
        _ => {}
    }
    parsed.into_token_stream()
}

fn plain_fields(fields: &mut Fields) {
    fields.iter_mut().for_each(|field| strip(&mut field.attrs));
}

fn plain_method(item: &mut ImplItem) {
    if let ImplItem::Fn(method) = item {
        strip(&mut method.attrs);
    }
}

fn strip(attributes: &mut Vec<Attribute>) {
    attributes.retain(|attribute| !INNER.iter().any(|name| attribute.path().is_ident(name)));
}
