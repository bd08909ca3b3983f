//! The options of handlers.

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote};
use syn::parse::ParseStream;
use syn::{LitStr, Path};

use crate::faults::{Faults, refused};
use crate::nearest::nearest;
use crate::options::{Known, value};

/// An option with a fixed set of words: its name, its type, and the words with their variants.
struct Choices {
    name: &'static str,
    ty: &'static str,
    words: [(&'static str, &'static str); 2],
}

const CHOICES: [Choices; 4] = [
    Choices { name: "ordering", ty: "Ordering", words: [("stream", "Stream"), ("none", "None")] },
    Choices {
        name: "on_dead_letter",
        ty: "OnDeadLetter",
        words: [("hold", "Hold"), ("skip", "Skip")],
    },
    Choices {
        name: "start_from",
        ty: "StartFrom",
        words: [("beginning", "Beginning"), ("head", "Head")],
    },
    Choices {
        name: "subscription_type",
        ty: "SubscriptionType",
        words: [("stream", "Stream"), ("event_store", "EventStore")],
    },
];

/// The options of a handler.
#[derive(Default)]
pub(crate) struct HandlerOptions {
    /// The aggregate or projection it is for.
    pub(crate) owner: Option<Path>,
    /// The stream that a subscriber reads, and its broker.
    pub(crate) stream: Option<LitStr>,
    pub(crate) broker: Option<LitStr>,
    /// The name it keeps when its type is renamed.
    pub(crate) name: Option<LitStr>,
    declared: Vec<TokenStream>,
}

impl HandlerOptions {
    pub(crate) fn read(known: &Known<'_>, options: TokenStream, faults: &mut Faults) -> Self {
        let mut read = Self::default();
        known.read(options, faults, |name, input| read.option(name, input));
        read
    }

    fn option(&mut self, name: &Ident, input: ParseStream<'_>) -> syn::Result<()> {
        if name == "part_of" || name == "projection" {
            self.owner = Some(value(name, input)?);
            return Ok(());
        }
        let word: LitStr = value(name, input)?;
        let place = match name.to_string().as_str() {
            "stream" => Some(&mut self.stream),
            "broker" => Some(&mut self.broker),
            "name" => Some(&mut self.name),
            _ => None,
        };
        if let Some(place) = place {
            *place = Some(word);
            return Ok(());
        }
        let value = match CHOICES.iter().find(|choices| name == choices.name) {
            Some(choices) => choices.value(&word)?,
            None => quote!(#word),
        };
        self.declared.push(quote!(#name: ::core::option::Option::Some(#value)));
        Ok(())
    }

    /// `.declare(…)`, unless nothing is declared.
    pub(crate) fn declare(&self) -> TokenStream {
        if self.declared.is_empty() {
            return TokenStream::new();
        }
        let declared = &self.declared;
        quote! {
            .declare(::protean::config::Declared {
                #(#declared,)*
                ..::protean::config::Declared::NONE
            })
        }
    }
}

impl Choices {
    fn value(&self, word: &LitStr) -> syn::Result<TokenStream> {
        let given = word.value();
        if let Some((_, variant)) = self.words.iter().find(|(name, _)| *name == given) {
            let (ty, variant) = (format_ident!("{}", self.ty), format_ident!("{variant}"));
            return Ok(quote!(::protean::config::#ty::#variant));
        }
        let names = self.words.map(|(name, _)| name);
        let hint = nearest(&given, &names).map(|name| format!(": write \"{name}\""));
        let hint = hint.unwrap_or_default();
        let [one, other] = names;
        refused(word, format!("`{}` must be `{one}` or `{other}`{hint}", self.name))
    }
}
