//! Enums of names.

use proc_macro2::{Ident, TokenStream};
use quote::quote;
use syn::{Fields, ItemEnum, Variant};

use crate::derives;
use crate::faults::Faults;
use crate::field_impl::{FieldImpl, element};
use crate::serde_words::{serde_words, variant_name};
use crate::structure::refuse_generics;
use crate::transitions;

const DERIVES: [&str; 8] =
    ["Clone", "Copy", "Debug", "PartialEq", "Eq", "PartialOrd", "Ord", "Hash"];

pub(crate) fn expand(mut item: ItemEnum, faults: &mut Faults) -> syn::Result<TokenStream> {
    refuse_generics("#[value_object]", &item.generics)?;
    for variant in item.variants.iter().filter(|variant| !is_unit(variant)) {
        let message =
            "a variant of a value object cannot hold data: move the data to a field of its own";
        faults.add(&variant.fields, message);
    }
    let next = transitions::take(&mut item, faults);
    if !item.variants.iter().all(is_unit) {
        return Ok(quote!(#item));
    }
    if item.variants.is_empty() {
        faults.add(&item.ident, "an enum needs at least one variant: add one");
    }
    if serde_words(&item.attrs).iter().any(|word| word.starts_with("rename_all")) {
        let message = "`rename_all` would not rename the values in rows: write \
                       `#[serde(rename = \"…\")]` on each variant instead";
        faults.add(&item.ident, message);
    }
    derives::add_serde(&mut item.attrs);
    derives::add(&mut item.attrs, &DERIVES);
    let variants: Vec<&Variant> = item.variants.iter().collect();
    let (choice, field) = (choice(&item.ident, &variants, &next), field(&item.ident));
    Ok(quote!(#item #choice #field))
}

fn choice(owner: &Ident, variants: &[&Variant], next: &TokenStream) -> TokenStream {
    let names: Vec<String> = variants.iter().map(|variant| variant_name(variant)).collect();
    let variants: Vec<&Ident> = variants.iter().map(|variant| &variant.ident).collect();
    quote! {
        #[automatically_derived]
        impl ::protean::model::Choice for #owner {
            const NAMES: &'static [&'static str] = &[#(#names),*];

            fn name(self) -> &'static str {
                match self {
                    #(Self::#variants => #names,)*
                }
            }

            fn named(name: &str) -> ::core::option::Option<Self> {
                match name {
                    #(#names => ::core::option::Option::Some(Self::#variants),)*
                    _ => ::core::option::Option::None,
                }
            }

            #next
        }
    }
}

/// One column of text.
fn field(owner: &Ident) -> TokenStream {
    let implementation = FieldImpl {
        constants: TokenStream::new(),
        shape: quote!(::protean::model::Shape::Choice(<Self as ::protean::model::Choice>::NAMES)),
        columns: quote!(<::std::string::String as ::protean::model::Field>::columns(name, rules)),
        check: TokenStream::new(),
        states: quote! {
            if let ::core::option::Option::Some(next) = ::protean::model::Choice::next(*self) {
                states.note(::protean::model::Choice::name(*self), next);
            }
        },
        write: quote! {
            row.push(::protean::message::Value::text(::protean::model::Choice::name(*self)));
        },
        read: quote!(::protean::__private::choice(values)),
    };
    let (field, element) = (implementation.of(owner), element(owner, &TokenStream::new()));
    quote! {
        #field
        #element

        #[automatically_derived]
        impl ::protean::model::MapKey for #owner {
            fn key(&self) -> ::std::borrow::Cow<'_, str> {
                ::std::borrow::Cow::Borrowed(::protean::model::Choice::name(*self))
            }

            fn key_shape() -> ::protean::model::Shape {
                <Self as ::protean::model::Field>::shape()
            }
        }
    }
}

fn is_unit(variant: &Variant) -> bool {
    matches!(variant.fields, Fields::Unit)
}
