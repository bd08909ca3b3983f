//! The default values of fields.

use proc_macro2::{Literal, TokenStream};
use quote::{quote, quote_spanned};
use syn::{Expr, ExprLit, ExprUnary, Lit, UnOp};

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
        // The function exists even if its value is wrong, so that calls of it add no errors.
        let value = faults.take(converted(field, default));
        let value = value.unwrap_or_else(|| quote!(::core::unreachable!()));
        let (name, ty) = (field.default_function(), &field.ty);
        let documentation = format!(" The default of `{}`.", field.name());
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

/// `with_defaults()`, when a default is declared and every other field has an obvious one.
/// `root` is an additional field of the literal.
pub(crate) fn constructor(owner: &Structure, root: &TokenStream) -> TokenStream {
    let declared = owner.fields.iter().any(|field| field.default.is_some() || field.is_stamped());
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

/// The fields of a literal, each with its default.
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

/// The default of a field.
fn blank(field: &Field) -> TokenStream {
    let ty = &field.ty;
    if field.default.is_some() {
        let function = field.default_function();
        return quote!(Self::#function());
    }
    if field.kind == Kind::Id && !field.optional {
        return quote_spanned!(at(ty)=> <#ty as ::core::convert::From<&str>>::from(""));
    }
    quote_spanned!(at(ty)=> <#ty as ::core::default::Default>::default())
}

/// Converts a literal to the field's type without loss; leaves other expressions unchanged.
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

/// The exact number as written: `9.99` is 999 hundredths.
fn decimal(
    literal: &impl quote::ToTokens,
    digits: &str,
    negative: bool,
) -> syn::Result<TokenStream> {
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let sign = if negative { "-" } else { "" };
    let units = format!("{sign}{whole}{fraction}").parse::<i64>().map_err(|_| {
        syn::Error::new_spanned(
            literal,
            "this number is too long: write a decimal of at most 18 digits, such as `9.99`",
        )
    })?;
    let (units, scale) = (Literal::i64_unsuffixed(units), fraction.len());
    let scale = Literal::usize_unsuffixed(scale);
    Ok(quote!(::protean::Decimal::new(#units, #scale)))
}
