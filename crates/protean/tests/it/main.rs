//! What the facade promises, as its users see it.
//!
//! * [`bank`], [`shop`]: an event-sourced and a state-stored domain, for the other modules
//! * [`messages`]: events and commands: names, checks, defaults, constants
//! * [`account`]: an event-sourced aggregate: raising, invariants, replay
//! * [`order`]: a state-stored aggregate: its row, values and entities inside
//! * [`handlers`]: handlers of every kind, registered and run
//! * [`subscribers`]: streams of other systems
//! * [`kitchen`]: a domain where one thing leads to another
//! * [`trace`], [`operations`]: what caused what, and a category that only the framework has
//! * [`facts`]: the whole state after each change, as an event
//! * [`jar`]: an event-sourced aggregate with fields of every kind
//! * [`snapshots`]: when they are taken, and that nobody sees whether there are any
//! * [`past`]: aggregates as they were
//! * [`queries`], [`browsing`]: which rows are found, page by page, and changed together, on all [`stores`]
//! * [`renamed`]: fields that have another name than in the version before
//! * [`processes`]: process managers
//! * [`checkout`]: orders with rules of every kind, for the four modules below
//! * [`rules`]: rules of values and fields, checked wherever something new is made
//! * [`states`], [`stamps`]: which state may follow which, and when rows were created and changed
//! * [`structures`]: newtypes, maps, entities and free JSON as fields
//! * [`units`]: what a unit of work keeps, and what it refuses rather than lose
//! * [`values`]: what commits can be read back, and names mean one thing
//! * [`versions`]: events of old, new and odd forms
//! * [`ui`]: what the compiler says to what is wrong

#![expect(clippy::unwrap_used, reason = "what cannot be set up fails the test")]

mod account;
mod bank;
mod browsing;
mod checkout;
mod external_events;
mod facts;
mod handlers;
mod jar;
mod keys;
mod kitchen;
mod messages;
mod operations;
mod order;
mod past;
mod processes;
mod queries;
mod renamed;
mod rules;
mod shop;
mod snapshots;
mod stamps;
mod states;
mod stores;
mod structures;
mod subscribers;
mod trace;
mod ui;
mod units;
mod upgrades;
mod values;
mod versions;
