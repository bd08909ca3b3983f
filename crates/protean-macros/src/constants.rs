//! A constant for each field: `Book::TITLE`.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::ext::IdentExt;
use syn::{Ident, Visibility};

use crate::columns::width;
use crate::field::Field;
use crate::fields::rules;

/// The constants, as an `impl` block. `before` is the number of columns before the first
/// field.
pub(crate) fn implementation(
    owner: &Ident,
    visibility: &Visibility,
    fields: &[Field],
    before: usize,
) -> TokenStream {
    let constants = fields.iter().enumerate().map(|(index, field)| {
        let constant = constant(&field.ident);
        let (ty, rules, column) = (&field.ty, rules(index), width(&fields[..index]));
        let documentation = format!(" The field `{}`.", field.ident);
        quote! {
            #[doc = #documentation]
            #visibility const #constant: ::protean::model::Attribute<Self, #ty> =
                ::protean::model::Attribute::new(#before + #column, *#rules);
        }
    });
    allowed(owner, quote!(#(#constants)*))
}

/// The name of a field's constant.
pub(crate) fn constant(field: &Ident) -> Ident {
    Ident::new(&field.unraw().to_string().to_uppercase(), field.span())
}

/// The constant of an aggregate's identity.
pub(crate) fn identity(owner: &Ident, visibility: &Visibility) -> TokenStream {
    let constant = format_ident!("ID");
    let constant = quote! {
        /// The identity.
        #visibility const #constant: ::protean::model::Attribute<Self, ::protean::Id> =
            ::protean::model::Attribute::new(0, ::protean::model::Rules::named("id").identifier());
    };
    allowed(owner, constant)
}

/// An `impl` block of items that a user may leave unused.
pub(crate) fn allowed(owner: &Ident, items: TokenStream) -> TokenStream {
    quote! {
        #[automatically_derived]
        #[allow(dead_code, unreachable_pub, private_interfaces, clippy::identity_op)]
        impl #owner {
            #items
        }
    }
}
