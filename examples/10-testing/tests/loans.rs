//! Loans: each test asks in another way.

use protean::prelude::Id;
use protean_testing::{TestDomain, given};
use testing::{
    BookLent, BookReturned, LOAN_TIME, LendBook, Loan, OverdueBook, ReaderReminded, RemindReader,
    ReturnBook, library,
};

fn lent(loan_id: Id) -> BookLent {
    BookLent { loan_id, title: "Emma".to_owned() }
}

fn lend() -> LendBook {
    LendBook { title: "Emma".to_owned() }
}

// An aggregate alone: pure, without a domain.

#[test]
fn a_book_that_was_lent_comes_back() {
    given::<Loan>("7", [lent("7".into())])
        .when(|loan| loan.take_back())
        .then([BookReturned { loan_id: "7".into() }])
        .then_state(|loan| assert!(loan.returned));
}

#[test]
fn no_book_comes_back_twice() {
    given::<Loan>("7", (lent("7".into()), BookReturned { loan_id: "7".into() }))
        .when(|loan| loan.take_back())
        .then_rejected("returned");
}

// The whole domain, in memory.

#[test]
fn a_book_without_a_title_is_not_lent() {
    let library = TestDomain::new(library());
    library.when(LendBook { title: " ".to_owned() }).then_rejected("title").then_nothing();
}

#[test]
fn a_reader_is_reminded_after_two_weeks() {
    let library = TestDomain::new(library());
    // Identities are numbered in tests: the command took the first, the loan the second.
    let loan_id = || Id::numbered(2);
    library
        .when(lend())
        .then([lent(loan_id())])
        .then_scheduled(RemindReader { loan_id: loan_id() }, LOAN_TIME);
    library
        .when_passed(LOAN_TIME)
        .then([ReaderReminded { loan_id: loan_id() }])
        .then_row(OverdueBook { loan_id: loan_id() });
    library.when(ReturnBook { loan_id: loan_id() }).then_no_row::<OverdueBook>(loan_id());
}

#[test]
fn a_reader_who_is_in_time_is_left_in_peace() {
    let library = TestDomain::new(library());
    let loan_id = library.when(lend()).answer();
    library.given(ReturnBook { loan_id });
    library.when_passed(LOAN_TIME).then_nothing();
}

#[test]
fn events_alone_can_test_a_projection() {
    let library = TestDomain::new(library());
    let loan_id = || Id::from("7");
    library.given_events::<Loan>("7", [lent(loan_id())]);
    let reminded = library.when_event("7", ReaderReminded { loan_id: loan_id() });
    reminded.then_row(OverdueBook { loan_id: loan_id() });
}
