//! `#[entity]`.

use proc_macro2::{Ident, TokenStream};
use quote::{quote, quote_spanned};
use syn::ext::IdentExt;

use crate::faults::Faults;
use crate::field_impl::{FieldImpl, checked_element};
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
        return checked_element(name, &TokenStream::new());
    };
    let (ident, label) = (&field.ident, name.unraw().to_string());
    let id = quote_spanned!(at(&field.ty)=> ::protean::model::Identity::id(&self.#ident));
    let text = quote_spanned!(at(&field.ty)=> ::protean::model::Identity::text(&self.#ident));
    let element = checked_element(
        name,
        &quote! {
            fn element_id(&self) -> ::core::option::Option<&str> {
                ::core::option::Option::Some(#text)
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

/// `impl Field`: one column of JSON.
fn field(name: &Ident) -> TokenStream {
    let implementation = FieldImpl {
        constants: TokenStream::new(),
        shape: quote!(::protean::model::Shape::object::<Self>()),
        columns: quote!(::protean::model::json_column::columns(name, rules)),
        check: quote!(::protean::model::json_column::check_entity(self, rules, violations);),
        states: quote! {
            // Another entity in its place begins anew.
            if let ::core::option::Option::Some(id) = ::protean::model::Element::element_id(self) {
                states.identified(id, |states| ::protean::model::Fields::states(self, states));
            }
        },
        write: quote!(::protean::model::json_column::write(self, row);),
        read: quote!(::protean::model::json_column::read("a JSON object", values)),
    };
    implementation.of(name)
}
