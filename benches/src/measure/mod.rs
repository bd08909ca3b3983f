//! The measures, one file each.

mod t0;
mod t10;
mod t11;
mod t13;
mod t14;
mod t7;
mod t9;

use protean_cli::Result;

use crate::plan::Plan;
use crate::sheet::Sheet;

/// A measure, by its number.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Measure {
    T0,
    T7,
    T9,
    T10,
    T11,
    T13,
    T14,
}

impl Measure {
    /// All of them, what takes longest at the end.
    pub(crate) const ALL: [Self; 7] =
        [Self::T0, Self::T9, Self::T10, Self::T7, Self::T13, Self::T14, Self::T11];

    /// # Errors
    /// When it cannot be carried out.
    pub(crate) async fn run(self, plan: &Plan) -> Result<Sheet> {
        match self {
            Self::T0 => t0::run(plan).await,
            Self::T7 => t7::run(plan).await,
            Self::T9 => t9::run(plan).await,
            Self::T10 => t10::run(plan).await,
            Self::T11 => t11::run(plan).await,
            Self::T13 => t13::run(plan).await,
            Self::T14 => t14::run(plan).await,
        }
    }
}
