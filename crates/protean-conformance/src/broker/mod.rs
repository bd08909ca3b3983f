//! The contract of brokers, as facts that every adapter shows.
//!
//! An adapter's test file opens its broker in an `async fn fresh() -> Arc<dyn Broker>`
//! and holds one line, `protean_conformance::broker_suite!(fresh);`. It expands to one
//! module a subject and in it one `#[test]` a fact. The facts may share a server:
//! each has [names](Sample::stream) of its own.

#![expect(missing_docs, reason = "the name of a fact says all of it")]

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use protean_port::Result;
use protean_port::port::Broker;

pub mod groups;
pub mod leases;
pub mod publishing;
pub mod reading;
pub mod settling;
pub mod standing;

mod sample;

pub use sample::Sample;

/// Shows one fact of a broker.
///
/// # Panics
/// When the fact does not hold, a call fails, or it takes longer than a minute.
pub fn show<O, F>(fresh: impl FnOnce() -> O, fact: impl FnOnce(Sample) -> F)
where
    O: Future<Output = Arc<dyn Broker>>,
    F: Future<Output = Result>,
{
    let shown = crate::runtime::runtime().block_on(async {
        let fact = tokio::time::timeout(Duration::from_secs(60), fact(Sample::new(fresh().await)));
        fact.await.unwrap_or_else(|_| panic!("it took longer than a minute"))
    });
    shown.unwrap_or_else(|error| panic!("{error:?}"));
}

/// Expands to the tests of the contract for the broker that `fresh` opens: an
/// `async fn() -> Arc<dyn Broker>`. See [`broker`](crate::broker).
#[macro_export]
macro_rules! broker_suite {
    ($(#[$attribute:meta])* $fresh:ident) => {
        $crate::broker_facts! { [$(#[$attribute])*] $fresh,
            groups: [
                groups_that_were_missing_are_told,
                a_group_begins_with_the_first_entry,
                preparing_again_changes_nothing,
                a_missing_group_is_not_found,
                what_waits_for_a_forgotten_group_alone_goes,
                what_another_group_waits_for_stays_when_one_is_forgotten,
                the_last_group_takes_the_stream_with_it,
            ],
            publishing: [
                entries_lie_in_the_order_they_were_published,
                every_entry_has_an_id_of_its_own,
                bytes_survive_as_they_are,
                a_mark_is_kept,
                a_receipt_tells_the_mark_before,
                a_mark_that_is_set_is_not_claimed,
                marks_of_different_names_do_not_meet,
                an_incarnation_lasts,
                nothing_can_be_published,
            ],
            reading: [
                an_entry_goes_to_one_consumer_of_a_group,
                every_group_reads_every_entry,
                preferred_streams_come_first,
                a_read_keeps_to_its_limit,
                a_read_without_a_wait_ends_at_once,
                a_wait_ends_when_its_time_is_over,
                an_arrival_in_any_stream_ends_the_wait,
                a_dropped_read_loses_nothing,
                a_dropped_read_is_not_in_the_way_of_the_next,
            ],
            settling: [
                a_settled_entry_goes,
                streams_drain_to_empty,
                an_unread_entry_of_another_group_stays,
                a_pending_entry_of_another_group_stays,
                a_retrying_entry_outlives_those_around_it,
                settling_again_changes_nothing,
                settling_what_is_not_there_changes_nothing,
                many_entries_of_many_streams_are_settled_together,
                concurrent_groups_leave_nothing_behind,
            ],
            leases: [
                what_nobody_holds_is_taken_over,
                what_is_held_is_not_taken_over,
                what_is_given_back_is_taken_over_at_once,
                a_fresh_entry_is_not_taken_over,
                what_is_taken_over_has_its_bytes,
                what_was_taken_over_is_lost_to_its_holder,
                what_is_settled_is_lost_to_its_holder,
                a_take_over_keeps_to_its_limit_and_loses_nothing,
                consumers_without_entries_are_forgotten,
                consumers_with_entries_are_kept_until_these_have_moved,
                one_of_many_takes_over_an_entry,
                a_take_over_amid_reading_loses_nothing,
            ],
            standing: [
                a_missing_group_has_no_standing,
                a_standing_tells_what_waits,
                a_standing_is_told_group_by_group,
                consumers_are_told_by_name_with_what_they_hold,
                the_oldest_ages,
                nothing_waits_in_an_empty_stream,
            ],
        }
    };
}

/// One module a subject, one test a fact; for [`broker_suite!`] alone.
#[doc(hidden)]
#[macro_export]
macro_rules! broker_facts {
    (@fact [$($attribute:tt)*] $fresh:path, $subject:ident, $fact:ident) => {
        #[test]
        $($attribute)*
        fn $fact() {
            $crate::broker::show($fresh, $crate::broker::$subject::$fact);
        }
    };
    (@facts $attributes:tt $fresh:path, $subject:ident, [$($fact:ident,)*]) => {
        $($crate::broker_facts! { @fact $attributes $fresh, $subject, $fact })*
    };
    ($attributes:tt $fresh:ident, $($subject:ident: $facts:tt,)*) => {
        $(mod $subject {
            $crate::broker_facts! { @facts $attributes super::$fresh, $subject, $facts }
        })*
    };
}
