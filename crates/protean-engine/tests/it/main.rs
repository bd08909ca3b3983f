//! The engine from outside.
//!
//! * `lanes`: what the scheduler of a handler promises, in simulated time; `slots`: that of a server
//! * `serve`: a server drains what is in the log; accounts close, by the same `counts` in both ways
//! * `order`: messages of one aggregate, across lanes and retries
//! * `faults`: handlers that fail, panic or are refused by the database
//! * `breakers`: a handler that fails all the time; `dead_letters`: what is dead, replayed and purged
//! * `step_down`: a server that loses its claims; `claims`: 50 times, real processes under load
//! * `notes`, `suspects`: an abrupt end, and which message is to blame; `processes`: real ones
//! * `relay`, `relay_pages`, `external`, `published`, `dlq_publisher`: from the log to a broker; `subscribers`, `pubsub`, `two_domains`: and back; `intake`, `intake_domains`, `intake_rejects`, `intake_rows`, `plain_programs`, `own_tables`: and SQL
//! * `crashes`: and with a process that ends at one step of its work
//! * `kills`: and with one that is killed or stopped with handlers in flight
//! * `keys`, `issued_keys`: idempotency keys (`first_claim`: and who is faster); `outcomes`, `caught_up`: what became of a command; `explain`: why it waits
//! * `health`: what the pages say, also to slow clients; `telemetry`: log lines; `spans`: traces; `monitoring`: the dashboard and the alerts
//! * `schedules`: random schedules of everything that may go wrong, on an `unreliable` store
//! * `shared`: several servers share the work, over a broker that may fail
//! * `outages`: and what becomes of the broker while they do, on a `way` that may be cut; `stops`: or of one
//! * `snapshots`: among units that commit together; `two_aggregates`, `process_managers`: one handler, several categories; `process_attempts`: and failures; `scheduled`, `scheduled_memory`, `due_batches`, `recurring`, `crooked_clocks`: and time
//! * `versions`: messages of other versions in the log; `events_check` finds them; `rollout`: and
//!   programs of two at once; `upgrade`: and all that an earlier release left behind
//! * `rebuild`, `beside_rebuilds`: a projection filled anew; `renames`: groups under other names
//! * `limits`: what is too large or too odd for a log; `every_value`: what is not; `metadata`: what travels with it; `one_file`: two stores on one file
//! * `waits`: how long production waits, to the instant; `handlers`: beside a backlog, or one that
//!   hangs; `pacing`, `production_steps`: backfill slowed for it; `back_pressure`: and its producers
//! * `harness`, `tallies`, `tickets`, `simulation`, `child`, `weather`, `exchange`, `post`: what these run on

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod at_rest;
mod back_pressure;
mod beside_rebuilds;
mod breakers;
mod bulk_commits;
mod caught_up;
mod child;
#[cfg(target_os = "linux")]
mod claims;
mod counts;
mod crashes;
mod crooked_clocks;
mod dead_letters;
mod dlq_publisher;
mod due_batches;
mod events_check;
mod every_value;
mod exchange;
mod explain;
mod external;
mod faults;
mod first_claim;
mod group_readers;
mod handlers;
mod harness;
mod health;
mod intake;
mod intake_domains;
mod intake_rejects;
mod intake_rows;
mod issued_keys;
mod keys;
mod kills;
mod lanes;
mod limits;
mod metadata;
mod monitoring;
mod notes;
mod one_file;
mod order;
mod outages;
mod outcomes;
mod own_tables;
mod ownership;
mod pacing;
mod plain_programs;
mod positions;
mod post;
mod process_attempts;
mod process_managers;
mod processes;
mod production_steps;
mod published;
mod pubsub;
mod rebuild;
mod rebuild_after_others;
mod recurring;
mod relay;
mod relay_pages;
mod renames;
mod rollout;
mod scheduled;
#[cfg(target_os = "linux")]
mod scheduled_memory;
mod schedules;
mod serve;
mod shared;
mod simulation;
mod slots;
mod snapshots;
mod spans;
mod step_down;
mod stops;
mod subscribers;
mod suspects;
mod tallies;
mod telemetry;
mod tickets;
mod two_aggregates;
mod two_domains;
mod unreliable;
mod upgrade;
mod vanished;
mod versions;
mod volume;
mod waits;
mod way;
mod weather;
