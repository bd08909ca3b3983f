//! Enums without data, kept as text.

/// A type with a fixed set of named values; `#[value_object]` on an enum implements it.
pub trait Choice: Sized + Copy {
    /// The names, in the order of the declaration.
    const NAMES: &'static [&'static str];

    /// The name of this value.
    fn name(self) -> &'static str;

    /// The value with this name.
    fn named(name: &str) -> Option<Self>;
}
