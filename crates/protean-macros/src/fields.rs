//! `impl Fields`: the rules and their check.

use proc_macro2::{Literal, TokenStream};
use quote::{quote, quote_spanned};
use syn::{Expr, ItemStruct};

use crate::documentation::documentation;
use crate::field::Field;
use crate::kind::argument;
use crate::place::at;

/// Of a query or a row.
pub(crate) fn implementation(owner: &ItemStruct, fields: &[Field]) -> TokenStream {
    of_parts(owner, fields, Field::described, &TokenStream::new(), &TokenStream::new())
}

/// Of a message, whose fields all have a form in JSON.
pub(crate) fn of_json(owner: &ItemStruct, fields: &[Field]) -> TokenStream {
    of_parts(owner, fields, Field::with_default, &TokenStream::new(), &TokenStream::new())
}

/// Of an aggregate or a process manager, whose states follow each other.
pub(crate) fn with_states(owner: &ItemStruct, fields: &[Field]) -> TokenStream {
    of_parts(owner, fields, Field::described, &states(fields), &TokenStream::new())
}

/// Of a value object or an entity, which is part of such a state and may have invariants.
pub(crate) fn with_invariants(owner: &ItemStruct, fields: &[Field]) -> TokenStream {
    of_parts(owner, fields, Field::with_default, &states(fields), &invariants())
}

/// Statements that add the violations of a value's invariants, if it has any.
pub(crate) fn invariants() -> TokenStream {
    quote! {
        #[allow(unused_imports)]
        use ::protean::__private::NoInvariants as _;
        violations.merge(&::protean::__private::InvariantsOf(self).violations());
    }
}

fn of_parts(
    owner: &ItemStruct,
    fields: &[Field],
    member: fn(&Field, usize) -> TokenStream,
    states: &TokenStream,
    invariants: &TokenStream,
) -> TokenStream {
    let (doc, owner) = (documentation(&owner.attrs), &owner.ident);
    let rules = fields.iter().map(Field::rules);
    let (check, proofs) = (check(fields, invariants), proofs(fields));
    let members = fields.iter().enumerate().map(|(index, field)| member(field, index));
    quote! {
        #proofs

        #[automatically_derived]
        impl ::protean::model::Fields for #owner {
            const RULES: &'static [::protean::model::Rules] = &[#(#rules),*];
            const DOC: &'static str = #doc;

            fn check(&self) -> ::protean::Violations {
                #check
            }

            #states

            fn members() -> ::std::vec::Vec<::protean::model::Member> {
                ::std::vec![#(#members),*]
            }
        }
    }
}

impl Field {
    /// The field with its form, its limits and its documentation.
    fn described(&self, index: usize) -> TokenStream {
        let (name, as_field, doc) = (self.name(), self.as_field(), &self.doc);
        let has_default = self.default.is_some() || self.has_serde_default;
        let index = Literal::usize_unsuffixed(index);
        quote! {
            ::protean::model::Member::new(#name, #as_field::shape(), #has_default)
                .described(<Self as ::protean::model::Fields>::RULES[#index], #doc)
        }
    }

    /// The same with its default, when that is a constant and the value has a form in JSON.
    fn with_default(&self, index: usize) -> TokenStream {
        let described = self.described(index);
        let is_constant =
            matches!(self.default, Some(Expr::Lit(_) | Expr::Unary(_) | Expr::Path(_)));
        if !is_constant || self.has_serde_default {
            return described;
        }
        let default = self.default_function();
        quote!(#described.defaulting_to(|| ::protean::model::Member::json_of(&Self::#default())))
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

fn check(fields: &[Field], invariants: &TokenStream) -> TokenStream {
    if fields.is_empty() {
        return quote!(::protean::Violations::new());
    }
    let checks = fields.iter().enumerate().map(|(index, field)| {
        let (as_field, name, rules) = (field.as_field(), &field.ident, rules(index));
        let validate = validate(field, &quote!(self.#name), &field.name());
        quote!(#as_field::check(&self.#name, #rules, &mut violations); #validate)
    });
    quote! {
        let mut violations = ::protean::Violations::new();
        #(#checks)*
        #invariants
        violations
    }
}

/// A statement that adds the violations found by the field's `validate` function.
pub(crate) fn validate(field: &Field, value: &TokenStream, name: &str) -> Option<TokenStream> {
    let function = field.validate.as_ref()?;
    let place = at(function);
    let call = |value: TokenStream| {
        quote_spanned! {place=>
            ::protean::__private::validated(&mut violations, #name, (#function)(#value));
        }
    };
    Some(match field.optional {
        true => {
            let call = call(quote!(value));
            quote!(if let ::core::option::Option::Some(value) = &#value { #call })
        }
        false => call(quote!(&#value)),
    })
}

/// The method that records the states of the fields that may have any.
fn states(fields: &[Field]) -> TokenStream {
    let mut fields = fields.iter().filter(|field| field.kind.may_have_states()).peekable();
    if fields.peek().is_none() {
        return TokenStream::new();
    }
    let fields = fields.map(|field| {
        let (as_field, ident, name) = (field.as_field(), &field.ident, field.name());
        quote!(states.within(#name, |states| #as_field::states(&self.#ident, states));)
    });
    quote! {
        fn states(&self, states: &mut ::protean::model::States) {
            #(#fields)*
        }
    }
}

/// The rules of the field with this index.
pub(crate) fn rules(index: usize) -> TokenStream {
    let index = Literal::usize_unsuffixed(index);
    quote!(&<Self as ::protean::model::Fields>::RULES[#index])
}
