//! `events read --follow`: shows messages as they are committed.

use std::process::ExitCode;
use std::time::Duration;

use protean::message::Recorded;

use super::log_reader::LogReader;
use super::message::{Shown, short_type};
use crate::escape::{escape, escape_json};
use crate::stdout::{self, Written};
use crate::{Result, stop_signal};

/// How many messages are shown at once.
const PAGE_MESSAGES: usize = 100;
/// How often to look when no commit is announced.
const MAX_PAUSE: Duration = Duration::from_secs(1);
/// The shortest pause between two looks, however much is committed.
const MIN_PAUSE: Duration = Duration::from_millis(50);

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
    tokio::select! {
        shown = show(reader, lines, limit) => shown?,
        _ = stop => {}
        () = stdout::closed() => {}
    }
    Ok(ExitCode::SUCCESS)
}

async fn show(mut reader: LogReader<'_>, lines: Lines, limit: Option<usize>) -> Result<()> {
    let mut left = limit.unwrap_or(usize::MAX);
    let mut arrivals = reader.store.watch(vec![reader.watched()]);
    loop {
        arrivals.take_changed();
        loop {
            let wanted = left.min(PAGE_MESSAGES);
            let found = reader.page(wanted).await?;
            let text: String = found.iter().map(|of| lines.line(of)).collect::<Result<_>>()?;
            if !text.is_empty() && stdout::write_apart(text).await? == Written::ToNobody {
                return Ok(());
            }
            left -= found.len();
            if left == 0 {
                return Ok(());
            }
            if found.len() < wanted {
                break;
            }
        }
        tokio::time::sleep(MIN_PAUSE).await;
        if let Ok(closed) = tokio::time::timeout(MAX_PAUSE, arrivals.changed()).await {
            closed?;
        }
    }
}
