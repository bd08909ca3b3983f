//! The forms a value may take, in the words of error messages and of the reference.

use std::fmt;

use crate::nearest::listed;

/// An enum whose variants have names in the file.
pub(super) trait Choice: Copy + PartialEq + 'static {
    /// Each variant with its name, the most usual first.
    const ALL: &'static [(&'static str, Self)];

    /// The variant of that name.
    fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(known, _)| *known == name).map(|(_, variant)| *variant)
    }

    /// The name of this variant.
    fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, variant)| *variant == self).map_or("", |(name, _)| name)
    }

    /// Every name.
    fn names() -> Vec<&'static str> {
        Self::ALL.iter().map(|(name, _)| *name).collect()
    }
}

/// Gives the variants of an enum their names in the file.
macro_rules! choices {
    ($type:ident: $($name:literal is $variant:ident),+) => {
        impl $crate::config::form::Choice for $type {
            const ALL: &'static [(&'static str, Self)] = &[$(($name, Self::$variant)),+];
        }

        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad($crate::config::form::Choice::name(*self))
            }
        }
    };
}
pub(super) use choices;

/// What kind of value a key takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Text,
    Flag,
    /// A whole number.
    Whole,
    /// A number that may have a fraction.
    Number,
    Duration(Unit),
    /// One of a few words.
    OneOf(Vec<&'static str>),
    /// The name of something that the file declares.
    NameOf(&'static str),
    /// An array of such names.
    NamesOf(&'static str),
}

/// The unit in which the file writes a duration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    Milliseconds,
    Seconds,
    Hours,
}

impl Unit {
    pub(super) fn in_seconds(self) -> f64 {
        match self {
            Self::Milliseconds => 0.001,
            Self::Seconds => 1.0,
            Self::Hours => 3600.0,
        }
    }
}

/// Completes the sentence "expected …".
impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text => f.write_str("a quoted string"),
            Self::Flag => f.write_str("true or false"),
            Self::Whole => f.write_str("a whole number"),
            Self::Number => f.write_str("a number"),
            Self::Duration(unit) => write!(f, "a number of {unit}"),
            Self::OneOf(words) => f.write_str(&listed(words, "or")),
            Self::NameOf(what) => write!(f, "the name of a {what}"),
            Self::NamesOf(what) => write!(f, "an array of {what} names"),
        }
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Milliseconds => "milliseconds",
            Self::Seconds => "seconds",
            Self::Hours => "hours",
        })
    }
}
