//! `#[value_object]`.

use proc_macro2::TokenStream;
use quote::quote;

use crate::faults::Faults;
use crate::field::Renamed;
use crate::field_impl::{FieldImpl, checked_element};
use crate::options::Known;
use crate::structure::Structure;
use crate::{choice, columns, constants, default, fields, newtype};

const PLACE: &str = "#[value_object]";

pub(crate) fn expand(
    options: TokenStream,
    item: TokenStream,
    faults: &mut Faults,
) -> syn::Result<TokenStream> {
    Known::none(PLACE, options, faults);
    match syn::parse2(item)? {
        syn::Item::Enum(item) => choice::expand(item, faults),
        syn::Item::Struct(item) if newtype::is_newtype(&item) => newtype::expand(item, faults),
        other => structure(quote!(#other), faults),
    }
}

fn structure(item: TokenStream, faults: &mut Faults) -> syn::Result<TokenStream> {
    let mut object = Structure::parse("#[value_object]", item, faults)?;
    object.derive_value(faults);
    object.derive_aliases();
    object.refuse_unique(
        "mark the field that holds the value object instead, or name its fields above the struct, as \
         in `index(address.city)`",
        faults,
    );
    object.refuse_stamps("a value object has no row of its own; set the field yourself", faults);
    for field in object.identifiers() {
        faults.add(
            &field.identifier,
            "a value object has no identity: remove `identifier`, or use `#[entity]`",
        );
    }
    if object.fields.is_empty() {
        faults.add(object.name(), "a value object needs at least one field: add one");
    }
    let name = object.name();
    let parts = [
        default::functions(&object, faults),
        fields::with_invariants(&object.item, &object.fields),
        checked_element(name, &TokenStream::new()),
        field(&object),
        constants::implementation(name, &object.item.vis, &object.fields, 0),
    ];
    let item = &object.item;
    Ok(quote!(#item #(#parts)*))
}

/// `impl Field`: the fields become columns of the owner.
fn field(object: &Structure) -> TokenStream {
    let (name, fields) = (object.name(), &object.fields);
    let (width, write, read) =
        (columns::width(fields), columns::write(fields), columns::read(fields));
    let may_be_empty = columns::may_be_empty(fields);
    let declare = fields.iter().enumerate().map(|(index, field)| {
        let (as_field, inner, rules) = (field.as_field(), field.name(), fields::rules(index));
        let inner = quote!(&::std::format!("{name}_{}", #inner));
        let declared = quote!(#as_field::columns(#inner, #rules));
        let Some(Renamed { names, .. }) = &field.renamed_from else {
            return quote!(columns.extend(#declared););
        };
        let former = quote!(&[#(::std::format!("{name}_{}", #names)),*]);
        quote!(columns.extend(::protean::__private::renamed(#declared, #inner, #former));)
    });
    let implementation = FieldImpl {
        constants: quote! {
            const WIDTH: usize = #width;
            const MAY_BE_EMPTY: bool = #may_be_empty;
        },
        shape: quote!(::protean::model::Shape::object::<Self>()),
        columns: quote! {
            let mut columns = ::std::vec::Vec::new();
            #(#declare)*
            ::protean::__private::unique(columns, rules)
        },
        check: quote!(violations.nest(rules.name, &::protean::model::Fields::check(self));),
        states: quote!(::protean::model::Fields::states(self, states);),
        write,
        read: quote!(::core::result::Result::Ok(Self { #read })),
    };
    implementation.of(name)
}
