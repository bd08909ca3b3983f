//! How a page is shown: its width and its colours.

/// The size of the window, in CSS pixels, and the colours that its user prefers.
#[derive(Debug, Clone, Copy)]
pub struct Look {
    /// Of the page itself.
    pub width: u32,
    /// Of what is seen of it at once.
    pub height: u32,
    /// Light or dark.
    pub scheme: Scheme,
}

/// Which colours a user prefers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// Dark letters on a light ground.
    Light,
    /// Light letters on a dark ground.
    Dark,
}

impl Look {
    /// The window of a desk.
    pub const DESK: Self = Self { width: 1280, height: 800, scheme: Scheme::Light };
    /// The narrowest phones in use.
    pub const PHONE: Self = Self { width: 360, height: 740, scheme: Scheme::Light };

    /// The same in the dark.
    #[must_use]
    pub fn dark(self) -> Self {
        Self { scheme: Scheme::Dark, ..self }
    }

    /// Phones scale a page that does not say how wide it wants to be.
    pub(super) fn is_phone(self) -> bool {
        self.width < 600
    }
}
