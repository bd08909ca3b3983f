//! A struct and its fields.

use proc_macro2::TokenStream;
use syn::{Generics, Ident, Item, ItemStruct};

use crate::derives;
use crate::faults::{Faults, refused};
use crate::field::Field;

/// A struct without our attributes, and its fields.
pub(crate) struct Structure {
    pub(crate) item: ItemStruct,
    pub(crate) fields: Vec<Field>,
}

impl Structure {
    /// Reads the struct below `place`, as in `#[event]`.
    pub(crate) fn parse(place: &str, item: TokenStream, faults: &mut Faults) -> syn::Result<Self> {
        let mut item = match syn::parse2(item)? {
            Item::Struct(item) => item,
            other => {
                return refused(other, format!("{place} needs a struct: move it above one"));
            }
        };
        refuse_generics(place, &item.generics)?;
        if let syn::Fields::Unnamed(fields) = &item.fields {
            return refused(
                fields,
                format!("{place} needs named fields: write `{{ name: Type }}`"),
            );
        }
        let fields =
            item.fields.iter_mut().filter_map(|field| Field::take(field, faults)).collect();
        Ok(Self { item, fields })
    }

    pub(crate) fn name(&self) -> &Ident {
        &self.item.ident
    }

    /// Adds the derives of a value that travels as JSON.
    pub(crate) fn derive_value(&mut self, faults: &mut Faults) {
        if matches!(self.item.fields, syn::Fields::Unit) {
            let name = &self.item.ident;
            faults
                .add(name, format!("a unit struct is not an object in JSON: write `{name} {{}}`"));
        }
        derives::add_serde(&mut self.item.attrs);
        derives::add(&mut self.item.attrs, &derives::VALUE);
        let owner = &self.item.ident;
        for (field, plain) in self.fields.iter().zip(&mut self.item.fields) {
            derives::add_serde_default(owner, field, &mut plain.attrs);
        }
    }

    /// Makes JSON readable that uses a field's former name.
    pub(crate) fn derive_aliases(&mut self) {
        for (field, plain) in self.fields.iter().zip(&mut self.item.fields) {
            derives::add_serde_aliases(field, &mut plain.attrs);
        }
    }

    /// The fields marked `#[field(identifier)]`.
    pub(crate) fn identifiers(&self) -> Vec<&Field> {
        self.fields.iter().filter(|field| field.identifier.is_some()).collect()
    }

    /// The field marked `#[field(identifier)]`, if any; reports further ones.
    pub(crate) fn identifier(&self, faults: &mut Faults) -> Option<&Field> {
        let identifiers = self.identifiers();
        for field in identifiers.iter().skip(1) {
            faults.add(&field.identifier, "there can be only one identifier: remove this one");
        }
        identifiers.first().copied()
    }

    pub(crate) fn refuse_renamed(&self, because: &str, faults: &mut Faults) {
        self.fields.iter().for_each(|field| field.refuse_renamed(because, faults));
    }

    pub(crate) fn refuse_stamps(&self, because: &str, faults: &mut Faults) {
        self.fields.iter().for_each(|field| field.refuse_stamps(because, faults));
    }

    pub(crate) fn refuse_unique(&self, because: &str, faults: &mut Faults) {
        self.fields.iter().for_each(|field| field.refuse_unique(because, faults));
    }
}

/// Reports generics: messages and rows have one form.
pub(crate) fn refuse_generics(place: &str, generics: &Generics) -> syn::Result<()> {
    if generics.params.is_empty() && generics.where_clause.is_none() {
        return Ok(());
    }
    let message =
        format!("{place} does not allow generics, since stored data has one form: remove them");
    refused(generics, message)
}
