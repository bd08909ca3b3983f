//! A handler's method for one message.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::{Attribute, ItemImpl, Meta, ReturnType, Signature, Type};

use crate::faults::refused;
use crate::method;
use crate::place::at;

/// A method for one message.
pub(crate) struct Part {
    pub(crate) message: Type,
    /// The attribute that marks the method.
    pub(crate) mark: String,
    call: TokenStream,
}

impl Part {
    pub(crate) fn read(mark: &Attribute, signature: &Signature) -> syn::Result<Self> {
        if !matches!(mark.meta, Meta::Path(_)) {
            let message = "this takes no options: the type of the argument selects the message";
            return refused(&mark.meta, message);
        }
        let ReturnType::Type(_, output) = &signature.output else {
            let message =
                "a handler must return a result: return `Handled`, or `Handled<Type>` with a value";
            return refused(&signature.ident, message);
        };
        let arguments = method::arguments(signature, "&self")?;
        let (message, context) = match arguments.as_slice() {
            [message] => (*message, TokenStream::new()),
            [message, Type::Reference(context)] if context.mutability.is_none() => {
                (*message, quote!(, context))
            }
            [_, context] => {
                return refused(context, "take the context by reference, as `&Context`");
            }
            _ => {
                let message = "take the message, and the context if needed: \
                               `async fn …(&self, message: Message, ctx: &Context) -> Handled`";
                return refused(&signature.inputs, message);
            }
        };
        if let Type::Reference(reference) = message {
            return refused(reference, "take the message by value: remove `&`");
        }
        let (name, wait) = (&signature.ident, signature.asyncness.map(|_| quote!(.await)));
        let call = quote_spanned! {at(output)=>
            ::core::result::Result::Ok(Self::#name(self, message #context) #wait ?)
        };
        let mark = mark.path().get_ident().map(ToString::to_string).unwrap_or_default();
        Ok(Self { message: message.clone(), mark, call })
    }

    /// `impl Handle`.
    pub(crate) fn handle(&self, handler: &ItemImpl) -> TokenStream {
        let message = &self.message;
        let method = quote!(handle);
        let output = quote!(<#message as ::protean::model::Command>::Output);
        self.implement(handler, &quote!(Handle), &method, &output)
    }

    /// `impl On`.
    pub(crate) fn on(&self, handler: &ItemImpl) -> TokenStream {
        self.implement(handler, &quote!(On), &quote!(on), &quote!(()))
    }

    /// `impl Receive`.
    pub(crate) fn receive(&self, handler: &ItemImpl) -> TokenStream {
        self.implement(handler, &quote!(Receive), &quote!(receive), &quote!(()))
    }

    /// `impl Answer`.
    pub(crate) fn answer(&self, handler: &ItemImpl) -> TokenStream {
        let message = &self.message;
        let method = quote!(answer);
        let output = quote!(<#message as ::protean::model::Query>::Output);
        self.implement(handler, &quote!(Answer), &method, &output)
    }

    fn implement(
        &self,
        handler: &ItemImpl,
        name: &TokenStream,
        method: &TokenStream,
        output: &TokenStream,
    ) -> TokenStream {
        let (Self { message, call, .. }, owner) = (self, &handler.self_ty);
        let (generics, _, bounds) = handler.generics.split_for_impl();
        quote_spanned! {at(message)=>
            #[automatically_derived]
            impl #generics ::protean::#name<#message> for #owner #bounds {
                #[allow(unused_variables, clippy::needless_question_mark)]
                async fn #method(
                    &self,
                    message: #message,
                    context: &::protean::Context,
                ) -> ::protean::Handled<#output> {
                    #call
                }
            }
        }
    }
}
