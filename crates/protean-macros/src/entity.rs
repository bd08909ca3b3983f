//! `#[entity]`.

use proc_macro2::{Ident, TokenStream};
use quote::{quote, quote_spanned};
use syn::ext::IdentExt;

use crate::faults::Faults;
use crate::kind::Kind;
use crate::options::Known;
use crate::place::at;
use crate::structure::Structure;
use crate::{default, fields};

const PLACE: &str = "#[entity]";

pub(crate) fn expand(
    options: TokenStream,
    item: TokenStream,
    faults: &mut Faults,
) -> syn::Result<TokenStream> {
    Known::none(PLACE, options, faults);
    let mut entity = Structure::parse(PLACE, item, faults)?;
    entity.derive_value(faults);
    entity.refuse_unique("the entities of an aggregate share one column", faults);
    entity.refuse_renamed(
        "the entities of an aggregate share one, as JSON; write `#[serde(alias = \"…\")]`, which \
         still reads the old name",
        faults,
    );
    entity.refuse_stamps("an entity has no row of its own; set the field yourself", faults);
    let parts = [
        default::functions(&entity, faults),
        fields::with_invariants(&entity.item, &entity.fields),
        identity(&entity, faults),
        field(entity.name()),
    ];
    let item = &entity.item;
    Ok(quote!(#item #(#parts)*))
}

/// `impl Entity` and `impl Element`.
fn identity(entity: &Structure, faults: &mut Faults) -> TokenStream {
    let name = entity.name();
    let by_name =
        || entity.fields.iter().find(|field| field.ident == "id" && field.kind == Kind::Id);
    let Some(field) = entity.identifier(faults).or_else(by_name) else {
        let message =
            "an entity needs an identity: add `id: Id`, or mark a field `#[field(identifier)]`";
        faults.add(name, message);
        return element(name, &TokenStream::new());
    };
    let (ident, label) = (&field.ident, name.unraw().to_string());
    let id = quote_spanned!(at(&field.ty)=> ::protean::model::Identity::id(&self.#ident));
    let element = element(
        name,
        &quote! {
            fn element_id(&self) -> ::core::option::Option<::protean::Id> {
                ::core::option::Option::Some(::protean::model::Entity::identity(self))
            }
        },
    );
    quote! {
        #element

        #[automatically_derived]
        impl ::protean::model::Entity for #name {
            const NAME: &'static str = #label;

            fn identity(&self) -> ::protean::Id {
                #id
            }
        }
    }
}

/// `impl Element`, so that a list can hold it.
pub(crate) fn element(name: &Ident, identity: &TokenStream) -> TokenStream {
    quote! {
        #[automatically_derived]
        impl ::protean::model::Element for #name {
            fn check_element(&self) -> ::protean::Violations {
                ::protean::model::Fields::check(self)
            }

            fn element_shape() -> ::protean::model::Shape {
                ::protean::model::Shape::object::<Self>()
            }

            #identity

            fn element_states(&self, states: &mut ::protean::model::States) {
                ::protean::model::Fields::states(self, states);
            }
        }
    }
}

/// `impl Field`: one column of JSON.
fn field(name: &Ident) -> TokenStream {
    quote! {
        #[automatically_derived]
        impl ::protean::model::Field for #name {
            fn shape() -> ::protean::model::Shape {
                ::protean::model::Shape::object::<Self>()
            }

            fn columns(
                name: &str,
                rules: &::protean::model::Rules,
            ) -> ::std::vec::Vec<::protean::message::Column> {
                ::protean::__private::json_column(name, rules)
            }

            fn check(
                &self,
                rules: &::protean::model::Rules,
                violations: &mut ::protean::Violations,
            ) {
                ::protean::model::check_object(self, rules, violations);
            }

            fn states(&self, states: &mut ::protean::model::States) {
                ::protean::model::Fields::states(self, states);
            }

            fn write(&self, row: &mut ::std::vec::Vec<::protean::message::Value>) {
                ::protean::model::write_object(self, row);
            }

            fn read(
                values: &mut ::protean::model::Values<'_>,
            ) -> ::core::result::Result<Self, ::std::string::String> {
                ::protean::model::read_object("a JSON object", values)
            }
        }
    }
}
