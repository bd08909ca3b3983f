//! `#[projection]`.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::LitStr;

use crate::event::message_name;
use crate::faults::{Faults, refused};
use crate::field::Field;
use crate::index::Indexes;
use crate::kind::Kind;
use crate::options::{Known, value};
use crate::place::at;
use crate::structure::Structure;
use crate::{columns, constants, default, fields};

const OPTIONS: Known<'static> =
    Known { place: "#[projection]", names: &["name", "index", "unique"] };

pub(crate) fn expand(
    options: TokenStream,
    item: TokenStream,
    faults: &mut Faults,
) -> syn::Result<TokenStream> {
    let (mut given, mut indexes): (Option<LitStr>, Indexes) = Default::default();
    OPTIONS.read(options, faults, |name, input| match name.to_string().as_str() {
        "name" => {
            given = Some(value(name, input)?);
            Ok(())
        }
        _ => indexes.option(name, input),
    });
    let mut projection = Structure::parse("#[projection]", item, faults)?;
    projection.derive_value(faults);
    let (name, visibility) = (projection.name(), &projection.item.vis);
    let stored_name = message_name(given.as_ref(), name);
    let indexes = indexes.function(&projection.fields, false, faults);
    let parts = [
        default::functions(&projection, faults),
        default::constructor(&projection, &TokenStream::new()),
        fields::implementation(&projection.item, &projection.fields),
        columns::implementation(name, &projection.fields, false, &indexes),
        columns::unique_proofs(&projection.fields),
        constants::implementation(name, visibility, &projection.fields, 0),
        key(&projection, &stored_name, faults),
    ];
    let item = &projection.item;
    Ok(quote!(#item #(#parts)*))
}

/// The implementations that need the identifier.
fn key(projection: &Structure, stored_name: &TokenStream, faults: &mut Faults) -> TokenStream {
    let name = projection.name();
    let Some(identifier) = projection.identifier(faults) else {
        faults.add(name, "a projection needs an identifier: mark a field `#[field(identifier)]`");
        return TokenStream::new();
    };
    let key = faults.take(identity(identifier));
    let before = projection.fields.iter().position(|field| std::ptr::eq(field, identifier));
    let column = columns::width(&projection.fields[..before.unwrap_or(0)]);
    quote! {
        #[automatically_derived]
        impl ::protean::model::Stored for #name {
            type Storage = ::protean::model::Projected;
        }

        #[automatically_derived]
        #[allow(clippy::identity_op)]
        impl ::protean::model::Projection for #name {
            const NAME: &'static str = #stored_name;
            const KEY: usize = #column;

            fn key(&self) -> ::protean::Id {
                #key
            }
        }
    }
}

fn identity(field: &Field) -> syn::Result<TokenStream> {
    let name = &field.ident;
    match (field.kind, field.optional) {
        (Kind::Id, false) => Ok(quote!(::core::clone::Clone::clone(&self.#name))),
        (Kind::Text | Kind::Other, false) => {
            Ok(quote_spanned!(at(&field.ty)=> ::protean::model::Identity::id(&self.#name)))
        }
        _ => refused(
            &field.ty,
            "the identifier of a projection must be an `Id`, a `String` or a newtype of one",
        ),
    }
}
