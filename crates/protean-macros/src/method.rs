//! The methods of an `impl` block, and the attributes on them.

use proc_macro2::TokenStream;
use syn::{Attribute, FnArg, ImplItem, ImplItemFn, Item, ItemImpl, Signature, Type};

use crate::faults::refused;
/// Reads the inherent `impl` block below `place`, as in `#[projector]`.
pub(crate) fn inherent(place: &str, item: TokenStream) -> syn::Result<ItemImpl> {
    let item = match syn::parse2(item)? {
        Item::Impl(item) => item,
        other => {
            return refused(other, format!("{place} needs an `impl` block: move it above one"));
        }
    };
    match &item.trait_ {
        Some((_, path, _)) => {
            let message = format!(
                "{place} cannot be on the implementation of a trait: put it on `impl Type {{ … }}`"
            );
            refused(path, message)
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

/// Removes and returns the attributes with one of these names.
pub(crate) fn take(method: &mut ImplItemFn, names: &[&str]) -> Vec<Attribute> {
    let ours = |attribute: &mut Attribute| names.iter().any(|name| attribute.path().is_ident(name));
    method.attrs.extract_if(.., ours).collect()
}

/// The types of the arguments after the receiver, which must be `receiver`.
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
        let message = format!("the first argument must be `{receiver}`");
        return Err(match signature.inputs.first() {
            Some(first) => syn::Error::new_spanned(first, message),
            None => syn::Error::new_spanned(&signature.ident, message),
        });
    }
    let types = arguments.filter_map(|argument| match argument {
        FnArg::Typed(typed) => Some(&*typed.ty),
        FnArg::Receiver(_) => None,
    });
    Ok(types.collect())
}
