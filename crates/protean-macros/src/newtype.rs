//! Newtypes: `#[value_object] struct Sku(String)`.

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote};
use syn::{ItemStruct, parse_quote};

use crate::derives;
use crate::faults::Faults;
use crate::field::Field;
use crate::field_impl::{FieldImpl, checked_element};
use crate::fields;
use crate::kind::Kind;
use crate::serde_words::serde_words;
use crate::structure::refuse_generics;

/// True for a struct of one field without a name.
pub(crate) fn is_newtype(item: &ItemStruct) -> bool {
    matches!(&item.fields, syn::Fields::Unnamed(fields) if fields.unnamed.len() == 1)
}

pub(crate) fn expand(mut item: ItemStruct, faults: &mut Faults) -> syn::Result<TokenStream> {
    refuse_generics("#[value_object]", &item.generics)?;
    let Some(plain) = item.fields.iter_mut().next() else { return Ok(quote!(#item)) };
    // Reading options needs a field with a name.
    plain.ident = Some(format_ident!("value"));
    let field = Field::take(plain, faults);
    plain.ident = None;
    let Some(field) = field else { return Ok(quote!(#item)) };
    refuse(&field, faults);
    derives::add_serde(&mut item.attrs);
    if !serde_words(&item.attrs).iter().any(|word| word == "transparent") {
        item.attrs.push(parse_quote!(#[serde(transparent)]));
    }
    derives::add(&mut item.attrs, &derives::VALUE);
    derives::add(&mut item.attrs, derived(&field));
    let name = &item.ident;
    let parts = [
        fields(name, &field),
        as_field(name, &field),
        checked_element(name, &TokenStream::new()),
        convert(name, &field),
    ];
    Ok(quote!(#item #(#parts)*))
}

fn refuse(field: &Field, faults: &mut Faults) {
    let where_it_is_used = "mark the field that holds the newtype instead";
    field.refuse_unique(where_it_is_used, faults);
    field.refuse_renamed(where_it_is_used, faults);
    field.refuse_stamps(where_it_is_used, faults);
    if let Some(default) = &field.default {
        faults.add(default, format!("a newtype has no default: {where_it_is_used}"));
    }
    if let Some(identifier) = &field.identifier {
        faults.add(identifier, format!("a newtype has no identity: {where_it_is_used}"));
    }
    if field.optional {
        faults.add(&field.ty, "a newtype holds a value: write `Option` around the newtype instead");
    }
}

/// The extra traits to derive, since the inner type has them.
fn derived(field: &Field) -> &'static [&'static str] {
    match field.kind {
        _ if field.optional => &[],
        Kind::Text | Kind::Id => &["Eq", "PartialOrd", "Ord", "Hash"],
        Kind::Integer | Kind::Decimal | Kind::Bool | Kind::Time => {
            &["Copy", "Eq", "PartialOrd", "Ord", "Hash"]
        }
        Kind::Real => &["Copy", "PartialOrd"],
        Kind::List | Kind::Map | Kind::Other => &[],
    }
}

/// `impl Fields`: violations have no name, so that the field that holds the newtype can add its
/// own.
fn fields(name: &Ident, field: &Field) -> TokenStream {
    let (as_field, rules) = (field.as_field(), field.rules_named(""));
    let validate = fields::validate(field, &quote!(self.0), "");
    let invariants = fields::invariants();
    quote! {
        #[automatically_derived]
        impl ::protean::model::Fields for #name {
            const RULES: &'static [::protean::model::Rules] = &[#rules];

            fn check(&self) -> ::protean::Violations {
                let mut violations = ::protean::Violations::new();
                let rules = &<Self as ::protean::model::Fields>::RULES[0];
                #as_field::check(&self.0, rules, &mut violations);
                #validate
                #invariants
                violations
            }
        }
    }
}

/// `impl Field`: the column of the inner value.
fn as_field(name: &Ident, field: &Field) -> TokenStream {
    let as_field = field.as_field();
    let implementation = FieldImpl {
        constants: quote! {
            const WIDTH: usize = #as_field::WIDTH;
            const MAY_BE_EMPTY: bool = #as_field::MAY_BE_EMPTY;
            const MAY_BE_NULL: bool = #as_field::MAY_BE_NULL;
        },
        shape: quote!(#as_field::shape().limited(<Self as ::protean::model::Fields>::RULES[0])),
        columns: quote!(#as_field::columns(name, rules)),
        check: quote! {
            let own = ::protean::model::Fields::check(self);
            if !own.is_empty() {
                violations.nest(rules.name, &own);
            } else if rules.has_any() {
                #as_field::check(&self.0, rules, violations);
            }
        },
        states: quote!(#as_field::states(&self.0, states);),
        write: quote!(#as_field::write(&self.0, row);),
        read: quote!(::core::result::Result::Ok(Self(#as_field::read(values)?))),
    };
    implementation.of(name)
}

/// Conversions from and to the inner value; for text also the traits of identities and map keys.
fn convert(name: &Ident, field: &Field) -> TokenStream {
    let ty = &field.ty;
    let shown = !matches!(field.kind, Kind::Other | Kind::List | Kind::Map);
    let display = shown.then(|| {
        quote! {
            #[automatically_derived]
            impl ::core::fmt::Display for #name {
                fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                    ::core::fmt::Display::fmt(&self.0, f)
                }
            }
        }
    });
    let text = matches!(field.kind, Kind::Text | Kind::Id).then(|| text(name));
    quote! {
        #[automatically_derived]
        impl ::core::convert::From<#ty> for #name {
            fn from(value: #ty) -> Self {
                Self(value)
            }
        }

        #[automatically_derived]
        impl ::core::convert::From<#name> for #ty {
            fn from(value: #name) -> Self {
                value.0
            }
        }

        #display
        #text
    }
}

fn text(name: &Ident) -> TokenStream {
    quote! {
        #[automatically_derived]
        impl ::core::convert::From<&str> for #name {
            fn from(text: &str) -> Self {
                Self(::core::convert::From::from(text))
            }
        }

        #[automatically_derived]
        impl ::core::convert::AsRef<str> for #name {
            fn as_ref(&self) -> &str {
                ::core::convert::AsRef::as_ref(&self.0)
            }
        }

        #[automatically_derived]
        impl ::protean::model::Identity for #name {
            fn id(&self) -> ::protean::Id {
                ::protean::model::Identity::id(&self.0)
            }

            fn text(&self) -> &str {
                ::protean::model::Identity::text(&self.0)
            }
        }

        #[automatically_derived]
        impl ::protean::model::TextValue for #name {}

        #[automatically_derived]
        impl ::protean::model::MapKey for #name {
            fn key(&self) -> ::std::borrow::Cow<'_, str> {
                ::protean::model::MapKey::key(&self.0)
            }

            fn key_shape() -> ::protean::model::Shape {
                <Self as ::protean::model::Field>::shape()
            }

            fn check_key(&self) -> ::protean::Violations {
                ::protean::model::Fields::check(self)
            }
        }
    }
}
