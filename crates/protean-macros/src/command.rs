//! `#[command]`.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};

use crate::event::MessageOptions;
use crate::faults::{Faults, refused};
use crate::field::Field;
use crate::kind::Kind;
use crate::options::Known;
use crate::place::at;
use crate::structure::Structure;
use crate::{constants, default, fields};

pub(crate) fn expand(
    options: TokenStream,
    item: TokenStream,
    faults: &mut Faults,
) -> syn::Result<TokenStream> {
    let known = Known { place: "#[command]", names: &["part_of", "returns", "name", "version"] };
    let options = MessageOptions::read(&known, options, faults);
    let mut command = Structure::parse("#[command]", item, faults)?;
    command.derive_value(faults);
    command.refuse_unique("a command has no columns", faults);
    command.refuse_renamed(
        "a command is kept in the log as it is; give it its next `version` and an `Upcast` that \
         renames the field",
        faults,
    );
    command.refuse_stamps("a command has no row; set the field yourself", faults);
    let (defaults, name) = (default::functions(&command, faults), command.name());
    let fields = fields::of_json(&command.item, &command.fields);
    let attributes = constants::implementation(name, &command.item.vis, &command.fields, 0);
    let instance = command.identifier(faults).and_then(|field| faults.take(instance(field)));
    let output = match &options.returns {
        Some(output) => quote_spanned!(at(output)=> type Output = #output;),
        None => quote!(
            type Output = ();
        ),
    };
    let message = options.implementation("Command", name, &quote!(#output #instance), faults);
    let item = &command.item;
    Ok(quote!(#item #defaults #fields #attributes #message))
}

/// The method that returns the identity of the instance.
fn instance(field: &Field) -> syn::Result<TokenStream> {
    let name = &field.ident;
    let id = match (field.kind, field.optional) {
        (Kind::Id, false) => {
            quote!(::core::option::Option::Some(::core::clone::Clone::clone(&self.#name)))
        }
        (Kind::Id, true) => quote!(::core::clone::Clone::clone(&self.#name)),
        (Kind::Text | Kind::Other, false) => {
            let id = quote_spanned!(at(&field.ty)=> ::protean::model::Identity::id(&self.#name));
            quote!(::core::option::Option::Some(#id))
        }
        _ => {
            let message =
                "an identifier must be an `Id`, an `Option<Id>`, a `String` or a newtype of one";
            return refused(&field.ty, message);
        }
    };
    Ok(quote! {
        fn instance(&self) -> ::core::option::Option<::protean::Id> {
            #id
        }
    })
}
