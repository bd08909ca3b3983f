//! A value that is one of a few words.

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
