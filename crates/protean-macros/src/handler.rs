//! `#[command_handler]`, `#[event_handler]`, `#[projector]`, `#[query_handler]` and
//! `#[subscriber]`.

use proc_macro2::TokenStream;
use quote::{format_ident, quote, quote_spanned};
use syn::{ItemImpl, LitStr, Type};

use crate::faults::{Faults, refused};
use crate::handler_options::HandlerOptions;
use crate::kind::last_name;
use crate::method;
use crate::options::Known;
use crate::part::Part;
use crate::place::at;

/// The differences between the five kinds of handlers.
pub(crate) struct HandlerKind {
    options: Known<'static>,
    /// The message when the owner is missing; `None` when the owner is optional.
    missing_owner: Option<&'static str>,
    /// The message when the stream is missing. Only subscribers need a stream.
    missing_stream: Option<&'static str>,
    /// The attributes that mark its methods.
    marks: &'static [&'static str],
    /// The implementation for one message.
    implement: fn(&Part, &ItemImpl) -> TokenStream,
    /// The method of the registry that registers the handler.
    register: &'static str,
    /// The method that registers a message.
    route: &'static str,
}

/// The options of a handler of messages: its owner, then the shared ones, and those of one kind.
macro_rules! options {
    ($owner:literal $(, $more:literal)*) => {
        &[$owner, $($more,)* "profile", "ordering", "on_dead_letter", "start_from",
          "subscription_type"]
    };
}

pub(crate) const COMMANDS: HandlerKind = HandlerKind {
    options: Known { place: "#[command_handler]", names: options!("part_of") },
    missing_owner: Some(
        "the aggregate is missing: write `#[command_handler(part_of = Aggregate)]`",
    ),
    missing_stream: None,
    marks: &["handle"],
    implement: Part::handle,
    register: "command_handler",
    route: "handles",
};

pub(crate) const EVENTS: HandlerKind = HandlerKind {
    options: Known { place: "#[event_handler]", names: options!("part_of", "name") },
    missing_owner: None,
    missing_stream: None,
    marks: &["handle"],
    implement: Part::on,
    register: "event_handler",
    route: "on",
};

pub(crate) const PROJECTOR: HandlerKind = HandlerKind {
    options: Known { place: "#[projector]", names: options!("projection", "name") },
    missing_owner: Some("the projection is missing: write `#[projector(projection = Projection)]`"),
    missing_stream: None,
    marks: &["on", "handle"],
    implement: Part::on,
    register: "projector",
    route: "on",
};

pub(crate) const QUERIES: HandlerKind = HandlerKind {
    options: Known { place: "#[query_handler]", names: &["projection"] },
    missing_owner: Some(
        "the projection is missing: write `#[query_handler(projection = Projection)]`",
    ),
    missing_stream: None,
    marks: &["handle"],
    implement: Part::answer,
    register: "query_handler",
    route: "answers",
};

pub(crate) const SUBSCRIBER: HandlerKind = HandlerKind {
    options: Known {
        place: "#[subscriber]",
        names: &["stream", "broker", "name", "profile", "start_from"],
    },
    missing_owner: None,
    missing_stream: Some("the stream is missing: write `#[subscriber(stream = \"orders\")]`"),
    marks: &["handle", ON],
    implement: Part::receive,
    register: "subscriber",
    route: "receives",
};

/// The mark of a method for one type of event.
const ON: &str = "on";

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
            let mark = self.marks[0];
            let message =
                format!("no method handles a message: put `#[{mark}]` above each that does");
            faults.add(&item.self_ty, message);
        }
        let takes_every_entry = parts.iter().any(|part| self.route(part) == SUBSCRIBER.route);
        if let (true, Some(second)) = (takes_every_entry, parts.get(1)) {
            let message = "a method with `#[handle]` takes every entry and must be the only one: take a \
                           `Payload`, and distinguish the messages there; or mark each method with \
                           `#[on]`, and let it take an `#[external_event]`";
            faults.add(&second.message, message);
        }
        parts
    }

    /// The method of the registry that registers this part.
    fn route(&self, part: &Part) -> &'static str {
        if self.missing_stream.is_some() && part.mark == ON { "takes" } else { self.route }
    }

    /// Compile-time assertions that every event belongs to the handler's aggregate.
    fn proofs(&self, options: &HandlerOptions, parts: &[Part]) -> TokenStream {
        let (None, Some(aggregate)) = (self.missing_owner, &options.owner) else {
            return TokenStream::new();
        };
        let proofs = parts.iter().map(|Part { message: event, .. }| {
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
        let name = match &options.name {
            Some(name) => pinned_name(name)?,
            None => handler_name(&item.self_ty)?,
        };
        let of = match (&options.owner, self.missing_owner) {
            (Some(owner), Some(_)) => quote_spanned!(at(owner)=> ::<#owner, _>),
            (None, Some(message)) => return refused(&item.self_ty, message),
            (_, None) => TokenStream::new(),
        };
        let stream = match (&options.stream, self.missing_stream) {
            (None, Some(message)) => return refused(&item.self_ty, message),
            (stream, _) => stream.as_ref().map(|stream| quote!(, #stream)),
        };
        let broker = options.broker.as_ref().map(|broker| quote!(.broker(#broker)));
        let register = format_ident!("{}", self.register);
        let routes = parts.iter().map(|part| {
            let (message, route) = (&part.message, format_ident!("{}", self.route(part)));
            quote_spanned!(at(message)=> .#route::<#message>())
        });
        let (owner, declare) = (&item.self_ty, options.declare());
        let (generics, _, bounds) = item.generics.split_for_impl();
        Ok(quote! {
            #[automatically_derived]
            impl #generics ::protean::Register for #owner #bounds {
                fn register(self, registry: &mut ::protean::Registry) {
                    registry.#register #of (#name, self #stream) #(#routes)* #broker #declare;
                }
            }
        })
    }
}

/// The name that a handler keeps however its type is called.
fn pinned_name(name: &LitStr) -> syn::Result<String> {
    let text = name.value();
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if text.starts_with(|c: char| c.is_ascii_alphabetic()) && text.chars().all(is_part) {
        return Ok(text);
    }
    refused(
        name,
        "the name of a handler has letters, digits and `_`, and begins with a letter: write the name \
         that it had as a type",
    )
}

fn handler_name(ty: &Type) -> syn::Result<String> {
    last_name(ty).ok_or_else(|| {
        syn::Error::new_spanned(ty, "a handler must be a named type: write the `impl` for a struct")
    })
}
