//! Parses options: `name = value`, `name(…)` or `name`, separated by commas.

use proc_macro2::{Ident, TokenStream, TokenTree};
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream, Parser};
use syn::punctuated::Punctuated;
use syn::{Token, parenthesized};

use crate::faults::{Faults, refused};
use crate::nearest::nearest;

/// The options of an attribute.
pub(crate) struct Known<'a> {
    /// The attribute as the user writes it: `#[event]`.
    pub(crate) place: &'a str,
    pub(crate) names: &'a [&'a str],
}

/// The options that may be given several times, each with other fields.
const INDEXES: [&str; 2] = ["index", "unique"];

impl Known<'_> {
    /// Passes each known option to `take`, which parses the rest of it. A fault in one option
    /// does not hide the next.
    pub(crate) fn read(
        &self,
        options: TokenStream,
        faults: &mut Faults,
        mut take: impl FnMut(&Ident, ParseStream<'_>) -> syn::Result<()>,
    ) {
        let mut seen = Vec::new();
        let parser = |input: ParseStream<'_>| {
            while !input.is_empty() {
                let name = input.call(Ident::parse_any)?;
                // A struct may have several indexes.
                let is_one_of_several =
                    input.peek(syn::token::Paren) && INDEXES.contains(&&*name.to_string());
                let before = if is_one_of_several { &[][..] } else { &seen };
                let taken = self.checked(&name, before).and_then(|()| take(&name, input));
                faults.take(taken.and_then(|()| ends(input)));
                skip_option(input)?;
                seen.push(name);
            }
            Ok(())
        };
        let parsed = parser.parse2(options);
        faults.take(parsed);
    }

    /// Reports options on an attribute that takes none.
    pub(crate) fn none(place: &str, options: TokenStream, faults: &mut Faults) {
        if !options.is_empty() {
            faults.add(options, format!("{place} takes no options: remove them"));
        }
    }

    fn checked(&self, name: &Ident, seen: &[Ident]) -> syn::Result<()> {
        if seen.contains(name) {
            return refused(name, format!("`{name}` is given twice: remove one"));
        }
        if self.names.iter().any(|known| name == known) {
            return Ok(());
        }
        let message = match nearest(&name.to_string(), self.names) {
            Some(known) => format!("{} has no option `{name}`: write `{known}`", self.place),
            None => format!("{} has no option `{name}`: use {}", self.place, listed(self.names)),
        };
        refused(name, message)
    }
}

/// The names as `` `a`, `b` or `c` ``.
pub(crate) fn listed(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    match quoted.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        _ => quoted.join(""),
    }
}

/// The value after the name: `= value`.
pub(crate) fn value<T: Parse>(name: &Ident, input: ParseStream<'_>) -> syn::Result<T> {
    if !input.peek(Token![=]) {
        return refused(name, format!("`{name}` needs a value: write `{name} = …`"));
    }
    input.parse::<Token![=]>()?;
    input.parse()
}

/// The values after the name: `(one, two)`.
pub(crate) fn list<T: Parse>(name: &Ident, input: ParseStream<'_>) -> syn::Result<Vec<T>> {
    if !input.peek(syn::token::Paren) {
        return refused(name, format!("`{name}` needs a list: write `{name}(…, …)`"));
    }
    let content;
    parenthesized!(content in input);
    Ok(Punctuated::<T, Token![,]>::parse_terminated(&content)?.into_iter().collect())
}

fn ends(input: ParseStream<'_>) -> syn::Result<()> {
    if input.is_empty() || input.peek(Token![,]) {
        return Ok(());
    }
    Err(input.error("expected `,` and the next option"))
}

fn skip_option(input: ParseStream<'_>) -> syn::Result<()> {
    while !input.is_empty() && !input.peek(Token![,]) {
        input.parse::<TokenTree>()?;
    }
    if !input.is_empty() {
        input.parse::<Token![,]>()?;
    }
    Ok(())
}
