//! The fact event of an aggregate: `AccountFactEvent`.

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote};
use syn::ItemStruct;
use syn::ext::IdentExt;
use syn::parse_quote;

use crate::faults::Faults;
use crate::field::Field;
use crate::structure::Structure;
use crate::{derives, fields};

/// The event, as a struct with the identity and all fields of the aggregate.
pub(crate) fn event(
    aggregate: &Structure,
    stored_name: &TokenStream,
    is_published: bool,
    faults: &mut Faults,
) -> TokenStream {
    let (of, visibility) = (aggregate.name(), &aggregate.item.vis);
    let name = fact_name(of);
    let documentation = format!(" The whole state of a `{of}` after a change.");
    let members = aggregate.fields.iter().map(|Field { ident, ty, .. }| {
        let documentation = format!(" The field `{}`.", ident.unraw());
        quote!(#[doc = #documentation] #visibility #ident: #ty)
    });
    let mut item: ItemStruct = parse_quote! {
        #[doc = #documentation]
        #[allow(dead_code, unreachable_pub, private_interfaces)]
        #visibility struct #name {
            /// The identity.
            #visibility id: ::protean::Id,
            #(#members,)*
        }
    };
    derives::add_serde(&mut item.attrs);
    derives::add(&mut item.attrs, &derives::VALUE);
    let identity = item.fields.iter_mut().next().and_then(|id| Field::take(id, faults));
    for (field, member) in aggregate.fields.iter().zip(item.fields.iter_mut().skip(1)) {
        // Uses the default functions of the aggregate, so that each default exists once.
        derives::add_serde_default(of, field, &mut member.attrs);
        derives::add_serde_aliases(field, &mut member.attrs);
    }
    let all: Vec<Field> = identity.into_iter().chain(aggregate.fields.iter().cloned()).collect();
    let fields = fields::implementation(&item, &all);
    quote! {
        #item
        #fields

        #[automatically_derived]
        impl ::protean::model::Event for #name {
            const NAME: &'static str = ::core::concat!(#stored_name, "FactEvent");
            const FACT: bool = true;
            const PUBLISHED: bool = #is_published;
            type Aggregate = #of;
        }
    }
}

/// The aggregate's method that makes the event.
pub(crate) fn method(aggregate: &Structure) -> TokenStream {
    let name = fact_name(aggregate.name());
    let members = aggregate
        .fields
        .iter()
        .map(|Field { ident, .. }| quote!(#ident: ::core::clone::Clone::clone(&self.#ident),));
    quote! {
        const FACT: ::core::option::Option<::protean::model::MessageType> =
            ::core::option::Option::Some(::protean::model::MessageType::event::<#name>());

        fn fact(
            &self,
        ) -> ::protean::Result<::core::option::Option<::protean::model::Raised>> {
            let id = ::core::clone::Clone::clone(self.root.id());
            let fact = #name { id, #(#members)* };
            ::protean::model::Raised::of(&fact).map(::core::option::Option::Some)
        }
    }
}

fn fact_name(aggregate: &Ident) -> Ident {
    format_ident!("{}FactEvent", aggregate.unraw())
}
