//! `events read --follow`: shows messages as they are committed.

use std::process::ExitCode;
use std::time::Duration;

use protean::message::Recorded;
use tokio::sync::watch;

use super::log_reader::LogReader;
use super::message::{Shown, short_type};
use crate::escape::{escape, escape_json};
use crate::stdout::{self, Written};
use crate::{Error, Result, stop_signal};

/// How many messages are shown at once.
const PAGE_MESSAGES: usize = 100;
/// How often to poll for commits without a notice: a safety net.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// How `--follow` prints messages: one on each line.
#[derive(Clone, Copy)]
pub(super) struct Lines {
    /// Whether to print JSON objects.
    pub(super) json: bool,
    /// Whether to include the data.
    pub(super) data: bool,
}

impl Lines {
    fn line(self, recorded: &Recorded) -> Result<String> {
        if self.json {
            return Ok(
                escape_json(&serde_json::to_string(&Shown::new(recorded, self.data))?) + "\n"
            );
        }
        let Recorded { position, message, .. } = recorded;
        let (time, kind, stream) = (message.time, short_type(&message.type_name), &message.stream);
        let line = format!("{position}  {time}  {kind}  {stream}  {}", message.priority);
        let metadata = &message.extensions.metadata;
        let metadata = if metadata.is_empty() { String::new() } else { format!("  {metadata}") };
        let data = if self.data { format!("  {}", message.data) } else { String::new() };
        Ok(format!("{}\n", escape(&format!("{line}{metadata}{data}"))))
    }
}

/// Prints matching messages until it is stopped, its reader is gone, or `limit` messages are shown.
pub(super) async fn follow(reader: LogReader<'_>, lines: Lines, limit: Option<usize>) -> Result {
    let stop = stop_signal()?;
    let commits = reader.store.commits();
    tokio::select! {
        shown = show(reader, lines, limit, commits) => shown?,
        _ = stop => {}
        () = stdout::closed() => {}
    }
    Ok(ExitCode::SUCCESS)
}

async fn show(
    mut reader: LogReader<'_>,
    lines: Lines,
    limit: Option<usize>,
    mut commits: watch::Receiver<u64>,
) -> Result<()> {
    let mut left = limit.unwrap_or(usize::MAX);
    loop {
        commits.borrow_and_update();
        loop {
            let wanted = left.min(PAGE_MESSAGES);
            let found = reader.page(wanted).await?;
            for recorded in &found {
                if stdout::write(&lines.line(recorded)?)? == Written::ToNobody {
                    return Ok(());
                }
            }
            left -= found.len();
            if left == 0 {
                return Ok(());
            }
            if found.len() < wanted {
                break;
            }
        }
        if let Ok(closed) = tokio::time::timeout(LOOK_INTERVAL, commits.changed()).await {
            closed.map_err(|_| Error::failed("the database has been closed"))?;
        }
    }
}
