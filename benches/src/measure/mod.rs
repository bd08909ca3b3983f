//! The measures, one file each.

mod backlog_memory;
mod bulk_latency;
mod commit;
mod embedded_pipeline;
mod hop_budget;
mod long_stream;
mod message_counts;
mod migration;
mod pipeline;
mod projector;
mod rebuild;
mod relay;
mod startup;
mod sync_command;
mod viewers;
mod wake_up;

use std::fmt;

use clap::ValueEnum;
use protean_cli::{Error, Result};

use crate::peer;
use crate::plan::Plan;
use crate::sheet::Sheet;
use crate::stack::{On, Stack};

/// A measure, by its name.
#[derive(Clone, Copy, clap::ValueEnum)]
pub(crate) enum Measure {
    SyncCommand,
    CommitOne,
    CommitMany,
    Relay,
    Projector,
    BulkLatency,
    WakeUp,
    HopBudget,
    MessageCounts,
    LongStream,
    BacklogMemory,
    Pipeline,
    EmbeddedPipeline,
    Startup,
    Rebuild,
    Viewers,
}

impl Measure {
    /// All measures, the longest last.
    pub(crate) const ALL: [Self; 16] = [
        Self::SyncCommand,
        Self::CommitOne,
        Self::CommitMany,
        Self::Relay,
        Self::Projector,
        Self::WakeUp,
        Self::HopBudget,
        Self::MessageCounts,
        Self::LongStream,
        Self::Viewers,
        Self::BulkLatency,
        Self::EmbeddedPipeline,
        Self::Startup,
        Self::BacklogMemory,
        Self::Rebuild,
        Self::Pipeline,
    ];

    /// Where it runs under this plan.
    ///
    /// # Errors
    /// When it cannot run where the plan says.
    pub(crate) fn on(self, plan: &Plan) -> Result<On> {
        let can = self.can();
        let asked = plan.with_python() && can.contains(&On::Servers);
        let on = plan.on().unwrap_or(if asked { On::Servers } else { can[0] });
        can.contains(&on).then_some(on).ok_or_else(|| {
            let (on, usual) = (name(on), name(can[0]));
            Error::failed(format!("{self} cannot run on '{on}': omit --on or use --on {usual}"))
        })
    }

    /// Where it can run, the default first.
    fn can(self) -> &'static [On] {
        match self {
            Self::CommitOne
            | Self::CommitMany
            | Self::Relay
            | Self::Projector
            | Self::HopBudget
            | Self::MessageCounts => &[On::Servers],
            Self::BulkLatency
            | Self::WakeUp
            | Self::BacklogMemory
            | Self::Startup
            | Self::Rebuild
            | Self::Viewers => &[On::File, On::Servers],
            Self::Pipeline => &[On::Servers, On::File],
            Self::SyncCommand | Self::LongStream | Self::EmbeddedPipeline => &[On::File],
        }
    }

    /// Options of PostgreSQL that only this measure needs.
    fn postgres_options(self) -> &'static str {
        match self {
            Self::HopBudget => "-c track_commit_timestamp=on",
            _ => "",
        }
    }

    /// Starts what it runs on and measures.
    ///
    /// # Errors
    /// When the measure fails.
    pub(crate) async fn run(self, plan: &Plan, on: On) -> Result<Sheet> {
        let options = format!("{} {}", plan.postgres_options(), self.postgres_options());
        let stack = Stack::start(on, plan.with_python(), &options)?;
        let mut sheet = match self {
            Self::SyncCommand => sync_command::run(plan).await,
            Self::CommitOne => commit::one_at_a_time(plan, &stack).await,
            Self::CommitMany => commit::at_once(plan, &stack).await,
            Self::Relay => relay::run(plan, &stack).await,
            Self::Projector => projector::run(plan, &stack).await,
            Self::BulkLatency => match plan.plot() {
                None => bulk_latency::run(plan, &stack).await,
                Some(file) => migration::run(plan, &stack, file).await,
            },
            Self::WakeUp => wake_up::run(plan, &stack).await,
            Self::HopBudget => hop_budget::run(plan, &stack).await,
            Self::MessageCounts => message_counts::run(plan, &stack).await,
            Self::LongStream => long_stream::run(plan).await,
            Self::BacklogMemory => backlog_memory::run(plan, &stack).await,
            Self::Pipeline => pipeline::run(plan, &stack).await,
            Self::EmbeddedPipeline => embedded_pipeline::run(plan).await,
            Self::Startup => startup::run(plan, &stack).await,
            Self::Rebuild => rebuild::run(plan, &stack).await,
            Self::Viewers => viewers::run(plan, &stack).await,
        }?;
        if let Stack::Servers(servers) = &stack {
            sheet.note(servers.versions());
        }
        match stack.peer() {
            Some(_) => sheet.note(peer::PEER_NOTE),
            None if plan.with_python() => sheet.note("Python is measured only with --on servers."),
            None => {}
        }
        Ok(sheet)
    }
}

impl fmt::Display for Measure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&name(*self))
    }
}

/// The name of a choice on the command line.
fn name(choice: impl ValueEnum) -> String {
    choice.to_possible_value().map_or(String::new(), |value| value.get_name().to_owned())
}
