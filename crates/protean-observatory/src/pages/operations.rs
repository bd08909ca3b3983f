//! What operators have done.

use maud::{Markup, html};
use protean_core::domain::{Operation, operations};
use protean_engine::grouped;
use protean_port::Result;
use protean_port::message::{Recorded, Timestamp};
use protean_port::port::Find;

use super::columns::Column::{Number, Text};
use super::columns::head;
use crate::text::ago;
use crate::visit::{Page, Visit};

/// How many of the latest are shown.
const MAX_OPERATIONS: usize = 100;

/// The latest operations.
///
/// # Errors
/// When the store cannot be read.
pub(crate) async fn page(visit: &Visit<'_>) -> Result<Option<Page>> {
    let category = operations(visit.domain().name());
    let find = Find { category: Some(category.clone()), ..Find::last(MAX_OPERATIONS) };
    let found = visit.domain().store().await?.find(find).await?;
    let now = visit.domain().clock().now();
    let content = html! {
        @if found.is_empty() {
            p.empty { "No operator has changed anything yet." }
        } @else {
            table.stacked {
                (head(&[
                    Text("Action"), Text("By"), Number("Messages"), Text("What"), Number("When"),
                ]))
                tbody { @for recorded in &found { (row(recorded, now)) } }
            }
        }
        p.hint {
            "Operations from these pages and from the command line, as recorded in the category "
            code { (category) } "."
        }
    };
    Ok(Some(Page { title: "Operations", content }))
}

fn row(recorded: &Recorded, now: Timestamp) -> Markup {
    let message = &recorded.message;
    match serde_json::from_str::<Operation>(&message.data) {
        Ok(Operation { action, by, filter, count }) => html! {
            tr data-operation=(action) data-by=(by) data-count=(count) {
                th scope="row" { (action) }
                td data-label="By" { (by) }
                td.number data-label="Messages" {
                    @if count > 0 { (grouped(count)) } @else { "-" }
                }
                td data-label="What" {
                    @for (name, value) in &filter { span.pair { (name) " " code { (value) } } " " }
                }
                td.number data-label="When" {
                    time datetime=(message.time) { (ago(now, message.time)) }
                }
            }
        },
        Err(_) => html! { tr { th scope="row" { "unreadable" } td colspan="4" { (message.id) } } },
    }
}
