//! The contract of the ports, as facts that every adapter shows.
//!
//! An adapter's test file holds one line, and lists the same tests as every other:
//!
//! ```no_run
//! # mod shown {
//! use std::sync::Arc;
//! use protean_port::memory::MemoryStore;
//! use protean_conformance::store::Subject;
//!
//! async fn fresh() -> Subject {
//!     // A database of its own each time, not yet prepared. What must outlive
//!     // the store, such as a temporary folder, goes into `.keeping(guard)`.
//!     Subject::new(Arc::new(MemoryStore::new()))
//! }
//!
//! protean_conformance::store_suite!(fresh);
//! # }
//! ```
//!
//! It expands to one module a port and in it one `#[test]` a fact, each on a
//! fresh, prepared store and a runtime with several threads. [`sample`] makes what
//! they commit. [`model`] compares a store with the memory store under a random
//! [`history`], [`random_queries`] by random queries; `PROPTEST_CASES` sets the number of cases.

#![expect(missing_docs, reason = "the name of a fact says all of it")]

pub mod commit;
pub mod correlations;
pub mod dead_letters;
pub mod find;
pub mod history;
pub mod indexes;
pub mod intake;
pub mod keys;
pub mod lanes;
pub mod ledger;
pub mod log;
pub mod long_log;
pub mod marks;
pub mod model;
pub mod names;
pub mod outcomes;
pub mod own_sql;
pub mod paging;
pub mod parking;
pub mod prepare;
pub mod queries;
pub mod random_queries;
pub mod rebuilds;
pub mod rows;
pub mod sample;
pub mod schedules;
pub mod settling;
pub mod texts;

mod subject;

pub use subject::{Subject, show};

/// Expands to the tests of the contract for the store that `fresh` opens: an
/// `async fn() -> Subject`. See [`store`](crate::store).
#[macro_export]
macro_rules! store_suite {
    ($(#[$attribute:meta])* $fresh:ident) => {
        $crate::store_facts! { [$(#[$attribute])*] $fresh,
            commit: [
                concurrent_appends_leave_no_gap,
                optimistic_appends_lose_no_update,
                optimistic_rows_lose_no_update,
                a_commit_is_announced_after_it_is_visible,
                a_watch_wakes_for_what_concerns_it,
                a_watch_of_any_category_wakes_for_messages_of_its_priorities,
                a_dropped_commit_is_not_taken_back,
                what_is_visible_is_a_prefix_of_the_list,
                a_unit_is_visible_whole,
            ],
            correlations: [
                there_are_none_without_a_process_manager,
                what_is_registered_is_kept,
                rejects_a_unit_that_was_correlated_otherwise,
                a_forgotten_process_manager_takes_no_more,
                correlations_are_gone_with_everything_else,
            ],
            find: [
                a_chain_is_found_in_the_order_of_the_log,
                a_category_is_found_in_the_order_of_the_log,
                pages_show_each_message_once,
                a_message_is_found_by_its_id,
                a_type_is_found_by_its_full_and_its_short_name,
                a_time_is_found_from_its_start_to_before_its_end,
                all_that_is_asked_must_hold,
                types_are_counted_with_their_times,
            ],
            indexes: [
                what_is_unique_together_is_in_one_row,
                what_is_unique_together_is_taken_in_the_order_of_units,
                indexes_come_and_go_with_a_preparation,
                an_index_is_made_once_however_many_ask,
                refuses_to_make_unique_what_rows_share,
                refuses_to_make_a_new_column_unique_with_one_that_rows_share,
                an_index_goes_on_under_the_new_names_of_its_columns,
            ],
            keys: [
                a_taken_key_names_the_first_message,
                a_taken_key_gives_the_first_output,
                keys_of_different_commands_do_not_meet,
                a_key_claimed_by_a_left_out_unit_is_free,
                one_of_many_concurrent_claims_wins,
                an_expired_key_is_free,
                a_settled_key_tells_what_became_of_its_message,
                keys_that_have_expired_are_swept,
            ],
            lanes: [
                higher_priorities_are_read_first,
                any_integer_is_a_priority,
                a_read_keeps_to_its_range_and_category,
                a_read_keeps_to_its_limit,
                a_read_goes_on_after_what_was_read,
                a_position_read_earlier_than_the_cursor_does_not_count,
                a_delivery_tells_what_the_group_expects_next,
                settled_messages_are_left_out,
                groups_read_apart,
                what_is_open_to_others_is_what_they_recall,
                concurrent_commits_are_never_skipped,
            ],
            ledger: [
                an_unknown_stream_is_expected_from_its_start,
                progress_moves_by_one,
                rejects_a_move_from_elsewhere,
                one_of_many_concurrent_moves_wins,
                counts_add_up,
                standing_tells_each_priority,
                standing_counts_what_was_settled_out_of_order,
                the_oldest_is_the_first_not_settled,
                a_group_nobody_enrolled_stands_at_the_beginning,
                a_claim_is_exclusive_until_it_is_dropped,
                a_claim_whose_caller_has_stopped_waiting_is_free,
                nothing_is_left_of_a_claim_that_ended_properly,
                recalls_what_is_parked_or_not_settled,
                every_group_that_was_enrolled_is_told,
                versions_of_a_program_are_kept_in_their_order,
                forgetting_a_group_leaves_nothing_of_it,
            ],
            dead_letters: [
                a_letter_tells_all_about_its_message,
                letters_are_read_page_by_page,
                rejects_taking_what_is_not_dead,
                a_letter_can_be_parked_again_in_one_unit,
                what_is_given_up_in_turn_is_what_the_group_expects,
            ],
            long_log: [
                a_long_log_is_counted_exactly,
            ],
            log: [
                positions_grow_by_one_from_one,
                stream_positions_count_from_zero_in_each_stream,
                a_stream_is_read_from_a_position_up_to_a_limit,
                a_stream_nobody_wrote_is_empty,
                every_part_of_a_message_survives,
                odd_text_survives,
                a_large_payload_survives,
                streams_of_a_category_come_by_name,
                streams_are_read_on_after_one,
                no_stream_is_broken,
            ],
            marks: [
                up_to_moves_the_cursor,
                up_to_never_moves_back,
                up_to_forgets_the_marks_it_passes,
                only_settles_one_message,
                only_before_the_cursor_changes_nothing,
                a_message_next_to_the_cursor_moves_it,
                a_cursor_moves_on_over_what_was_settled_before,
                first_settles_one_message_once,
                rejects_a_first_before_the_cursor,
                one_of_many_concurrent_firsts_wins,
                appended_next_to_the_cursor_moves_it,
                appended_beyond_a_gap_is_settled_alone,
                several_appended_in_one_unit_are_settled,
                a_mark_counts_for_its_priority_alone,
            ],
            names: [
                every_group_has_its_name_as_its_id_at_first,
                a_renamed_group_keeps_its_id_and_its_state,
                a_group_is_renamed_again_and_back,
                rejects_a_name_that_means_another_group,
                rejects_a_name_under_which_something_was_done,
                a_name_that_was_only_registered_is_free,
                names_are_gone_with_everything_else,
            ],
            outcomes: [
                tells_where_each_message_landed,
                an_empty_unit_is_committed,
                appends_where_the_stream_is_expected_to_end,
                rejects_a_stale_stream_position,
                a_unit_sees_its_own_writes,
                a_later_unit_sees_an_earlier_one,
                a_failing_part_changes_nothing_at_all,
                a_failing_unit_leaves_the_others_alone,
                a_dependant_is_left_out_too,
                a_dependant_of_a_committed_unit_is_applied,
                otherwise_is_applied_whatever_the_reason,
                an_otherwise_that_cannot_be_applied_is_skipped,
                a_replaced_unit_still_leaves_out_its_dependants,
                both_lanes_of_a_list_are_committed,
            ],
            parking: [
                due_messages_come_longest_due_first,
                the_next_due_is_told,
                parked_messages_are_read_by_priority_range,
                a_parked_delivery_carries_its_attempts,
                a_note_says_why_a_message_is_parked_and_until_when,
                keeping_again_replaces,
                rejects_taking_what_is_not_parked,
                a_released_stream_is_due,
                release_leaves_other_rows_alone,
                an_earlier_parked_message_blocks,
                a_dead_message_blocks_and_is_not_parked,
                a_message_is_held_only_while_something_is_in_its_way,
                a_skipped_dead_message_is_in_nobodys_way,
                a_group_from_the_head_is_not_held_by_what_was_before,
                groups_and_categories_park_apart,
            ],
            prepare: [
                preparing_again_changes_nothing,
                preparing_at_once_is_safe,
                a_log_keeps_its_id_until_it_is_renewed,
                a_new_column_is_empty_in_old_rows,
                a_new_column_takes_its_default_in_old_rows,
                a_renamed_column_keeps_its_values_and_stays_unique,
                renaming_at_once_is_safe,
                an_older_version_is_refused_after_a_renaming,
                refuses_a_column_that_is_there_under_both_names,
                nothing_differs_once_it_is_prepared,
                refuses_a_column_of_another_kind_whole,
                a_group_from_the_head_misses_what_was_before,
                a_group_from_the_head_expects_what_came_after,
                marks_made_before_enrolling_count_no_more,
                enrolling_again_changes_nothing,
                destroying_empties_everything,
            ],
            paging: [
                a_page_begins_after_a_row,
                rows_that_stay_are_on_one_page_each,
            ],
            queries: [
                every_operator_compares_every_kind,
                nothing_equals_only_nothing,
                one_of_many_values_is_enough,
                what_does_not_hold_of_nothing_holds_negated,
                conditions_may_be_many,
                decimals_compare_by_size,
                text_sorts_by_its_bytes,
                nothing_sorts_before_everything,
                the_first_column_counts_most,
                the_key_decides_between_equals,
                a_limit_cuts_after_sorting,
                an_offset_leaves_out_the_first,
                all_conditions_must_hold,
                one_condition_of_several_is_enough,
                a_count_knows_a_limit_and_no_order,
                refuses_an_unknown_column,
                a_query_is_explained,
            ],
            rebuilds: [
                the_successor_takes_the_place_of_the_table,
                a_table_is_replaced_again_and_again,
                a_table_that_is_new_takes_the_place_of_none,
                what_is_under_way_for_a_former_group_is_left_out,
                a_former_group_settles_nothing_more,
                a_former_group_that_is_registered_late_settles_nothing,
                a_unit_that_rests_on_a_former_row_is_left_out,
                removed_rows_keep_their_versions,
                rejects_a_swap_with_parked_or_dead_messages,
                rejects_a_swap_of_groups_with_other_ids,
                a_group_is_renamed_after_its_table_was_replaced,
                several_groups_of_a_table_go_along,
                nothing_is_left_of_what_was_cleared,
                nothing_is_left_of_what_was_given_up,
            ],
            rows: [
                a_row_that_never_was_has_no_version,
                a_row_is_put_with_its_version,
                rejects_making_a_row_that_exists,
                rejects_a_stale_version,
                rejects_removing_a_stale_version,
                a_removed_row_keeps_its_version,
                a_removed_row_can_be_made_again,
                rejects_a_version_that_falls_back,
                every_kind_survives,
                every_kind_may_be_empty,
                a_unique_value_belongs_to_one_row,
                a_unique_value_may_be_empty_in_many_rows,
                a_unique_value_is_free_again,
                a_unique_value_may_stay_in_its_row,
            ],
            intake: [
                rows_come_in_the_order_of_their_insertion,
                rows_of_other_priorities_hold_nothing_up,
                priorities_that_no_message_can_have_are_read,
                every_part_of_a_row_survives,
                rows_are_read_by_the_domain_that_their_type_names,
                rows_of_other_domains_and_priorities_hold_nothing_up,
                a_page_follows_a_place_and_ends_with_large_rows,
                one_look_tells_whether_a_row_waits,
                a_row_moves_into_the_log_once,
                a_unit_takes_many_rows_or_none,
                one_of_many_concurrent_takers_has_the_row,
                a_place_is_not_used_again,
                a_row_says_whether_its_command_is_in_the_log,
                a_reject_goes_back_as_a_new_row_or_is_dropped,
                a_unit_sees_what_it_has_rejected_itself,
                a_unit_that_is_left_out_changes_no_intake,
                the_intake_is_gone_with_everything_else,
            ],
            schedules: [
                what_is_urgent_and_due_first_comes_first,
                pages_show_each_scheduled_message_once,
                one_look_tells_whether_a_message_is_due,
                every_part_of_a_scheduled_message_survives,
                what_is_kept_again_replaces_what_was,
                what_is_kept_under_many_keys_is_read_at_once,
                a_due_message_moves_into_the_log_once,
                rejects_taking_what_was_replaced,
                one_of_many_concurrent_takers_wins,
                dropping_what_is_not_there_changes_nothing,
                a_unit_sees_what_it_has_scheduled_itself,
                a_unit_that_is_left_out_schedules_nothing,
                schedules_are_gone_with_everything_else,
                the_schedule_accounts_for_every_message,
            ],
            texts: [
                text_is_found_letter_for_letter,
                only_ascii_letters_lose_their_case,
                a_list_has_whole_elements,
            ],
        }

        mod model {
            #[test]
            $(#[$attribute])*
            fn agrees_with_the_memory_store() {
                $crate::store::model::agrees_with_the_memory_store(super::$fresh);
            }

            #[test]
            $(#[$attribute])*
            fn queries_agree_with_the_memory_store() {
                $crate::store::random_queries::queries_agree_with_the_memory_store(super::$fresh);
            }

            #[test]
            $(#[$attribute])*
            fn accounts_close_whatever_is_settled() {
                $crate::store::settling::accounts_close_whatever_is_settled(super::$fresh);
            }
        }
    };
}

/// Expands to the tests of the user's own SQL, for a database that has it, like [`store_suite!`].
#[macro_export]
macro_rules! own_sql_suite {
    ($(#[$attribute:meta])* $fresh:ident) => {
        $crate::store_facts! { [$(#[$attribute])*] $fresh,
            own_sql: [
                a_read_that_is_no_longer_true_leaves_its_unit_out,
                a_unit_that_takes_its_place_is_checked_too,
                rows_come_in_any_order_unless_the_read_has_one,
                statements_see_what_came_before_them,
                a_statement_that_is_refused_leaves_only_its_unit_out,
                texts_are_read_as_they_were_bound,
            ],
        }
    };
}

/// One module a port, one test a fact; for the suites alone.
#[doc(hidden)]
#[macro_export]
macro_rules! store_facts {
    (@fact [$($attribute:tt)*] $fresh:path, $port:ident, $fact:ident) => {
        #[test]
        $($attribute)*
        fn $fact() {
            $crate::store::show($fresh, $crate::store::$port::$fact);
        }
    };
    (@facts $attributes:tt $fresh:path, $port:ident, [$($fact:ident,)*]) => {
        $($crate::store_facts! { @fact $attributes $fresh, $port, $fact })*
    };
    ($attributes:tt $fresh:ident, $($port:ident: $facts:tt,)*) => {
        $(mod $port { $crate::store_facts! { @facts $attributes super::$fresh, $port, $facts } })*
    };
}
