//! `impl Fields`: the rules and their check.

use proc_macro2::{Ident, Literal, TokenStream};
use quote::{quote, quote_spanned};

use crate::field::Field;
use crate::kind::argument;
use crate::place::at;

pub(crate) fn implementation(owner: &Ident, fields: &[Field]) -> TokenStream {
    let rules = fields.iter().map(Field::rules);
    let (check, proofs) = (check(fields), proofs(fields));
    let members = fields.iter().map(|field| {
        let (name, as_field) = (field.name(), field.as_field());
        let has_default = field.default.is_some() || field.has_serde_default;
        quote!(::protean::model::Member::new(#name, #as_field::shape(), #has_default))
    });
    quote! {
        #proofs

        #[automatically_derived]
        impl ::protean::model::Fields for #owner {
            const RULES: &'static [::protean::model::Rules] = &[#(#rules),*];

            fn check(&self) -> ::protean::Violations {
                #check
            }

            fn members() -> ::std::vec::Vec<::protean::model::Member> {
                ::std::vec![#(#members),*]
            }
        }
    }
}

/// Compile-time assertions that optional fields can be read back.
fn proofs(fields: &[Field]) -> TokenStream {
    let optional = fields.iter().filter(|field| argument(&field.ty, "Option").is_some());
    let proofs = optional.map(|field| {
        let as_field = field.as_field();
        quote_spanned!(at(&field.ty)=> const _: () = #as_field::READS_BACK;)
    });
    quote!(#(#proofs)*)
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
