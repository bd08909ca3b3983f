//! The methods of an `impl` block that our attributes mark.

use proc_macro2::TokenStream;
use syn::{Attribute, FnArg, ImplItem, ImplItemFn, Item, ItemImpl, Signature, Type};

/// Reads the inherent `impl` block below `place`, as in `#[projector]`.
pub(crate) fn inherent(place: &str, item: TokenStream) -> syn::Result<ItemImpl> {
    let item = match syn::parse2(item)? {
        Item::Impl(item) => item,
        other => {
            let told = format!("{place} is for an `impl` block");
            return Err(syn::Error::new_spanned(other, told));
        }
    };
    match &item.trait_ {
        Some((_, path, _)) => {
            let told = format!("{place} is for `impl Type {{ … }}`, not for the impl of a trait");
            Err(syn::Error::new_spanned(path, told))
        }
        None => Ok(item),
    }
}

/// Every method of the block.
pub(crate) fn methods(item: &mut ItemImpl) -> impl Iterator<Item = &mut ImplItemFn> {
    item.items.iter_mut().filter_map(|item| match item {
        ImplItem::Fn(method) => Some(method),
        _ => None,
    })
}

/// Takes off the attributes with one of these names.
pub(crate) fn take(method: &mut ImplItemFn, names: &[&str]) -> Vec<Attribute> {
    let ours = |attribute: &mut Attribute| names.iter().any(|name| attribute.path().is_ident(name));
    method.attrs.extract_if(.., ours).collect()
}

/// The types of the arguments after `&self`; the error says which receiver is needed.
pub(crate) fn arguments<'a>(
    signature: &'a Signature,
    receiver: &str,
) -> syn::Result<Vec<&'a Type>> {
    let mut arguments = signature.inputs.iter();
    let fits = match arguments.next() {
        Some(FnArg::Receiver(own)) => {
            own.reference.is_some() && own.mutability.is_some() == (receiver == "&mut self")
        }
        _ => false,
    };
    if !fits {
        let told = format!("the first argument is `{receiver}`");
        return Err(match signature.inputs.first() {
            Some(first) => syn::Error::new_spanned(first, told),
            None => syn::Error::new_spanned(&signature.ident, told),
        });
    }
    let types = arguments.filter_map(|argument| match argument {
        FnArg::Typed(typed) => Some(&*typed.ty),
        FnArg::Receiver(_) => None,
    });
    Ok(types.collect())
}
