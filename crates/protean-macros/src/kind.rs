//! The kind of a field's type, as far as its name shows.

use syn::{GenericArgument, PathArguments, Type};

/// The kind of a type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    Id,
    Integer,
    Real,
    Decimal,
    Bool,
    /// `Timestamp` and `Date`.
    Time,
    List,
    Map,
    /// A value object, or a name that says nothing to a macro.
    Other,
}

impl Kind {
    pub(crate) fn of(ty: &Type) -> Self {
        match last_name(ty).as_deref() {
            Some("String") => Self::Text,
            Some("Id") => Self::Id,
            Some("i8" | "i16" | "i32" | "i64" | "u8" | "u16" | "u32" | "u64") => Self::Integer,
            Some("f64") => Self::Real,
            Some("Decimal") => Self::Decimal,
            Some("bool") => Self::Bool,
            Some("Timestamp" | "Date") => Self::Time,
            Some("Vec") => Self::List,
            Some("BTreeMap") => Self::Map,
            _ => Self::Other,
        }
    }

    /// True when length and choices have a meaning.
    pub(crate) fn may_be_text(self) -> bool {
        matches!(self, Self::Text | Self::Id | Self::Other)
    }

    /// True for a collection with any number of elements.
    pub(crate) fn has_length(self) -> bool {
        matches!(self, Self::List | Self::Map)
    }

    /// True when its values may contain others, or be states with transitions.
    pub(crate) fn may_have_states(self) -> bool {
        matches!(self, Self::List | Self::Map | Self::Other)
    }

    /// True when a minimum and a maximum have a meaning.
    pub(crate) fn may_be_number(self) -> bool {
        matches!(self, Self::Integer | Self::Real | Self::Decimal | Self::Other)
    }
}

/// The last name of a path: `String` of `std::string::String`.
pub(crate) fn last_name(ty: &Type) -> Option<String> {
    match ty {
        Type::Path(path) => path.path.segments.last().map(|segment| segment.ident.to_string()),
        _ => None,
    }
}

/// The `T` of `Name<T>`.
pub(crate) fn argument<'a>(ty: &'a Type, name: &str) -> Option<&'a Type> {
    let Type::Path(path) = ty else { return None };
    let last = path.path.segments.last().filter(|last| last.ident == name)?;
    let PathArguments::AngleBracketed(arguments) = &last.arguments else { return None };
    arguments.args.iter().find_map(|argument| match argument {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    })
}
