//! Given, when, then for aggregates: pure and synchronous.

use protean_core::model::{
    Aggregate, Data, EventSourced, Replay, Root, StateStored, as_stored, violations_after,
};
use protean_port::message::{Id, Ids};
use protean_port::{Error, Result};

use crate::difference::difference;
use crate::messages::{EventsOf, Found, Messages};
use crate::refusal::{describe, not_rejected};

/// An event-sourced aggregate to which this has happened, replayed as from a
/// log; `()` for one to which nothing has happened yet.
///
/// ```
/// # use protean::prelude::{Id, Result, Root};
/// # use protean::{aggregate, aggregate_impl, ensure, event};
/// # #[event(part_of = Account)]
/// # struct AccountOpened { account_id: Id }
/// # #[event(part_of = Account)]
/// # struct DepositMade { account_id: Id, amount: i64 }
/// # #[aggregate(event_sourced)]
/// # struct Account { root: Root<Account>, balance: i64 }
/// # #[aggregate_impl]
/// # impl Account {
/// #     fn deposit(&mut self, amount: i64) -> Result {
/// #         ensure!(amount > 0, "amount" => "must be positive");
/// #         self.raise(DepositMade { account_id: self.id(), amount })
/// #     }
/// #     #[apply]
/// #     fn opened(&mut self, _: &AccountOpened) {}
/// #     #[apply]
/// #     fn deposited(&mut self, event: &DepositMade) { self.balance += event.amount; }
/// # }
/// use protean_testing::given;
///
/// let id = || Id::from("7");
/// let opened = || (AccountOpened { account_id: id() }, DepositMade { account_id: id(), amount: 5 });
///
/// given::<Account>("7", opened())
///     .when(|account| account.deposit(3))
///     .then([DepositMade { account_id: id(), amount: 3 }])
///     .then_state(|account| assert_eq!(account.balance, 8));
///
/// given::<Account>("7", opened()).when(|account| account.deposit(-1)).then_rejected("amount");
/// ```
///
/// # Panics
/// When the aggregate does not apply one of the events, or cannot read it.
#[track_caller]
pub fn given<A: Replay>(id: impl Into<Id>, history: impl Messages<EventsOf<A>>) -> Given<A> {
    let history = history.expected();
    let version = (history.len() as u64).checked_sub(1);
    let mut aggregate = A::blank(Root::restored(id.into(), version));
    for event in history {
        let event = event.into_raised();
        match aggregate.replay(event.name, Data::strict(&event.data)) {
            Ok(true) => {}
            Ok(false) => panic!("{} does not apply {}: add an `#[apply]`", A::NAME, event.name),
            Err(error) => panic!("{}", describe(&error)),
        }
    }
    Given { aggregate }
}

/// A state-stored aggregate as a repository gives it: in this state, with no
/// events of its own, and barred from changes when its state forbids them.
pub fn given_state<A: Aggregate>(aggregate: A) -> Given<A> {
    let version = aggregate.root().version().or(Some(0));
    Given { aggregate: as_stored(aggregate, version) }
}

/// A new aggregate, from the function that makes one. The first fresh identity
/// in it is [`Id::numbered`]`(1)`.
///
/// ```
/// # use protean::prelude::{Id, Result, Root};
/// # use protean::{aggregate, aggregate_impl, event};
/// # #[event(part_of = Account)]
/// # struct AccountOpened { account_id: Id }
/// # #[aggregate(event_sourced)]
/// # struct Account { root: Root<Account> }
/// # #[aggregate_impl]
/// # impl Account {
/// #     fn open() -> Result<Self> {
/// #         let mut account = Self::create();
/// #         account.raise(AccountOpened { account_id: account.id() })?;
/// #         Ok(account)
/// #     }
/// #     #[apply]
/// #     fn opened(&mut self, _: &AccountOpened) {}
/// # }
/// use protean_testing::when_new;
///
/// when_new(|| Account::open()).then([AccountOpened { account_id: Id::numbered(1) }]);
/// ```
#[must_use = "nothing is checked before `then…`"]
pub fn when_new<A: Aggregate<Storage: Checked<A>>>(make: impl FnOnce() -> Result<A>) -> Then<A> {
    let made = Ids::default().within(make);
    Then { outcome: made.and_then(checked) }
}

/// An aggregate before something is asked of it.
#[must_use = "nothing is asked before `when`"]
pub struct Given<A> {
    aggregate: A,
}

impl<A: Aggregate<Storage: Checked<A>>> Given<A> {
    /// What is asked of it. Fresh identities are numbered from 1.
    #[must_use = "nothing is checked before `then…`"]
    pub fn when<T>(self, act: impl FnOnce(&mut A) -> Result<T>) -> Then<A> {
        let mut aggregate = self.aggregate;
        let outcome = Ids::default().within(|| act(&mut aggregate));
        Then { outcome: outcome.and_then(|_| checked(aggregate)) }
    }
}

/// An aggregate that a repository would keep, or why it would not.
fn checked<A: Aggregate<Storage: Checked<A>>>(aggregate: A) -> Result<A> {
    aggregate.root().allow()?;
    <A::Storage as Checked<A>>::check(&aggregate)?;
    Ok(aggregate)
}

/// What a repository checks of an aggregate that it keeps in this form.
pub trait Checked<A> {
    /// # Errors
    /// When the state breaks a rule.
    fn check(aggregate: &A) -> Result;
}

impl<A: Aggregate> Checked<A> for EventSourced {
    /// Each event was checked when it was raised.
    fn check(_: &A) -> Result {
        Ok(())
    }
}

impl<A: Aggregate> Checked<A> for StateStored {
    fn check(aggregate: &A) -> Result {
        violations_after(aggregate).into_result()
    }
}

/// What came of it.
pub struct Then<A> {
    outcome: Result<A, Error>,
}

impl<A: Aggregate> Then<A> {
    /// These events were raised, and no others.
    ///
    /// # Panics
    /// When others were raised, or it was refused.
    #[track_caller]
    pub fn then(self, events: impl Messages<EventsOf<A>>) -> Self {
        let expected = events.expected();
        let found: Vec<Found<'_>> =
            self.aggregate().root().raised().iter().map(Found::from).collect();
        if let Some(difference) = difference(&expected, &found, |one, other| one.is(other)) {
            panic!("{} raised other events {difference}", A::NAME);
        }
        self
    }

    /// It went well and raised no event.
    ///
    /// # Panics
    /// When an event was raised, or it was refused.
    #[track_caller]
    pub fn then_nothing(self) -> Self {
        self.then(())
    }

    /// It went well and left this state.
    ///
    /// # Panics
    /// When `check` does, or it was refused.
    #[track_caller]
    pub fn then_state(self, check: impl FnOnce(&A)) -> Self {
        check(self.aggregate());
        self
    }

    /// It was refused, and `field` is at fault.
    ///
    /// # Panics
    /// When it went well, or was refused for another reason.
    #[track_caller]
    pub fn then_rejected(self, field: &str) -> Self {
        if let Some(fault) = not_rejected(self.error(), field) {
            panic!("{fault}");
        }
        self
    }

    /// It was refused with this error.
    ///
    /// # Panics
    /// When `check` does, or it went well.
    #[track_caller]
    pub fn then_error(self, check: impl FnOnce(&Error)) -> Self {
        check(self.error());
        self
    }

    #[track_caller]
    fn aggregate(&self) -> &A {
        match &self.outcome {
            Ok(aggregate) => aggregate,
            Err(error) => panic!("{} refused: {}", A::NAME, describe(error)),
        }
    }

    #[track_caller]
    fn error(&self) -> &Error {
        let aggregate = match &self.outcome {
            Ok(aggregate) => aggregate,
            Err(error) => return error,
        };
        let found = aggregate.root().raised().iter();
        let found: Vec<String> = found.map(|raised| Found::from(raised).to_string()).collect();
        panic!("expected {} to refuse, but it raised [{}]", A::NAME, found.join(", "))
    }
}
