//! The value a field has when nobody gives one.

use proc_macro2::{Literal, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::ext::IdentExt;
use syn::{Expr, ExprLit, ExprUnary, Ident, Lit, UnOp};

use crate::constants::allowed;
use crate::faults::Faults;
use crate::field::Field;
use crate::kind::{Kind, last_name};
use crate::place::at;
use crate::structure::Structure;

/// The functions behind `#[field(default = …)]`: `Book::default_status()`.
pub(crate) fn functions(owner: &Structure, faults: &mut Faults) -> TokenStream {
    let (mut functions, visibility) = (TokenStream::new(), &owner.item.vis);
    for field in &owner.fields {
        let Some(default) = &field.default else { continue };
        // The function stays when its value is at fault, for those who call it.
        let value = faults.take(converted(field, default));
        let value = value.unwrap_or_else(|| quote!(::core::unreachable!()));
        let (name, ty) = (function(field), &field.ty);
        let documentation = format!(" What `{}` is when nobody says.", field.name());
        functions.extend(quote! {
            #[doc = #documentation]
            #[must_use]
            #visibility fn #name() -> #ty {
                #value
            }
        });
    }
    if functions.is_empty() { functions } else { allowed(owner.name(), functions) }
}

/// The name of the function that makes a field's default.
pub(crate) fn function(field: &Field) -> Ident {
    format_ident!("default_{}", field.ident.unraw())
}

/// `with_defaults()`, when a default is declared and every other field
/// obviously has one. `root` is what else the literal holds.
pub(crate) fn constructor(owner: &Structure, root: &TokenStream) -> TokenStream {
    let declared = owner.fields.iter().any(|field| field.default.is_some());
    if !declared || !owner.fields.iter().all(is_obvious) {
        return TokenStream::new();
    }
    let (visibility, fields) = (&owner.item.vis, blanks(&owner.fields));
    let constructor = quote! {
        /// Every field at its default, for `Self { name, ..Self::with_defaults() }`.
        #[must_use]
        #visibility fn with_defaults() -> Self {
            Self { #root #fields }
        }
    };
    allowed(owner.name(), constructor)
}

/// The fields of a literal that nobody gave values.
pub(crate) fn blanks(fields: &[Field]) -> TokenStream {
    let fields = fields.iter().map(|field| {
        let (name, value) = (&field.ident, blank(field));
        quote!(#name: #value,)
    });
    quote!(#(#fields)*)
}

fn is_obvious(field: &Field) -> bool {
    let plain = match field.kind {
        Kind::Other => false,
        Kind::Time => last_name(&field.ty).as_deref() == Some("Timestamp"),
        _ => true,
    };
    plain || field.optional || field.default.is_some()
}

/// The value of a field that nobody gave one.
fn blank(field: &Field) -> TokenStream {
    let ty = &field.ty;
    if field.default.is_some() {
        let function = function(field);
        return quote!(Self::#function());
    }
    if field.kind == Kind::Id && !field.optional {
        return quote_spanned!(at(ty)=> <#ty as ::core::convert::From<&str>>::from(""));
    }
    quote_spanned!(at(ty)=> <#ty as ::core::default::Default>::default())
}

/// A literal becomes a value of the field's type, exactly; what is no literal stays.
fn converted(field: &Field, default: &Expr) -> syn::Result<TokenStream> {
    let (negative, literal) = match default {
        Expr::Unary(ExprUnary { op: UnOp::Neg(_), expr, .. }) => (true, &**expr),
        other => (false, other),
    };
    let Expr::Lit(ExprLit { lit: literal, .. }) = literal else { return Ok(quote!(#default)) };
    let value = match (field.kind, literal) {
        (Kind::Text, Lit::Str(text)) => quote!(::std::string::String::from(#text)),
        (Kind::Id, Lit::Str(text)) => quote!(::protean::Id::from(#text)),
        (Kind::Decimal, Lit::Int(number)) => decimal(number, number.base10_digits(), negative)?,
        (Kind::Decimal, Lit::Float(number)) => decimal(number, number.base10_digits(), negative)?,
        (Kind::Real, Lit::Int(number)) => {
            let real = Literal::f64_unsuffixed(number.base10_parse()?);
            if negative { quote!(-#real) } else { quote!(#real) }
        }
        _ => quote!(#default),
    };
    if field.optional { Ok(quote!(::core::option::Option::Some(#value))) } else { Ok(value) }
}

/// The number as it is written: `9.99` is 999 hundredths.
fn decimal(
    literal: &impl quote::ToTokens,
    digits: &str,
    negative: bool,
) -> syn::Result<TokenStream> {
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let sign = if negative { "-" } else { "" };
    let units = format!("{sign}{whole}{fraction}").parse::<i64>().map_err(|_| {
        syn::Error::new_spanned(literal, "write a decimal of at most 18 digits, like `9.99`")
    })?;
    let (units, scale) = (Literal::i64_unsuffixed(units), fraction.len());
    let scale = Literal::usize_unsuffixed(scale);
    Ok(quote!(::protean::Decimal::new(#units, #scale)))
}
