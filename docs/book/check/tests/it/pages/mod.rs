//! The programs that pages of the book show; a file is called like its page.
#![allow(dead_code, reason = "a page shows more than its program uses")]

mod changing_messages;
mod changing_rows;
mod from_a_call_to_a_server;
mod metadata;
mod outcomes;
mod plain_sql;
mod priorities_in_code;
mod priority_lanes;
mod process_managers;
mod queries;
mod scheduling;
mod subscribers;
mod testing;
mod the_catalog_import;
mod the_great_migration;
mod two_lanes;
mod when_things_fail;
