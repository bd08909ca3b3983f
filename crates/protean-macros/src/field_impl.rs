//! `impl Field` and `impl Element`: the signatures, once for all kinds of values.

use proc_macro2::{Ident, TokenStream};
use quote::quote;

/// The bodies of `impl Field`.
pub(crate) struct FieldImpl {
    pub(crate) constants: TokenStream,
    pub(crate) shape: TokenStream,
    pub(crate) columns: TokenStream,
    pub(crate) check: TokenStream,
    pub(crate) states: TokenStream,
    pub(crate) write: TokenStream,
    pub(crate) read: TokenStream,
}

impl FieldImpl {
    pub(crate) fn of(self, name: &Ident) -> TokenStream {
        let Self { constants, shape, columns, check, states, write, read } = self;
        quote! {
            #[automatically_derived]
            #[allow(unused_variables, clippy::identity_op)]
            impl ::protean::model::Field for #name {
                #constants

                fn shape() -> ::protean::model::Shape {
                    #shape
                }

                fn columns(
                    name: &str,
                    rules: &::protean::model::Rules,
                ) -> ::std::vec::Vec<::protean::message::Column> {
                    #columns
                }

                fn check(
                    &self,
                    rules: &::protean::model::Rules,
                    violations: &mut ::protean::Violations,
                ) {
                    #check
                }

                fn states(&self, states: &mut ::protean::model::States) {
                    #states
                }

                fn write(&self, row: &mut ::std::vec::Vec<::protean::message::Value>) {
                    #write
                }

                fn read(
                    values: &mut ::protean::model::Values<'_>,
                ) -> ::core::result::Result<Self, ::std::string::String> {
                    #read
                }
            }
        }
    }
}

/// `impl Element`, so that lists and maps can hold it, with these functions of its own.
pub(crate) fn element(name: &Ident, own: &TokenStream) -> TokenStream {
    quote! {
        #[automatically_derived]
        impl ::protean::model::Element for #name {
            fn element_shape() -> ::protean::model::Shape {
                <Self as ::protean::model::Field>::shape()
            }

            fn element_states(&self, states: &mut ::protean::model::States) {
                ::protean::model::Field::states(self, states);
            }

            #own
        }
    }
}

/// `impl Element` of a value whose fields have rules and that may have invariants.
pub(crate) fn checked_element(name: &Ident, own: &TokenStream) -> TokenStream {
    let element = element(
        name,
        &quote! {
            fn check_element(&self) -> ::protean::Violations {
                ::protean::model::Fields::check(self)
            }

            #own
        },
    );
    quote! {
        #element

        #[automatically_derived]
        impl ::protean::__private::ChecksInvariants for #name {}
    }
}
