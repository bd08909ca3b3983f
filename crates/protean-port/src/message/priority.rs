//! How urgent a message is.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How urgent a message is. Any integer is allowed; five have names.
///
/// ```
/// # use protean_port::message::Priority;
/// assert!(Priority::BULK < Priority::NORMAL && Priority::NORMAL < Priority::CRITICAL);
/// assert_eq!(Priority::default(), Priority::NORMAL);
/// ```
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Priority(i32);

impl Priority {
    /// −100: data migrations and large imports.
    pub const BULK: Self = Self(-100);
    /// −50: background work that nobody waits for.
    pub const LOW: Self = Self(-50);
    /// 0: production traffic.
    pub const NORMAL: Self = Self(0);
    /// 50: work whose result is expected soon.
    pub const HIGH: Self = Self(50);
    /// 100: work that the business cannot do without.
    pub const CRITICAL: Self = Self(100);

    /// The lowest and the highest priority.
    pub const ALL: (Self, Self) = (Self(i32::MIN), Self(i32::MAX));

    /// The priority with this number; higher goes first.
    pub const fn new(value: i32) -> Self {
        Self(value)
    }

    /// The priority as a number.
    pub const fn value(self) -> i32 {
        self.0
    }
}

impl From<i32> for Priority {
    fn from(value: i32) -> Self {
        Self(value)
    }
}

impl fmt::Display for Priority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::BULK => f.pad("BULK"),
            Self::LOW => f.pad("LOW"),
            Self::NORMAL => f.pad("NORMAL"),
            Self::HIGH => f.pad("HIGH"),
            Self::CRITICAL => f.pad("CRITICAL"),
            Self(other) => f.pad(&other.to_string()),
        }
    }
}
