//! `#[value_object_impl]` and `#[entity_impl]`: the invariants of a value.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::ImplItemFn;

use crate::faults::Faults;
use crate::invariant::{self, Invariant};
use crate::method;
use crate::options::Known;
use crate::place::at;
use crate::structure::refuse_generics;

pub(crate) fn expand(
    place: &str,
    options: TokenStream,
    item: TokenStream,
    faults: &mut Faults,
) -> syn::Result<TokenStream> {
    Known::none(place, options, faults);
    let mut item = method::inherent(place, item)?;
    refuse_generics(place, &item.generics)?;
    let (mut invariants, mut has_any) = (Vec::new(), false);
    for method in method::methods(&mut item) {
        has_any |= read(method, &mut invariants, faults);
    }
    if !has_any {
        faults.add(
            &item.self_ty,
            format!("{place} needs a method with `#[invariant]`: add one, or remove {place}"),
        );
    }
    let owner = &item.self_ty;
    let implementation = invariant::implementation(owner, &invariants);
    let proof = quote_spanned! {at(owner)=>
        const _: fn(&#owner) = ::protean::__private::checks_invariants::<#owner>;
    };
    Ok(quote!(#item #implementation #proof))
}

/// True when the method has an attribute of ours.
fn read(method: &mut ImplItemFn, invariants: &mut Vec<Invariant>, faults: &mut Faults) -> bool {
    let attributes = method::take(method, &["apply", "invariant"]);
    let has_any = !attributes.is_empty();
    for attribute in attributes {
        if attribute.path().is_ident("apply") {
            faults.add(&attribute, "only aggregates apply events: move this to the aggregate");
            continue;
        }
        invariants.extend(faults.take(Invariant::of_value(&attribute, &method.sig)));
    }
    has_any
}
