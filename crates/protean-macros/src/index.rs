//! Indexes: `index(author, title desc)` and `unique(shelf, slot)` on a struct, `index` on a field.

use proc_macro2::{Ident, TokenStream};
use quote::{quote, quote_spanned};
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::{Token, Type, parenthesized};

use crate::constants::constant;
use crate::faults::{Faults, refused};
use crate::field::Field;
use crate::kind::argument;
use crate::options::listed;

/// The indexes that a struct declares.
#[derive(Default)]
pub(crate) struct Indexes(Vec<Declared>);

/// One option `index(…)` or `unique(…)`.
struct Declared {
    is_unique: bool,
    columns: Vec<Column>,
}

/// `title`, `address.city`, or `title desc`.
struct Column {
    path: Vec<Ident>,
    descends: bool,
}

impl Parse for Column {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let path =
            Punctuated::<Ident, Token![.]>::parse_separated_nonempty_with(input, Ident::parse_any)?;
        let descends = match input.peek(Ident::peek_any) {
            false => false,
            true => {
                let word = input.call(Ident::parse_any)?;
                if word != "desc" {
                    let message = format!("write `desc` after a field, or nothing: not `{word}`");
                    return refused(word, message);
                }
                true
            }
        };
        Ok(Self { path: path.into_iter().collect(), descends })
    }
}

impl Indexes {
    /// Reads what follows `index` or `unique`.
    pub(crate) fn option(&mut self, name: &Ident, input: ParseStream<'_>) -> syn::Result<()> {
        if !input.peek(syn::token::Paren) {
            let message = format!("`{name}` needs fields: write `{name}(…, …)`");
            return refused(name, message);
        }
        let content;
        parenthesized!(content in input);
        let columns = Punctuated::<Column, Token![,]>::parse_terminated(&content)?;
        let columns: Vec<Column> = columns.into_iter().collect();
        let is_unique = name == "unique";
        match (&columns[..], is_unique) {
            ([], _) => refused(name, format!("`{name}` needs fields: write `{name}(…, …)`")),
            ([only], true) if only.path.len() == 1 => {
                let field = &only.path[0];
                let message = format!("mark the field `{field}` with `#[field(unique)]` instead");
                refused(field, message)
            }
            _ => {
                self.0.push(Declared { is_unique, columns });
                Ok(())
            }
        }
    }

    /// The function `indexes` of `impl Columns`; `has_root` when `id` is a column too.
    pub(crate) fn function(
        &self,
        fields: &[Field],
        has_root: bool,
        faults: &mut Faults,
    ) -> TokenStream {
        let of_fields = fields.iter().filter_map(|field| {
            let index = field.index.as_ref()?;
            let (constant, as_field) = (constant(&field.ident), field.as_field());
            Some(quote_spanned! {index.span()=> {
                const _: () = ::core::assert!(
                    #as_field::WIDTH == 1,
                    "`index` needs a field of one column: this one holds a value object, so name \
                     its fields above the struct, as in `index(address.city)`"
                );
                ::protean::message::Index {
                    columns: ::std::vec![Self::#constant.ascending().key()],
                    unique: false,
                }
            }})
        });
        let mut indexes: Vec<TokenStream> = of_fields.collect();
        for declared in &self.0 {
            let columns: Vec<TokenStream> = declared
                .columns
                .iter()
                .filter_map(|column| faults.take(column.key(fields, has_root)))
                .collect();
            let unique = declared.is_unique;
            indexes.push(quote! {
                ::protean::message::Index { columns: ::std::vec![#(#columns),*], unique: #unique }
            });
        }
        if indexes.is_empty() {
            return TokenStream::new();
        }
        quote! {
            fn indexes() -> ::std::vec::Vec<::protean::message::Index> {
                ::std::vec![#(#indexes),*]
            }
        }
    }

    /// Refuses indexes of a type that is not stored in rows.
    pub(crate) fn refuse(&self, because: &str, faults: &mut Faults) {
        let columns = self.0.iter().filter_map(|declared| declared.columns.first());
        for column in columns {
            faults.add(&column.path[0], format!("an index needs columns: {because}"));
        }
    }
}

impl Column {
    /// The sort key of this column, as an expression.
    fn key(&self, fields: &[Field], has_root: bool) -> syn::Result<TokenStream> {
        let [first, parts @ ..] = &self.path[..] else { return Ok(TokenStream::new()) };
        let attribute = match fields.iter().find(|field| field.ident == *first) {
            Some(field) if field.kind.has_length() => {
                let message =
                    "an index cannot find what a list or map contains: name another field";
                return refused(first, message);
            }
            Some(field) => part_of(field, parts),
            None if has_root && first == "id" && parts.is_empty() => quote!(Self::ID),
            None => {
                let names: Vec<String> = fields.iter().map(Field::name).collect();
                let names: Vec<&str> = names.iter().map(String::as_str).collect();
                let message = format!("there is no field `{first}`: use {}", listed(&names));
                return refused(first, message);
            }
        };
        let direction = match self.descends {
            true => quote!(descending),
            false => quote!(ascending),
        };
        Ok(quote_spanned!(first.span()=> const { #attribute.#direction().key() }))
    }
}

/// A field, or a field of the value object in it.
fn part_of(field: &Field, parts: &[Ident]) -> TokenStream {
    let own = constant(&field.ident);
    let mut attribute = quote!(Self::#own);
    let Some((first, rest)) = parts.split_first() else { return attribute };
    let object: &Type = argument(&field.ty, "Option").unwrap_or(&field.ty);
    let named = constant(first);
    attribute = quote_spanned!(first.span()=> #attribute.field(<#object>::#named));
    // Only the compiler knows the type of a nested field.
    if let Some(deeper) = rest.first() {
        let message = "an index can name fields of value objects, but not fields nested deeper";
        return syn::Error::new(deeper.span(), message).to_compile_error();
    }
    attribute
}
