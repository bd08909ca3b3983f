//! An item that could not be expanded, as it would be without our attributes.

use proc_macro2::TokenStream;
use quote::ToTokens;
use syn::{Attribute, Fields, ImplItem, Item};

/// The attributes that mean something to our macros only.
pub(crate) const INNER: [&str; 5] = ["field", "apply", "invariant", "handle", "on"];

/// The item without the attributes inside it that only our macros know, so
/// that the compiler does not complain about those as well.
pub(crate) fn plain(item: TokenStream) -> TokenStream {
    let Ok(mut parsed) = syn::parse2::<Item>(item.clone()) else { return item };
    match &mut parsed {
        Item::Struct(item) => plain_fields(&mut item.fields),
        Item::Enum(item) => {
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
