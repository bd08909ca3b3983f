//! `#[process_manager]`.

use proc_macro2::{Ident, TokenStream};
use quote::quote;
use syn::LitStr;
use syn::parse::ParseStream;

use crate::aggregate::take_root;
use crate::event::message_name;
use crate::faults::Faults;
use crate::index::Indexes;
use crate::options::{Known, value};
use crate::structure::Structure;
use crate::{columns, constants, default, derives, fact, fields};

const OPTIONS: Known<'static> = Known { place: "#[process_manager]", names: &["name"] };

pub(crate) fn expand(
    tokens: TokenStream,
    item: TokenStream,
    faults: &mut Faults,
) -> syn::Result<TokenStream> {
    let mut name: Option<LitStr> = None;
    OPTIONS.read(tokens, faults, |option: &Ident, input: ParseStream<'_>| {
        name = Some(value(option, input)?);
        Ok(())
    });
    let mut process = Structure::parse("#[process_manager]", item, faults)?;
    derives::add(&mut process.item.attrs, &["Debug"]);
    take_root(&mut process, "a process manager")?;
    refuse(&process, faults);
    let (owner, visibility) = (process.name(), &process.item.vis);
    let indexes = Indexes::default().function(&process.fields, true, faults);
    let stored_name = message_name(name.as_ref(), owner);
    let parts = [
        default::functions(&process, faults),
        fields::with_states(&process.item, &process.fields),
        implementation(&process, &stored_name),
        access(&process),
        columns::implementation(owner, &process.fields, true, &indexes),
        constants::implementation(owner, visibility, &process.fields, 1),
        constants::identity(owner, visibility),
        columns::unique_proofs(&process.fields),
        fact::event(&process, &stored_name, false, faults),
    ];
    let item = &process.item;
    Ok(quote!(#item #(#parts)*))
}

fn refuse(process: &Structure, faults: &mut Faults) {
    for field in &process.fields {
        if field.ident == "id" {
            faults
                .add(&field.ident, "`root` holds the identity: remove this field, and call `id()`");
        }
        if let Some(identifier) = &field.identifier {
            faults.add(identifier, "`root` holds the identity: remove `identifier`");
        }
    }
}

fn implementation(process: &Structure, stored_name: &TokenStream) -> TokenStream {
    let (owner, fact) = (process.name(), fact::method(process));
    let fields = default::blanks(&process.fields);
    quote! {
        #[automatically_derived]
        impl ::protean::model::Stored for #owner {
            type Storage = ::protean::model::ProcessStored;
        }

        #[automatically_derived]
        impl ::protean::model::Aggregate for #owner {
            const NAME: &'static str = #stored_name;
            #fact

            fn root(&self) -> &::protean::Root<Self> {
                &self.root
            }

            fn root_mut(&mut self) -> &mut ::protean::Root<Self> {
                &mut self.root
            }
        }

        #[automatically_derived]
        impl ::protean::model::Invariants for #owner {}

        #[automatically_derived]
        impl ::protean::model::ProcessManager for #owner {
            fn begin(root: ::protean::Root<Self>) -> Self {
                Self { root, #fields }
            }
        }
    }
}

/// `id()`, `complete()` and `is_complete()`.
fn access(process: &Structure) -> TokenStream {
    let visibility = &process.item.vis;
    let methods = quote! {
        /// The identity: the value by which events are correlated.
        #visibility fn id(&self) -> ::protean::Id {
            ::core::clone::Clone::clone(self.root.id())
        }

        /// Completes the process: what comes from now on, comes late.
        #visibility fn complete(&mut self) {
            self.root.complete();
        }

        /// Has a timer come after this delay, in place of the one of its type that waits.
        ///
        /// # Errors
        /// When the timer breaks the rules of its fields.
        #visibility fn remind<T>(
            &mut self,
            timer: T,
            delay: ::core::time::Duration,
        ) -> ::protean::Result
        where
            T: ::protean::model::Event<Aggregate = Self>,
        {
            let start = ::protean::model::Start::After(delay);
            ::protean::model::set_timer(&mut self.root, &timer, start)
        }

        /// Has a timer come at this moment, in place of the one of its type that waits.
        ///
        /// # Errors
        /// When the timer breaks the rules of its fields.
        #visibility fn remind_at<T>(
            &mut self,
            timer: T,
            moment: ::protean::Timestamp,
        ) -> ::protean::Result
        where
            T: ::protean::model::Event<Aggregate = Self>,
        {
            let start = ::protean::model::Start::At(moment);
            ::protean::model::set_timer(&mut self.root, &timer, start)
        }

        /// Has the timer of this type that waits not come, if there is one.
        #visibility fn cancel_timer<T>(&mut self)
        where
            T: ::protean::model::Event<Aggregate = Self>,
        {
            self.root.remind(::protean::model::Reminder::Cancel(T::NAME));
        }

        /// True once the process is complete.
        #visibility fn is_complete(&self) -> bool {
            self.root.lifecycle().is_complete
        }
    };
    constants::allowed(process.name(), methods)
}
