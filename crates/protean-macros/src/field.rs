//! One field and its `#[field(…)]` options.

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::ext::IdentExt;
use syn::parse::ParseStream;
use syn::token::Paren;
use syn::{Attribute, Expr, ExprLit, ExprUnary, Lit, LitBool, LitInt, LitStr, Meta, Type, UnOp};

use crate::documentation::documentation;
use crate::faults::{Faults, refused};
use crate::kind::{Kind, argument};
use crate::options::{Known, list, value};
use crate::place::at;
use crate::serde_words::serde_words;

const OPTIONS: Known<'static> = Known {
    place: "#[field]",
    names: &[
        "max_length",
        "min_length",
        "max_value",
        "min_value",
        "blank",
        "precision",
        "scale",
        "validate",
        "choices",
        "default",
        "identifier",
        "unique",
        "index",
        "renamed_from",
        "created_at",
        "updated_at",
    ],
};

/// A field, its type and its options.
#[derive(Clone)]
pub(crate) struct Field {
    pub(crate) ident: Ident,
    pub(crate) ty: Type,
    pub(crate) kind: Kind,
    pub(crate) optional: bool,
    pub(crate) identifier: Option<Ident>,
    pub(crate) unique: Option<Ident>,
    pub(crate) index: Option<Ident>,
    pub(crate) default: Option<Expr>,
    pub(crate) renamed_from: Option<Renamed>,
    /// The function that validates a value.
    pub(crate) validate: Option<Expr>,
    pub(crate) created_at: Option<Ident>,
    pub(crate) updated_at: Option<Ident>,
    /// True when the user tells serde to use a default.
    pub(crate) has_serde_default: bool,
    /// What the user says of it.
    pub(crate) doc: String,
    precision: Option<(Ident, u32)>,
    scale: Option<(Ident, u32)>,
    limits: Vec<Limit>,
}

/// The names that a field had before, and where that is written.
#[derive(Clone)]
pub(crate) struct Renamed {
    option: Ident,
    pub(crate) names: Vec<LitStr>,
}

/// An option that the rules of a field carry.
#[derive(Clone)]
struct Limit {
    name: Ident,
    argument: TokenStream,
}

impl Field {
    /// Takes the `#[field]` attributes off the field.
    pub(crate) fn take(field: &mut syn::Field, faults: &mut Faults) -> Option<Self> {
        let inner = argument(&field.ty, "Option");
        let mut read = Self {
            ident: field.ident.clone()?,
            kind: Kind::of(inner.unwrap_or(&field.ty)),
            optional: inner.is_some(),
            ty: field.ty.clone(),
            identifier: None,
            unique: None,
            index: None,
            default: None,
            renamed_from: None,
            validate: None,
            created_at: None,
            updated_at: None,
            has_serde_default: serde_words(&field.attrs).iter().any(|word| word == "default"),
            doc: documentation(&field.attrs),
            precision: None,
            scale: None,
            limits: Vec::new(),
        };
        let is_ours = |attribute: &mut Attribute| attribute.path().is_ident("field");
        for attribute in field.attrs.extract_if(.., is_ours) {
            match &attribute.meta {
                Meta::List(options) => {
                    let tokens = options.tokens.clone();
                    OPTIONS.read(tokens, faults, |name, input| read.option(name, input));
                }
                _ => faults.add(&attribute, "the options are missing: write `#[field(…)]`"),
            }
        }
        faults.take(read.refuse_digits());
        Some(read)
    }

    fn option(&mut self, name: &Ident, input: ParseStream<'_>) -> syn::Result<()> {
        match name.to_string().as_str() {
            "identifier" => self.identifier = Some(name.clone()),
            "unique" => self.unique = Some(name.clone()),
            "index" => self.index = Some(self.indexed(name)?),
            "default" => self.default = Some(value(name, input)?),
            "renamed_from" => self.renamed_from = Some(self.renamed(name, input)?),
            "created_at" => self.created_at = Some(self.moment(name)?),
            "updated_at" => self.updated_at = Some(self.moment(name)?),
            "validate" => self.validate = Some(value(name, input)?),
            "max_length" | "min_length" => {
                let length = value::<LitInt>(name, input)?;
                let length = length.base10_parse::<usize>()?;
                let fits = self.kind.may_be_text() || self.kind.has_length();
                self.limit(name, quote!(#length), fits, "a text, a list or a map")?;
            }
            "blank" => {
                let allowed = value::<LitBool>(name, input)?;
                if allowed.value {
                    return refused(name, "text may be blank by default: remove this option");
                }
                self.limit(name, quote!(#allowed), self.kind.may_be_text(), "a text")?;
            }
            "precision" | "scale" => {
                let digits = value::<LitInt>(name, input)?;
                let count = digits.base10_parse::<u32>()?;
                if count > 28 {
                    return refused(digits, "a decimal number has at most 28 digits");
                }
                let limited = if name == "scale" { &mut self.scale } else { &mut self.precision };
                *limited = Some((name.clone(), count));
                let fits = matches!(self.kind, Kind::Decimal | Kind::Other);
                self.limit(name, quote!(#digits), fits, "a `Decimal`")?;
            }
            "choices" => {
                let choices = list::<LitStr>(name, input)?;
                self.limit(name, quote!(&[#(#choices),*]), self.kind.may_be_text(), "a text")?;
            }
            _ => {
                let bound = bound(&value(name, input)?)?;
                self.limit(name, bound, self.kind.may_be_number(), "a number")?;
            }
        }
        Ok(())
    }

    /// `index`, on a field that an index can serve.
    fn indexed(&self, option: &Ident) -> syn::Result<Ident> {
        if self.kind.has_length() {
            let message = "an index cannot find what a list or map contains: remove `index`";
            return refused(option, message);
        }
        Ok(option.clone())
    }

    /// `renamed_from = "old"`, or `renamed_from("old", "older")`.
    fn renamed(&self, option: &Ident, input: ParseStream<'_>) -> syn::Result<Renamed> {
        let names = match input.peek(Paren) {
            true => list::<LitStr>(option, input)?,
            false => vec![value::<LitStr>(option, input)?],
        };
        let own = self.name();
        if let Some(same) = names.iter().find(|name| name.value() == own) {
            return refused(same, "this is the field's present name: write its previous name");
        }
        if names.is_empty() {
            return refused(option, "`renamed_from` needs the name the field had before");
        }
        Ok(Renamed { option: option.clone(), names })
    }

    /// `created_at` or `updated_at`, on a field that can hold it.
    fn moment(&self, option: &Ident) -> syn::Result<Ident> {
        if self.kind == Kind::Time || self.kind == Kind::Other {
            return Ok(option.clone());
        }
        let field = &self.ident;
        let message = format!("`{option}` needs a field that is a `Timestamp`: `{field}` is not");
        refused(option, message)
    }

    /// Refuses a `scale` that is greater than `precision`.
    fn refuse_digits(&self) -> syn::Result<()> {
        let (Some((option, precision)), Some((_, scale))) = (&self.precision, &self.scale) else {
            return Ok(());
        };
        if scale <= precision {
            return Ok(());
        }
        let message = "`precision` counts all digits, including those after the decimal point: it \
                       must be at least `scale`";
        refused(option, message)
    }

    fn limit(
        &mut self,
        name: &Ident,
        argument: TokenStream,
        fits: bool,
        expected: &str,
    ) -> syn::Result<()> {
        if !fits {
            let field = &self.ident;
            let message = format!("`{name}` needs a field that is {expected}: `{field}` is not");
            return refused(name, message);
        }
        self.limits.push(Limit { name: name.clone(), argument });
        Ok(())
    }

    /// The name in messages and columns.
    pub(crate) fn name(&self) -> String {
        self.ident.unraw().to_string()
    }

    /// The name of the function that returns the default.
    pub(crate) fn default_function(&self) -> Ident {
        format_ident!("default_{}", self.ident.unraw())
    }

    /// The rules, as a constant expression.
    pub(crate) fn rules(&self) -> TokenStream {
        self.rules_named(&self.name())
    }

    /// The rules under another name, as a constant expression.
    pub(crate) fn rules_named(&self, name: &str) -> TokenStream {
        let limits = self.limits.iter().map(|Limit { name, argument }| quote!(.#name(#argument)));
        let flags =
            [&self.identifier, &self.unique].into_iter().flatten().map(|name| quote!(.#name()));
        quote!(::protean::model::Rules::named(#name) #(#limits)* #(#flags)*)
    }

    /// `<Type as Field>`; the compiler points at the type when it does not implement `Field`.
    pub(crate) fn as_field(&self) -> TokenStream {
        let ty = &self.ty;
        quote_spanned!(at(ty)=> <#ty as ::protean::model::Field>)
    }

    /// True for a `created_at` or `updated_at` field.
    pub(crate) fn is_stamped(&self) -> bool {
        self.created_at.is_some() || self.updated_at.is_some()
    }

    /// Refuses `created_at` and `updated_at` on a type that has no row of its own.
    pub(crate) fn refuse_stamps(&self, because: &str, faults: &mut Faults) {
        for option in [&self.created_at, &self.updated_at].into_iter().flatten() {
            faults.add(option, format!("`{option}` is filled when a row is kept: {because}"));
        }
    }

    /// Refuses `unique` and `index` on a type that is not stored in rows.
    pub(crate) fn refuse_unique(&self, because: &str, faults: &mut Faults) {
        for option in [&self.unique, &self.index].into_iter().flatten() {
            faults.add(option, format!("`{option}` needs a column: {because}"));
        }
    }

    /// Refuses `renamed_from` on a type that is not stored in rows.
    pub(crate) fn refuse_renamed(&self, because: &str, faults: &mut Faults) {
        if let Some(renamed) = &self.renamed_from {
            faults.add(&renamed.option, format!("`renamed_from` needs a column: {because}"));
        }
    }
}

fn bound(expression: &Expr) -> syn::Result<TokenStream> {
    let (sign, literal) = match expression {
        Expr::Unary(ExprUnary { op: UnOp::Neg(sign), expr, .. }) => (Some(sign), &**expr),
        other => (None, other),
    };
    match literal {
        Expr::Lit(ExprLit { lit: Lit::Int(number), .. }) => {
            Ok(quote!(::protean::model::Bound::Integer(#sign #number)))
        }
        Expr::Lit(ExprLit { lit: Lit::Float(number), .. }) => {
            Ok(quote!(::protean::model::Bound::Real(#sign #number)))
        }
        other => refused(other, "a limit must be a number: write `0`, `0.01` or `-5`"),
    }
}
