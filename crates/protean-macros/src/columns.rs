//! Columns: how fields are laid out in a row.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};

use crate::field::Field;
use crate::fields::rules;
use crate::place::at;

/// The sum of the widths of these fields, as a constant expression.
pub(crate) fn width(fields: &[Field]) -> TokenStream {
    let widths = fields.iter().map(|field| {
        let as_field = field.as_field();
        quote!(+ #as_field::WIDTH)
    });
    quote!(0 #(#widths)*)
}

/// Statements that append the columns of the fields to `columns`.
pub(crate) fn declare(fields: &[Field]) -> TokenStream {
    let fields = fields.iter().enumerate().map(|(index, field)| {
        let (as_field, name, rules) = (field.as_field(), field.name(), rules(index));
        quote!(columns.extend(#as_field::columns(#name, #rules));)
    });
    quote!(#(#fields)*)
}

/// Statements that append the values of the fields to `row`.
pub(crate) fn write(fields: &[Field]) -> TokenStream {
    let fields = fields.iter().map(|field| {
        let (as_field, name) = (field.as_field(), &field.ident);
        quote!(#as_field::write(&self.#name, row);)
    });
    quote!(#(#fields)*)
}

/// Fields of a struct literal, taken from `values`.
pub(crate) fn read(fields: &[Field]) -> TokenStream {
    let fields = fields.iter().map(|field| {
        let (ident, name, ty) = (&field.ident, field.name(), &field.ty);
        quote!(#ident: ::protean::__private::column::<#ty>(#name, values)?,)
    });
    quote!(#(#fields)*)
}

/// Compile-time assertions that unique fields have one column.
pub(crate) fn unique_proofs(fields: &[Field]) -> TokenStream {
    let fields = fields.iter().filter_map(|field| Some((field, field.unique.as_ref()?)));
    let proofs = fields.map(|(field, unique)| {
        let as_field = field.as_field();
        quote_spanned! {at(&unique)=>
            const _: () = ::core::assert!(
                #as_field::WIDTH == 1,
                "`unique` needs a field of one column: this field has several, so remove `unique`"
            );
        }
    });
    quote!(#(#proofs)*)
}
