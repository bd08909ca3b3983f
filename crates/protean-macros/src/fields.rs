//! `impl Fields`: the rules and their check.

use proc_macro2::{Ident, Literal, TokenStream};
use quote::quote;

use crate::field::Field;

pub(crate) fn implementation(owner: &Ident, fields: &[Field]) -> TokenStream {
    let rules = fields.iter().map(Field::rules);
    let check = check(fields);
    quote! {
        #[automatically_derived]
        impl ::protean::model::Fields for #owner {
            const RULES: &'static [::protean::model::Rules] = &[#(#rules),*];

            fn check(&self) -> ::protean::Violations {
                #check
            }
        }
    }
}

fn check(fields: &[Field]) -> TokenStream {
    if fields.is_empty() {
        return quote!(::protean::Violations::new());
    }
    let checks = fields.iter().enumerate().map(|(index, field)| {
        let (as_field, name, rules) = (field.as_field(), &field.ident, rules(index));
        quote!(#as_field::check(&self.#name, #rules, &mut violations);)
    });
    quote! {
        let mut violations = ::protean::Violations::new();
        #(#checks)*
        violations
    }
}

/// The rules of the field with this index.
pub(crate) fn rules(index: usize) -> TokenStream {
    let index = Literal::usize_unsuffixed(index);
    quote!(&<Self as ::protean::model::Fields>::RULES[#index])
}
