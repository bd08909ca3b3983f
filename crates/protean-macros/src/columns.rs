//! Columns: how fields are laid out in a row.

use proc_macro2::{Ident, TokenStream};
use quote::{quote, quote_spanned};

use crate::field::{Field, Renamed};
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

/// Whether all columns of these fields may be `NULL`, as a constant expression.
pub(crate) fn may_be_empty(fields: &[Field]) -> TokenStream {
    let may_be = fields.iter().map(|field| {
        let as_field = field.as_field();
        quote!(&& #as_field::MAY_BE_EMPTY)
    });
    quote!(true #(#may_be)*)
}

/// `impl Columns`: the identity of an aggregate's root, if there is one, then the fields; `indexes`
/// is the function of that name.
pub(crate) fn implementation(
    owner: &Ident,
    fields: &[Field],
    has_root: bool,
    indexes: &TokenStream,
) -> TokenStream {
    let (declare, write, read) = (declare(fields), write(fields), read(fields));
    let columns = match has_root {
        true => quote!(::protean::__private::identity_column()),
        false => quote!(::std::vec::Vec::new()),
    };
    let write_root = has_root
        .then(|| quote!(<::protean::Id as ::protean::model::Field>::write(self.root.id(), row);));
    let stamp = stamp(fields, usize::from(has_root));
    let read_root = has_root.then(|| {
        let id = quote!(::protean::__private::column::<::protean::Id>("id", values)?);
        quote!(root: ::protean::Root::restored(#id, ::core::option::Option::None),)
    });
    quote! {
        #[automatically_derived]
        impl ::protean::model::Columns for #owner {
            fn columns() -> ::std::vec::Vec<::protean::message::Column> {
                let mut columns = #columns;
                #declare
                columns
            }

            #indexes
            #stamp

            fn write(&self, row: &mut ::std::vec::Vec<::protean::message::Value>) {
                #write_root
                #write
            }

            fn read(
                values: &mut ::protean::model::Values<'_>,
            ) -> ::core::result::Result<Self, ::std::string::String> {
                ::core::result::Result::Ok(Self { #read_root #read })
            }
        }
    }
}

/// The function that fills the `created_at` and `updated_at` fields; `before` columns are before
/// those of the fields.
fn stamp(fields: &[Field], before: usize) -> TokenStream {
    if !fields.iter().any(Field::is_stamped) {
        return TokenStream::new();
    }
    let stamps = fields.iter().enumerate().flat_map(|(index, field)| {
        let (name, ty, column) = (&field.ident, &field.ty, width(&fields[..index]));
        let stamp = move |how: &str| {
            let how = Ident::new(how, at(ty));
            quote_spanned! {at(ty)=>
                ::protean::model::Stamp::#how::<#ty>(&stamp, &mut self.#name, #before + #column);
            }
        };
        let created = field.created_at.as_ref().map(|_| stamp("created"));
        created.into_iter().chain(field.updated_at.as_ref().map(|_| stamp("updated")))
    });
    quote! {
        const IS_STAMPED: bool = true;

        #[allow(clippy::identity_op)]
        fn stamp(&mut self, stamp: ::protean::model::Stamp<'_>) {
            #(#stamps)*
        }
    }
}

/// Statements that append the columns of the fields to `columns`.
fn declare(fields: &[Field]) -> TokenStream {
    let fields = fields.iter().enumerate().map(|(index, field)| {
        let (as_field, name, rules) = (field.as_field(), field.name(), rules(index));
        let declared = quote!(#as_field::columns(#name, #rules));
        let declared = match &field.renamed_from {
            Some(Renamed { names, .. }) => {
                quote!(::protean::__private::renamed(#declared, #name, &[#(#names),*]))
            }
            None => declared,
        };
        if field.default.is_none() {
            return quote!(columns.extend(#declared););
        }
        let default = field.default_function();
        quote! {{
            let mut declared = #declared;
            ::protean::__private::set_defaults(&mut declared, &Self::#default());
            columns.extend(declared);
        }}
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
