//! `#[process_manager_impl]`.

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::ext::IdentExt;
use syn::parse::ParseStream;
use syn::{Attribute, ImplItemFn, ItemImpl, Meta, ReturnType, Signature, Type};

use crate::constants::allowed;
use crate::faults::{Faults, refused};
use crate::handler_options::HandlerOptions;
use crate::kind::last_name;
use crate::method;
use crate::options::{Known, value};
use crate::place::at;
use crate::structure::refuse_generics;

const PLACE: &str = "#[process_manager_impl]";

const OPTIONS: Known<'static> =
    Known { place: PLACE, names: &["profile", "on_dead_letter", "subscription_type"] };

const REACTION: Known<'static> = Known { place: "#[on]", names: &["start", "late", "timer", "by"] };

/// A method that takes an event.
struct Reaction {
    event: Type,
    /// The field that names the process; none of a timer.
    by: Option<Ident>,
    when: When,
    call: TokenStream,
}

/// Of which processes a method takes an event.
#[derive(Clone, Copy, PartialEq, Eq)]
enum When {
    /// Of those under way; the first one begins a process.
    Start,
    /// Of those under way.
    Living,
    /// Of those that are complete.
    Late,
    /// Of the one that has set it, unless it is complete.
    Timer,
}

pub(crate) fn expand(
    options: TokenStream,
    item: TokenStream,
    faults: &mut Faults,
) -> syn::Result<TokenStream> {
    let options = HandlerOptions::read(&OPTIONS, options, faults);
    let mut item = method::inherent(PLACE, item)?;
    refuse_generics(PLACE, &item.generics)?;
    let mut reactions = Vec::new();
    let mut is_marked = false;
    for method in method::methods(&mut item) {
        for mark in method::take(method, &["on"]) {
            is_marked = true;
            reactions.extend(faults.take(Reaction::read(&mark, method)));
        }
    }
    if !is_marked {
        faults.add(
            &item.self_ty,
            "this process manager takes no event: mark its methods with `#[on(by = field)]`",
        );
    } else if !reactions.is_empty() && reactions.iter().all(|known| known.when != When::Start) {
        faults.add(
            &item.self_ty,
            "no event begins a process: write `#[on(start, by = field)]` on a method",
        );
    }
    let owner = &item.self_ty;
    let implementations = reactions.iter().map(|reaction| reaction.implementation(owner));
    let register = register(&item, &options, &reactions);
    Ok(quote!(#item #(#implementations)* #register))
}

fn register(item: &ItemImpl, options: &HandlerOptions, reactions: &[Reaction]) -> TokenStream {
    let (owner, declare) = (&item.self_ty, options.declare());
    let routes = reactions.iter().map(|Reaction { event, when, .. }| match when {
        When::Start => quote_spanned!(at(event)=> .starts::<#event>()),
        When::Living | When::Timer => quote_spanned!(at(event)=> .on::<#event>()),
        When::Late => quote_spanned!(at(event)=> .late::<#event>()),
    });
    let manager = quote! {
        /// The process manager, to be registered: `.register(…::manager())`.
        pub fn manager() -> ::protean::Manages<Self> {
            ::protean::Manages::new()
        }
    };
    let manager = match last_name(owner) {
        Some(name) => allowed(&format_ident!("{name}"), manager),
        None => TokenStream::new(),
    };
    quote! {
        #manager

        #[automatically_derived]
        impl ::protean::RegisterProcess for #owner {
            fn register(registry: &mut ::protean::Registry) {
                registry.process_manager::<Self>() #(#routes)* #declare;
            }
        }
    }
}

impl Reaction {
    fn read(mark: &Attribute, method: &ImplItemFn) -> syn::Result<Self> {
        let (by, when) = options(mark)?;
        let signature = &method.sig;
        let ReturnType::Type(_, output) = &signature.output else {
            let message = "a handler must return a result: return `Handled`";
            return refused(&signature.ident, message);
        };
        let (event, context) = arguments(signature)?;
        let (name, wait) = (&signature.ident, signature.asyncness.map(|_| quote!(.await)));
        let call = quote_spanned! {at(output)=>
            ::core::result::Result::Ok(Self::#name(self, event #context) #wait ?)
        };
        Ok(Self { event: event.clone(), by, when, call })
    }

    fn implementation(&self, owner: &Type) -> TokenStream {
        let Self { event, by, when, call } = self;
        let (name, method) = match when {
            When::Start | When::Living | When::Timer => (quote!(React), quote!(react)),
            When::Late => (quote!(ReactLate), quote!(react_late)),
        };
        let field = by.as_ref().map(|by| by.unraw().to_string());
        let proof = match by {
            Some(by) => quote_spanned! {at(by)=>
                const _: fn(&#event) = |event| ::protean::__private::names_process(&event.#by);
            },
            None => quote_spanned! {at(event)=>
                const _: &str = ::protean::__private::event_of::<#owner, #event>();
            },
        };
        quote_spanned! {at(event)=>
            #[automatically_derived]
            impl ::protean::#name<#event> for #owner {
                const BY: &'static [&'static str] = &[#field];

                #[allow(unused_variables, clippy::needless_question_mark)]
                async fn #method(
                    &mut self,
                    event: #event,
                    context: &::protean::Context,
                ) -> ::protean::Handled {
                    #call
                }
            }

            #proof
        }
    }
}

/// The field that names the process, and of which processes the event is taken.
fn options(mark: &Attribute) -> syn::Result<(Option<Ident>, When)> {
    let (mut by, mut when, mut faults) = (None, When::Living, Faults::default());
    let tokens = match &mark.meta {
        Meta::List(list) => list.tokens.clone(),
        _ => TokenStream::new(),
    };
    let mut both = false;
    REACTION.read(tokens, &mut faults, |name: &Ident, input: ParseStream<'_>| {
        if name == "by" {
            by = Some(value(name, input)?);
            return Ok(());
        }
        both |= when != When::Living;
        when = match name.to_string().as_str() {
            "start" => When::Start,
            "late" => When::Late,
            _ => When::Timer,
        };
        Ok(())
    });
    if both {
        faults.add(&mark.meta, "choose one of `start`, `late` and `timer`: use a method for each");
    }
    if let Some(fault) = faults.into_error() {
        return Err(fault);
    }
    let missing = "`by` is missing: name the field of the event that names the process, as in \
                   `#[on(by = order_id)]`";
    match (by, when) {
        (None, When::Timer) => Ok((None, when)),
        (Some(by), When::Timer) => {
            refused(by, "a timer comes to the process that has set it: remove `by`")
        }
        (None, _) => refused(&mark.meta, missing),
        (by, _) => Ok((by, when)),
    }
}

/// The type of the event, and the context if the method takes it.
fn arguments(signature: &Signature) -> syn::Result<(&Type, TokenStream)> {
    let arguments = method::arguments(signature, "&mut self")?;
    let (event, context) = match arguments.as_slice() {
        [event] => (*event, TokenStream::new()),
        [event, Type::Reference(context)] if context.mutability.is_none() => {
            (*event, quote!(, context))
        }
        [_, context] => return refused(context, "take the context by reference, as `&Context`"),
        _ => {
            let message = "take the event, and the context if needed: \
                           `async fn …(&mut self, event: Event, ctx: &Context) -> Handled`";
            return refused(signature.inputs.to_token_stream(), message);
        }
    };
    match event {
        Type::Reference(reference) => refused(reference, "take the event by value: remove `&`"),
        _ => Ok((event, context)),
    }
}
