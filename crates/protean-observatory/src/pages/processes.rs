//! Processes that are under way, what they wait for, and what is due when.

use maud::{Markup, html};
use protean_core::domain::ScheduledMessages;
use protean_engine::{Manager, ProcessState, grouped, process_managers};
use protean_port::Result;
use protean_port::message::{Id, Kind, Stream, Timestamp};
use protean_port::port::Scheduled;

use super::columns::Column::{Number, Text};
use super::columns::head;
use crate::text::in_or_ago;
use crate::visit::{Page, Visit};

/// How many processes of each manager, and how many scheduled messages, a page lists.
const PAGE: usize = 50;

/// A process with the moments its timers are due.
struct Row {
    process: ProcessState,
    timers: Vec<(String, Option<Timestamp>)>,
}

/// The processes of each manager, and the schedule.
///
/// # Errors
/// When the store cannot be read.
pub(crate) async fn page(visit: &Visit<'_>) -> Result<Option<Page>> {
    let is_complete = visit.query.get("complete").is_some();
    let managers = process_managers(visit.domain());
    let mut tables = Vec::new();
    for manager in &managers {
        tables.push(table(visit, manager, is_complete).await?);
    }
    let account = visit.domain().store().await?.schedule_account().await?;
    let scheduled = ScheduledMessages::of(visit.domain()).page(None, PAGE).await?;
    let content = html! {
        @if managers.is_empty() {
            p.empty { "This domain has no process manager." }
        } @else {
            nav.switch aria-label="Which processes" {
                a href=(visit.address("processes")) aria-current=[(!is_complete).then_some("page")] {
                    "Under way"
                }
                a href=(visit.address_with("processes", &[("complete", Some("1"))]))
                    aria-current=[is_complete.then_some("page")] { "Complete" }
            }
            @for table in tables { (table) }
        }
        section aria-labelledby="schedule" data-scheduled=(account.waiting) {
            h2 #schedule { "Schedule" }
            p { strong { (grouped(account.waiting)) } " commands and timers are scheduled." }
            @if !scheduled.is_empty() { (schedule(visit, &scheduled)) }
        }
    };
    Ok(Some(Page { title: "Processes", content }))
}

async fn table(visit: &Visit<'_>, manager: &Manager<'_>, is_complete: bool) -> Result<Markup> {
    let after =
        visit.query.get("after").filter(|_| visit.query.get("manager") == Some(manager.name));
    let page = manager.processes(visit.domain(), is_complete, after, PAGE).await?;
    let next = page.processes.last().filter(|_| page.is_cut).map(|last| {
        let complete = is_complete.then_some("1");
        let values =
            [("manager", Some(manager.name)), ("after", Some(&*last.id)), ("complete", complete)];
        visit.address_with("processes", &values)
    });
    let rows = rows(visit, manager, page.processes).await?;
    Ok(html! {
        section {
            h2 { (manager.name) }
            @if rows.is_empty() {
                p.hint { "No process is " (if is_complete { "complete" } else { "under way" }) "." }
            } @else {
                table.stacked {
                    (head(&[Text("Process"), Text("Waits for"), Number("Priority")]))
                    tbody { @for of in &rows { (row(visit, manager, of)) } }
                }
                @if let Some(next) = next { p { a href=(next) rel="next" { "Next page" } } }
            }
        }
    })
}

/// The processes with their timers, read in one query for all.
async fn rows(
    visit: &Visit<'_>,
    manager: &Manager<'_>,
    processes: Vec<ProcessState>,
) -> Result<Vec<Row>> {
    let stream = |process: &ProcessState| manager.category.stream(&Id::from(process.id.as_str()));
    let streams: Vec<Stream> = processes.iter().map(stream).collect();
    let timers = processes.iter().zip(&streams).flat_map(|(process, stream)| {
        process.timers.iter().map(move |timer| (stream, timer.as_str()))
    });
    let timers: Vec<_> = timers.collect();
    let mut due = ScheduledMessages::of(visit.domain()).timers(&timers).await?.into_iter();
    let rows = processes.into_iter().map(|process| {
        let timers = process.timers.iter().map(|timer| (timer.clone(), due.next().flatten()));
        Row { timers: timers.collect(), process }
    });
    Ok(rows.collect())
}

fn row(visit: &Visit<'_>, manager: &Manager<'_>, Row { process, timers }: &Row) -> Markup {
    let values = [("aggregate", Some(manager.name)), ("id", Some(&*process.id))];
    let now = visit.domain().clock().now();
    html! {
        tr data-process=(process.id) data-manager=(manager.name) {
            th scope="row" { a href=(visit.address_with("streams", &values)) { code { (process.id) } } }
            td data-label="Waits for" {
                @if process.complete { "nothing more" }
                @else if timers.is_empty() { "events" }
                @for (timer, due) in timers {
                    span.pair data-timer=(timer) {
                        (timer) " "
                        @match due {
                            Some(due) => time datetime=(due) { (in_or_ago(now, *due)) },
                            None => "is in the log",
                        }
                    }
                }
            }
            td.number data-label="Priority" { (process.priority) }
        }
    }
}

fn schedule(visit: &Visit<'_>, scheduled: &[Scheduled]) -> Markup {
    let now = visit.domain().clock().now();
    html! {
        table.stacked {
            (head(&[Text("Message"), Text("Stream"), Number("Priority"), Number("Due")]))
            tbody {
                @for Scheduled { key, due, message } in scheduled {
                    tr data-scheduled-key=(key) {
                        th scope="row" {
                            (message.name()) " "
                            span.kind {
                                @match message.kind { Kind::Command => "command", Kind::Event => "timer" }
                            }
                        }
                        td data-label="Stream" { code { (message.stream) } }
                        td.number data-label="Priority" { (message.priority) }
                        td.number data-label="Due" { time datetime=(due) { (in_or_ago(now, *due)) } }
                    }
                }
            }
        }
        @if scheduled.len() == PAGE { p.hint { "Only the first " (PAGE) " are shown." } }
    }
}
