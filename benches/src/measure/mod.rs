//! The measures, one file each.

mod t0;
mod t10;
mod t11;
mod t12;
mod t13;
mod t14;
mod t3;
mod t5;
mod t6;
mod t7;
mod t9;

use protean_cli::{Error, Result};

use crate::peer;
use crate::plan::Plan;
use crate::sheet::Sheet;
use crate::stack::{On, Stack};

/// A measure, by its number.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Measure {
    T0,
    T3,
    T4,
    T5,
    T6,
    T7,
    T9,
    T10,
    T11,
    T12,
    T13,
    T14,
}

impl Measure {
    /// All of them, what takes longest at the end.
    pub(crate) const ALL: [Self; 12] = [
        Self::T0,
        Self::T3,
        Self::T4,
        Self::T5,
        Self::T6,
        Self::T9,
        Self::T10,
        Self::T7,
        Self::T13,
        Self::T14,
        Self::T11,
        Self::T12,
    ];

    /// What it runs on in this plan.
    ///
    /// # Errors
    /// When it cannot run on what is asked for.
    pub(crate) fn on(self, plan: &Plan) -> Result<On> {
        let can = self.can();
        let asked = plan.with_python() && can.contains(&On::Servers);
        let on = plan.on().unwrap_or(if asked { On::Servers } else { can[0] });
        can.contains(&on).then_some(on).ok_or_else(|| {
            let (on, can) = (format!("{on:?}").to_lowercase(), format!("{:?}", can[0]));
            let can = can.to_lowercase();
            Error::failed(format!("{self:?} cannot run on '{on}': leave it out, or say --on {can}"))
        })
    }

    /// What it can run on, the usual first.
    fn can(self) -> &'static [On] {
        match self {
            Self::T3 | Self::T4 | Self::T5 | Self::T6 => &[On::Servers],
            Self::T9 | Self::T11 | Self::T14 => &[On::File, On::Servers],
            Self::T12 => &[On::Servers, On::File],
            Self::T0 | Self::T7 | Self::T10 | Self::T13 => &[On::File],
        }
    }

    /// # Errors
    /// When it cannot be carried out.
    pub(crate) async fn run(self, plan: &Plan, on: On) -> Result<Sheet> {
        let stack = Stack::start(on, plan.with_python())?;
        let mut sheet = match self {
            Self::T0 => t0::run(plan).await,
            Self::T3 => t3::one_at_a_time(plan, &stack).await,
            Self::T4 => t3::at_once(plan, &stack).await,
            Self::T5 => t5::run(plan, &stack).await,
            Self::T6 => t6::run(plan, &stack).await,
            Self::T7 => t7::run(plan).await,
            Self::T9 => t9::run(plan, &stack).await,
            Self::T10 => t10::run(plan).await,
            Self::T11 => t11::run(plan, &stack).await,
            Self::T12 => t12::run(plan, &stack).await,
            Self::T13 => t13::run(plan).await,
            Self::T14 => t14::run(plan, &stack).await,
        }?;
        if let Stack::Servers(servers) = &stack {
            sheet.note(servers.told());
        }
        match stack.peer() {
            Some(_) => sheet.note(peer::ABOUT),
            None if plan.with_python() => sheet.note("Python is asked on servers alone."),
            None => {}
        }
        Ok(sheet)
    }
}
