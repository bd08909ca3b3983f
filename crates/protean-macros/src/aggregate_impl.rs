//! `#[aggregate_impl]`.

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::{ImplItemFn, ItemImpl, Meta, ReturnType, Signature, Type};

use crate::faults::{Faults, refused};
use crate::invariant::{self, Invariant};
use crate::method;
use crate::options::Known;
use crate::place::at;
use crate::structure::refuse_generics;

const PLACE: &str = "#[aggregate_impl]";

/// A method that applies an event.
struct Applied {
    event: Type,
    method: Ident,
}

#[derive(Default)]
struct Behaviour {
    applied: Vec<Applied>,
    invariants: Vec<Invariant>,
}

pub(crate) fn expand(
    options: TokenStream,
    item: TokenStream,
    faults: &mut Faults,
) -> syn::Result<TokenStream> {
    Known::none(PLACE, options, faults);
    let mut item = method::inherent(PLACE, item)?;
    refuse_generics(PLACE, &item.generics)?;
    let mut behaviour = Behaviour::default();
    for method in method::methods(&mut item) {
        behaviour.read(method, faults);
    }
    let owner = &item.self_ty;
    let applies = behaviour.applied.iter().map(|applied| applied.implementation(owner));
    let replay = replay(owner, &behaviour.applied);
    let invariants = invariant::implementation(owner, &behaviour.invariants);
    let item = used(&item);
    Ok(quote!(#item #(#applies)* #replay #invariants))
}

impl Behaviour {
    fn read(&mut self, method: &mut ImplItemFn, faults: &mut Faults) {
        for attribute in method::take(method, &["apply", "invariant"]) {
            if attribute.path().is_ident("invariant") {
                let invariant = Invariant::read(&attribute, &method.sig);
                self.invariants.extend(faults.take(invariant));
                continue;
            }
            if !matches!(attribute.meta, Meta::Path(_)) {
                faults.add(
                    &attribute.meta,
                    "`#[apply]` takes no options: the type of the argument selects the event",
                );
            }
            if let Some(applied) = faults.take(Applied::read(&method.sig)) {
                self.add(applied, faults);
            }
        }
    }

    fn add(&mut self, applied: Applied, faults: &mut Faults) {
        let event = applied.event.to_token_stream().to_string();
        let mut others = self.applied.iter();
        match others.find(|other| other.event.to_token_stream().to_string() == event) {
            Some(other) => {
                let message = format!(
                    "`{}` applies `{event}` already: remove one of the methods",
                    other.method
                );
                faults.add(&applied.event, message);
            }
            None => self.applied.push(applied),
        }
    }
}

impl Applied {
    fn read(signature: &Signature) -> syn::Result<Self> {
        let arguments = method::arguments(signature, "&mut self")?;
        if let Some(asynchronous) = &signature.asyncness {
            let message = "applying an event may only change the state: remove `async`";
            return refused(asynchronous, message);
        }
        if let ReturnType::Type(_, output) = &signature.output {
            let message =
                "applying an event cannot fail, since it has happened: remove the return type";
            return refused(output, message);
        }
        match arguments.as_slice() {
            [Type::Reference(event)] if event.mutability.is_none() => {
                Ok(Self { event: (*event.elem).clone(), method: signature.ident.clone() })
            }
            [other] => refused(other, "take the event by reference, as `&Event`"),
            _ => {
                let message = "take the event as the only argument: \
                               `#[apply] fn on_…(&mut self, event: &Event)`";
                refused(&signature.inputs, message)
            }
        }
    }

    fn implementation(&self, owner: &Type) -> TokenStream {
        let Self { event, method } = self;
        quote_spanned! {at(event)=>
            #[automatically_derived]
            impl ::protean::model::Apply<#event> for #owner {
                fn apply(&mut self, event: &#event) {
                    self.#method(event);
                }
            }
        }
    }
}

/// `impl Replay`, when the aggregate applies events.
fn replay(owner: &Type, applied: &[Applied]) -> TokenStream {
    if applied.is_empty() {
        return TokenStream::new();
    }
    let events = applied.iter().map(|Applied { event, .. }| {
        quote_spanned!(at(event)=> ::protean::model::MessageType::event::<#event>())
    });
    let branches = applied.iter().map(|Applied { event, .. }| {
        let name = event_name(event);
        quote! {
            if name == #name {
                let event: #event = data.read(name)?;
                ::protean::model::Apply::apply(self, &event);
                return ::core::result::Result::Ok(true);
            }
        }
    });
    quote! {
        #[automatically_derived]
        impl ::protean::model::Replay for #owner {
            const EVENTS: &'static [::protean::model::MessageType] = &[#(#events),*];

            fn blank(root: ::protean::Root<Self>) -> Self {
                Self::__blank(root)
            }

            fn replay(
                &mut self,
                name: &str,
                data: ::protean::model::Data<'_>,
            ) -> ::protean::Result<bool> {
                #(#branches)*
                ::core::result::Result::Ok(false)
            }
        }
    }
}

fn event_name(event: &Type) -> TokenStream {
    quote_spanned!(at(event)=> <#event as ::protean::model::Event>::NAME)
}

/// The block as the user wrote it; an empty block is left out.
fn used(item: &ItemImpl) -> TokenStream {
    if item.items.is_empty() { TokenStream::new() } else { item.to_token_stream() }
}
