//! `#[entity]`.

use proc_macro2::{Ident, TokenStream};
use quote::quote;

use crate::faults::Faults;
use crate::kind::Kind;
use crate::options::Known;
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
    let marked = entity.identifier(faults).is_some();
    let has_id = entity.fields.iter().any(|field| field.ident == "id" && field.kind == Kind::Id);
    if !marked && !has_id {
        let message =
            "an entity needs an identity: add `id: Id`, or mark a field `#[field(identifier)]`";
        faults.add(entity.name(), message);
    }
    let (defaults, name) = (default::functions(&entity, faults), entity.name());
    let (fields, element) = (fields::implementation(name, &entity.fields), element(name));
    let item = &entity.item;
    Ok(quote!(#item #defaults #fields #element))
}

/// `impl Element`, so that a list can hold it.
pub(crate) fn element(name: &Ident) -> TokenStream {
    quote! {
        #[automatically_derived]
        impl ::protean::model::Element for #name {
            fn check_element(&self) -> ::protean::Violations {
                ::protean::model::Fields::check(self)
            }

            fn element_shape() -> ::protean::model::Shape {
                ::protean::model::Shape::object::<Self>()
            }
        }
    }
}
