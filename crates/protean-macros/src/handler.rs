//! `#[command_handler]`, `#[event_handler]`, `#[projector]`, `#[query_handler]` and
//! `#[subscriber]`.

use proc_macro2::TokenStream;
use quote::{format_ident, quote, quote_spanned};
use syn::{ItemImpl, Type};

use crate::faults::Faults;
use crate::handler_options::HandlerOptions;
use crate::kind::last_name;
use crate::method;
use crate::options::{Known, listed};
use crate::part::Part;
use crate::place::at;

/// What the five kinds of handlers do not share.
pub(crate) struct HandlerKind {
    options: Known<'static>,
    /// What to write when the handler does not say whose it is; it may leave that open without.
    missing: Option<&'static str>,
    /// What to write when the handler does not say which stream it reads; only one that
    /// takes a broker's entries has to, in one method.
    stream: Option<&'static str>,
    /// The attributes that mark its methods.
    marks: &'static [&'static str],
    /// The implementation for one message.
    implement: fn(&Part, &ItemImpl) -> TokenStream,
    /// The call that enters the handler, and the one that enters a message.
    calls: (&'static str, &'static str),
}

/// The options of a handler of messages, after what it is for.
macro_rules! options {
    ($owner:literal) => {
        &[$owner, "profile", "ordering", "on_dead_letter", "start_from", "subscription_type"]
    };
}

pub(crate) const COMMANDS: HandlerKind = HandlerKind {
    options: Known { place: "#[command_handler]", names: options!("part_of") },
    missing: Some("say whose commands: `#[command_handler(part_of = Aggregate)]`"),
    stream: None,
    marks: &["handle"],
    implement: Part::handle,
    calls: ("command_handler", "handles"),
};

pub(crate) const EVENTS: HandlerKind = HandlerKind {
    options: Known { place: "#[event_handler]", names: options!("part_of") },
    missing: None,
    stream: None,
    marks: &["handle"],
    implement: Part::on,
    calls: ("event_handler", "on"),
};

pub(crate) const PROJECTOR: HandlerKind = HandlerKind {
    options: Known { place: "#[projector]", names: options!("projection") },
    missing: Some("say what it keeps: `#[projector(projection = Projection)]`"),
    stream: None,
    marks: &["on", "handle"],
    implement: Part::on,
    calls: ("projector", "on"),
};

pub(crate) const QUERIES: HandlerKind = HandlerKind {
    options: Known { place: "#[query_handler]", names: &["projection"] },
    missing: Some("say about what: `#[query_handler(projection = Projection)]`"),
    stream: None,
    marks: &["handle"],
    implement: Part::answer,
    calls: ("query_handler", "answers"),
};

pub(crate) const SUBSCRIBER: HandlerKind = HandlerKind {
    options: Known {
        place: "#[subscriber]",
        names: &["stream", "broker", "profile", "start_from"],
    },
    missing: None,
    stream: Some("say what it reads: `#[subscriber(stream = \"orders\")]`"),
    marks: &["handle"],
    implement: Part::receive,
    calls: ("subscriber", "receives"),
};

impl HandlerKind {
    pub(crate) fn expand(
        &self,
        options: TokenStream,
        item: TokenStream,
        faults: &mut Faults,
    ) -> syn::Result<TokenStream> {
        let options = HandlerOptions::read(&self.options, options, faults);
        let mut item = method::inherent(self.options.place, item)?;
        let parts = self.parts(&mut item, faults);
        let implementations = parts.iter().map(|part| (self.implement)(part, &item));
        let proofs = self.proofs(&options, &parts);
        let register = faults.take(self.register(&item, &options, &parts));
        Ok(quote!(#item #(#implementations)* #proofs #register))
    }

    fn parts(&self, item: &mut ItemImpl, faults: &mut Faults) -> Vec<Part> {
        let (mut parts, mut marked) = (Vec::new(), false);
        for method in method::methods(item) {
            for mark in method::take(method, self.marks) {
                marked = true;
                parts.extend(faults.take(Part::read(&mark, &method.sig)));
            }
        }
        if !marked {
            let marks: Vec<String> = self.marks.iter().map(|mark| format!("#[{mark}]")).collect();
            let marks: Vec<&str> = marks.iter().map(String::as_str).collect();
            let told = format!("no method is marked: put {} above each", listed(&marks[..1]));
            faults.add(&item.self_ty, told);
        }
        if let (Some(_), Some(second)) = (self.stream, parts.get(1)) {
            let told = "a subscriber has one method: take a `Payload` and tell them apart there";
            faults.add(&second.message, told);
        }
        parts
    }

    /// Compile-time proof that every event is of the aggregate that the handler is part of.
    fn proofs(&self, options: &HandlerOptions, parts: &[Part]) -> TokenStream {
        let (None, Some(aggregate)) = (self.missing, &options.owner) else {
            return TokenStream::new();
        };
        let events = parts.iter().map(|part| &part.message);
        let proofs = events.map(|event| {
            quote_spanned! {at(event)=>
                const _: &str = ::protean::__private::event_of::<#aggregate, #event>();
            }
        });
        quote!(#(#proofs)*)
    }

    /// `impl Register`.
    fn register(
        &self,
        item: &ItemImpl,
        options: &HandlerOptions,
        parts: &[Part],
    ) -> syn::Result<TokenStream> {
        let name = handler_name(&item.self_ty)?;
        let of = match (&options.owner, self.missing) {
            (Some(owner), Some(_)) => quote_spanned!(at(owner)=> ::<#owner, _>),
            (None, Some(told)) => return Err(syn::Error::new_spanned(&item.self_ty, told)),
            (_, None) => TokenStream::new(),
        };
        let stream = match (&options.stream, self.stream) {
            (None, Some(told)) => return Err(syn::Error::new_spanned(&item.self_ty, told)),
            (stream, _) => stream.as_ref().map(|stream| quote!(, #stream)),
        };
        let broker = options.broker.as_ref().map(|broker| quote!(.broker(#broker)));
        let (enter, route) = (format_ident!("{}", self.calls.0), format_ident!("{}", self.calls.1));
        let routes = parts.iter().map(|part| {
            let message = &part.message;
            quote_spanned!(at(message)=> .#route::<#message>())
        });
        let (owner, declare) = (&item.self_ty, options.declare());
        let (generics, _, bounds) = item.generics.split_for_impl();
        Ok(quote! {
            #[automatically_derived]
            impl #generics ::protean::Register for #owner #bounds {
                fn register(self, registry: &mut ::protean::domain::Registry) {
                    registry.#enter #of (#name, self #stream) #(#routes)* #broker #declare;
                }
            }
        })
    }
}

fn handler_name(ty: &Type) -> syn::Result<String> {
    last_name(ty).ok_or_else(|| syn::Error::new_spanned(ty, "a handler is a named type"))
}
