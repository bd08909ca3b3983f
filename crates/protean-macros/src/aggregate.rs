//! `#[aggregate]`.

use proc_macro2::{Ident, TokenStream};
use quote::{quote, quote_spanned};
use syn::parse::ParseStream;
use syn::token::Paren;
use syn::{LitStr, Path, Visibility, parse_quote};

use crate::event::{message_name, version};
use crate::faults::{Faults, refused};
use crate::index::Indexes;
use crate::kind::{argument, last_name};
use crate::options::{Known, list, value};
use crate::place::at;
use crate::structure::Structure;
use crate::{columns, constants, default, derives, fact, fields};

const OPTIONS: Known<'static> = Known {
    place: "#[aggregate]",
    names: &[
        "event_sourced",
        "commands",
        "stream_category",
        "name",
        "fact_events",
        "snapshot_version",
        "index",
        "unique",
    ],
};

#[derive(Default)]
struct Options {
    event_sourced: bool,
    commands: Vec<Path>,
    stream_category: Option<LitStr>,
    name: Option<LitStr>,
    fact_events: Option<FactEvents>,
    snapshot_version: Option<(Ident, u32)>,
    indexes: Indexes,
}

/// `fact_events`, or `fact_events(published)`.
struct FactEvents {
    are_published: bool,
}

impl FactEvents {
    fn read(name: &Ident, input: ParseStream<'_>) -> syn::Result<Self> {
        let mut are_published = false;
        if input.peek(Paren) {
            for option in list::<Ident>(name, input)? {
                if option != "published" {
                    let message =
                        "`fact_events` has no such option: write `fact_events(published)`";
                    return refused(option, message);
                }
                are_published = true;
            }
        }
        Ok(Self { are_published })
    }
}

impl Options {
    fn option(&mut self, name: &Ident, input: ParseStream<'_>) -> syn::Result<()> {
        match name.to_string().as_str() {
            "event_sourced" => self.event_sourced = true,
            "fact_events" => self.fact_events = Some(FactEvents::read(name, input)?),
            "index" | "unique" => self.indexes.option(name, input)?,
            "commands" => self.commands = list(name, input)?,
            "snapshot_version" => {
                let number = version(&value(name, input)?)?;
                self.snapshot_version = Some((name.clone(), number));
            }
            "stream_category" => self.stream_category = Some(value(name, input)?),
            _ => self.name = Some(value(name, input)?),
        }
        Ok(())
    }
}

pub(crate) fn expand(
    tokens: TokenStream,
    item: TokenStream,
    faults: &mut Faults,
) -> syn::Result<TokenStream> {
    let mut options = Options::default();
    OPTIONS.read(tokens, faults, |name, input| options.option(name, input));
    let mut aggregate = Structure::parse("#[aggregate]", item, faults)?;
    derives::add(&mut aggregate.item.attrs, &["Debug"]);
    take_root(&mut aggregate, "an aggregate")?;
    refuse(&aggregate, &options, faults);
    let (name, visibility) = (aggregate.name(), &aggregate.item.vis);
    let indexes = match options.event_sourced {
        true => TokenStream::new(),
        false => options.indexes.function(&aggregate.fields, true, faults),
    };
    let kept = if options.event_sourced { from_events(&aggregate) } else { from_rows(&aggregate) };
    let fact = match options.fact_events {
        Some(FactEvents { are_published }) => {
            let stored_name = message_name(options.name.as_ref(), name);
            fact::event(&aggregate, &stored_name, are_published, faults)
        }
        None => TokenStream::new(),
    };
    let parts = [
        default::functions(&aggregate, faults),
        fields::with_states(&aggregate.item, &aggregate.fields),
        implementation(&aggregate, &options),
        access(&aggregate, &options),
        columns::implementation(name, &aggregate.fields, true, &indexes),
        constants::implementation(name, visibility, &aggregate.fields, 1),
        kept,
        fact,
    ];
    let item = &aggregate.item;
    Ok(quote!(#item #(#parts)*))
}

/// Takes the field `root` out of the fields that are stored.
pub(crate) fn take_root(aggregate: &mut Structure, what: &str) -> syn::Result<()> {
    let name = aggregate.name().clone();
    let Some(place) = aggregate.fields.iter().position(|field| field.ident == "root") else {
        let message = format!("{what} needs a root: add the field `root: Root<{name}>`");
        return refused(name, message);
    };
    let root = aggregate.fields.remove(place);
    let of = argument(&root.ty, "Root").and_then(last_name);
    if of.is_some_and(|of| name == of || of == "Self") {
        return Ok(());
    }
    refused(&root.ty, format!("the root must have this type: write `root: Root<{name}>`"))
}

fn refuse(aggregate: &Structure, options: &Options, faults: &mut Faults) {
    for field in &aggregate.fields {
        if field.ident == "id" {
            faults
                .add(&field.ident, "`root` holds the identity: remove this field, and call `id()`");
        }
        if let Some(identifier) = &field.identifier {
            faults.add(identifier, "`root` holds the identity: remove `identifier`");
        }
    }
    if options.event_sourced {
        aggregate.refuse_unique("an event-sourced aggregate has no columns", faults);
        options.indexes.refuse("an event-sourced aggregate has no columns", faults);
        aggregate.refuse_stamps(
            "an event-sourced aggregate has no row, and its state comes from its events; put \
             `ctx.now()` into an event, and set the field when it is applied",
            faults,
        );
        aggregate.refuse_renamed(
            "an event-sourced aggregate has none, and its state comes from its events; remove this \
             option",
            faults,
        );
    } else if let Some((option, _)) = &options.snapshot_version {
        faults.add(option, "only event-sourced aggregates have snapshots: add `event_sourced`, or remove this option");
    }
}

fn implementation(aggregate: &Structure, options: &Options) -> TokenStream {
    let name = aggregate.name();
    let stored_name = message_name(options.name.as_ref(), name);
    let fact = options.fact_events.as_ref().map(|_| fact::method(aggregate));
    let category = options.stream_category.as_ref().map(|category| {
        quote! {
            const STREAM_CATEGORY: ::core::option::Option<&'static str> =
                ::core::option::Option::Some(#category);
        }
    });
    let snapshots = options
        .snapshot_version
        .as_ref()
        .map(|(_, version)| quote!(const SNAPSHOT_VERSION: u32 = #version;));
    let commands = options.commands.iter().map(|command| {
        quote_spanned!(at(command)=> ::protean::__private::command_of::<#name, #command>())
    });
    let storage = if options.event_sourced {
        quote!(::protean::model::EventSourced)
    } else {
        quote!(::protean::model::StateStored)
    };
    quote! {
        #[automatically_derived]
        impl ::protean::model::Stored for #name {
            type Storage = #storage;
        }

        #[automatically_derived]
        impl ::protean::model::Aggregate for #name {
            const NAME: &'static str = #stored_name;
            #category
            const COMMANDS: &'static [&'static str] = &[#(#commands),*];
            #fact
            #snapshots

            fn root(&self) -> &::protean::Root<Self> {
                &self.root
            }

            fn root_mut(&mut self) -> &mut ::protean::Root<Self> {
                &mut self.root
            }
        }
    }
}

/// `id()` and `raise()`.
fn access(aggregate: &Structure, options: &Options) -> TokenStream {
    let visibility = &aggregate.item.vis;
    let inside: Visibility = match visibility {
        Visibility::Public(_) => parse_quote!(pub(crate)),
        other => other.clone(),
    };
    let (bound, raise) = if options.event_sourced {
        (quote!(::protean::__private::AppliedBy<Self>), quote!(event.raise(self)))
    } else {
        let event = quote!(::protean::model::Event<Aggregate = Self>);
        (event, quote!(::protean::model::raise_recorded(self, &event)))
    };
    let methods = quote! {
        /// The identity.
        #visibility fn id(&self) -> ::protean::Id {
            ::core::clone::Clone::clone(self.root.id())
        }

        /// Raises an event of this aggregate.
        ///
        /// # Errors
        /// When the event, or the aggregate before or after it, breaks a rule.
        #inside fn raise<E>(&mut self, event: E) -> ::protean::Result
        where
            E: #bound,
        {
            #raise
        }
    };
    constants::allowed(aggregate.name(), methods)
}

/// The constructors, and what `#[aggregate_impl]` needs to replay events.
fn from_events(aggregate: &Structure) -> TokenStream {
    let visibility = &aggregate.item.vis;
    let fields = default::blanks(&aggregate.fields);
    let functions = quote! {
        #[doc(hidden)]
        fn __blank(root: ::protean::Root<Self>) -> Self {
            Self { root, #fields }
        }

        /// A new instance with a fresh identity, before its first event.
        #[must_use]
        #visibility fn create() -> Self {
            Self::__blank(::protean::Root::new())
        }

        /// A new instance with this identity, before its first event.
        #[must_use]
        #visibility fn create_with(id: impl ::core::convert::Into<::protean::Id>) -> Self {
            Self::__blank(::protean::Root::with_id(id))
        }
    };
    constants::allowed(aggregate.name(), functions)
}

/// The constants of a state-stored aggregate, and its constructor.
fn from_rows(aggregate: &Structure) -> TokenStream {
    let (name, fields) = (aggregate.name(), &aggregate.fields);
    // A field `id` is refused already; a second constant would add another error.
    let named_id = fields.iter().any(|field| field.ident == "id");
    let identity = (!named_id).then(|| constants::identity(name, &aggregate.item.vis));
    let proofs = columns::unique_proofs(fields);
    let defaults = default::constructor(aggregate, &quote!(root: ::protean::Root::new(),));
    quote!(#identity #proofs #defaults)
}
