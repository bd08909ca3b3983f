//! What happens, and what must hold at each step.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use protean::Id;
use protean::port::{Counter, DeadLetter};

use crate::bank::{Bank, RESET, RETRY_DELAY, TRIES, until};
use crate::server::Server;
use crate::statement::Call;

/// How much of everything there is.
#[derive(Clone, Copy)]
pub(crate) struct Size {
    accounts: usize,
    failing: usize,
    probes: u64,
}

impl Size {
    pub(crate) fn from_environment() -> Self {
        let wanted = |name: &str, usual| {
            let said = std::env::var(format!("PROTEAN_OUTAGE_{name}")).ok();
            said.map_or(usual, |said| said.parse().unwrap())
        };
        let (accounts, failing) = (wanted("ACCOUNTS", 60), wanted("FAILING", 5));
        let size = Self { accounts, failing, probes: wanted("PROBES", 40) as u64 };
        assert!(failing > 1, "one is dropped, one is replayed alone");
        assert!(accounts > failing + size.threshold(), "too few accounts to open a breaker");
        size
    }

    /// A few accounts that fail and nothing beside them must not open the breaker.
    pub(crate) fn threshold(self) -> usize {
        self.failing * TRIES + 10
    }
}

struct Story {
    bank: Bank,
    accounts: Vec<Id>,
    size: Size,
}

/// Plays it from the beginning to the end.
pub(crate) async fn play(size: Size) {
    let began = Instant::now();
    let bank = Bank::new();
    let mut accounts = Vec::new();
    for number in 0..size.accounts {
        accounts.push(bank.open(number).await);
    }
    let story = Story { bank, accounts, size };
    let server = story.bank.serve();
    until("the bank has opened", &server, async || story.handled(1).await).await;
    let usual = story.latency("usual").await;

    let server = story.some_fail(server).await;
    let given_up = story.are_given_up(&server).await;
    let (during, calls) = story.all_fail(&server).await;
    // The others of the machine work as well, so the bound is a generous one.
    let bound = usual * 5 + Duration::from_millis(50);
    assert!(during < bound, "production waits during the outage: {usual:?} before, {during:?} now");

    let caught_up = story.mended(&server).await;
    let purged = story.replayed(&server, &given_up).await;
    story.judge(&purged).await;
    server.stop();
    println!(
        "an outage of one handler of a bank with {} accounts, {} of them poison\n\
         production, commit to handled by the healthy projector, median of {}\n  \
         usually            {:.2} ms\n  during the outage  {:.2} ms\n\
         calls of the broken handler during the outage  {calls}\n\
         backlog handled once mended in  {:.2} s\n\
         all of it in  {:.1} s",
        size.accounts,
        size.failing,
        size.probes,
        usual.as_secs_f64() * 1000.0,
        during.as_secs_f64() * 1000.0,
        caught_up.as_secs_f64(),
        began.elapsed().as_secs_f64(),
    );
}

impl Story {
    fn poison(&self) -> &[Id] {
        &self.accounts[..self.size.failing]
    }

    fn healthy(&self) -> &[Id] {
        &self.accounts[self.size.failing..]
    }

    /// The account of a customer who pays in all the time.
    fn customer(&self) -> &Id {
        &self.accounts[self.accounts.len() - 1]
    }

    async fn latency(&self, round: &str) -> Duration {
        self.bank.latency(self.customer(), round, self.size.probes).await
    }

    /// True when each healthy account has so many lines on its statement, and
    /// the customer as many as in the log.
    async fn handled(&self, lines: usize) -> bool {
        for account in self.healthy() {
            let printed = self.bank.statement(account).await.len();
            if printed < lines || (account == self.customer() && printed < self.paid_in().await) {
                return false;
            }
        }
        true
    }

    async fn paid_in(&self) -> usize {
        self.bank.logged(self.customer()).await.len()
    }

    /// The calls that failed, by message.
    fn failures(&self) -> BTreeMap<u64, Vec<Call>> {
        let mut calls = self.bank.printer.calls();
        calls.retain(|_, calls| calls.iter().any(|call| call.failed));
        calls
    }

    /// Some accounts fail, the others flow; the server is stopped and started
    /// between two tries.
    async fn some_fail(&self, server: Server) -> Server {
        self.bank.printer.break_for(self.poison());
        for round in ["first", "second"] {
            self.bank.deposit_to_all(&self.accounts, round).await;
        }
        until("the others flow", &server, async || self.handled(3).await).await;
        let tried_twice = async || {
            let failures = self.failures();
            failures.len() == self.size.failing && failures.values().all(|calls| calls.len() >= 2)
        };
        until("each is tried again", &server, tried_twice).await;
        server.stop();
        let tries = self.failures();
        assert!(tries.values().all(|calls| calls.len() < TRIES), "the stop came too late");
        assert!(self.bank.dead_letters().await.is_empty());
        self.bank.verify_closes();
        self.bank.serve()
    }

    /// After all their tries the messages are dead, and the later ones of
    /// their accounts wait behind them.
    async fn are_given_up(&self, server: &Server) -> Vec<DeadLetter> {
        let dead = async || self.bank.dead_letters().await.len() == self.size.failing;
        until("they are given up", server, dead).await;
        let (letters, failures) = (self.bank.dead_letters().await, self.failures());
        assert_eq!(failures.len(), self.size.failing, "nobody is called for what waits behind");
        for letter in &letters {
            let calls = &failures[&letter.recorded.position];
            let attempts = (calls.len(), usize::try_from(letter.attempts).unwrap());
            assert_eq!(attempts, (TRIES, TRIES), "the count goes on after the restart: {calls:?}");
            assert_eq!(letter.reason, "out of paper");
            for (wait, doubled) in calls.windows(2).zip(0..) {
                let least = RETRY_DELAY * 2_u32.pow(doubled);
                let waited = wait[1].at - wait[0].at;
                // The wait begins when the failed call has ended.
                let long_enough = i128::from(waited) >= least.as_micros().cast_signed();
                assert!(long_enough, "try {} came after {waited} µs", doubled + 2);
            }
        }
        let waits_behind = self.size.failing as u64;
        assert_eq!(self.bank.status(), (0, waits_behind, waits_behind));
        self.latency("given up").await;
        until("the others flow on", server, async || self.handled(3).await).await;
        letters
    }

    /// Everything fails: the handler is left alone, and nobody else notices.
    /// Gives the latency of production meanwhile, and the calls that were made.
    async fn all_fail(&self, server: &Server) -> (Duration, usize) {
        let count = || self.bank.printer.calls().values().map(Vec::len).sum::<usize>();
        let (before, since) = (count(), Instant::now());
        self.bank.printer.break_for_all();
        self.bank.deposit_to_all(&self.accounts, "third").await;
        let opened = async || server.log().contains("the handler keeps failing");
        until("the breaker opens", server, opened).await;
        let latency = self.latency("outage").await;
        let production = async || {
            for account in &self.accounts {
                if self.bank.summary(account).await.is_none_or(|row| row.deposits < 3) {
                    return false;
                }
            }
            true
        };
        until("production goes on", server, production).await;
        let tried = async || count() - before > self.size.threshold();
        until("it is tried now and then", server, tried).await;
        let (lag, _, dead) = self.bank.status();
        let (calls, time) = (count() - before, since.elapsed());
        let tries = time.as_micros() / RESET.as_micros() + 1;
        let threshold = self.size.threshold();
        let most = threshold + usize::try_from(tries).unwrap();
        assert!((threshold..=most).contains(&calls), "{calls} calls of at most {most}");
        let waiting = self.healthy().len() + usize::try_from(self.size.probes).unwrap() - calls;
        assert!(lag >= waiting as u64, "{lag} of {waiting} wait in the log");
        assert_eq!(dead, self.size.failing as u64, "what waits is not given up");
        self.bank.verify_closes();
        (latency, calls)
    }

    /// It works again: all but the poisoned accounts catch up.
    async fn mended(&self, server: &Server) -> Duration {
        self.bank.printer.mend();
        let mended = Instant::now();
        until("it catches up", server, async || self.handled(4).await).await;
        let took = mended.elapsed();
        assert!(server.log().contains("the handler works again"));
        for account in self.poison() {
            assert_eq!(self.bank.statement(account).await, ["opened"], "it waits for an operator");
        }
        took
    }

    /// The operators look at the dead letters, drop one, replay one and then the others.
    /// Gives what was dropped.
    async fn replayed(&self, server: &Server, given_up: &[DeadLetter]) -> DeadLetter {
        let letters = self.bank.dead_letters().await;
        assert_eq!(letters, given_up, "they are as they were");
        let [dropped, one, ..] = letters.as_slice() else { panic!("{letters:?}") };
        let inspected = self.bank.inspect(dropped.recorded.position).await.unwrap();
        assert!(inspected.recorded.message.data.contains("first of"));
        assert!(self.bank.purge(&inspected).await);
        assert!(self.bank.replay(one).await);
        let two_left = async || {
            let standing = self.bank.group_status().await;
            let behind = 2 * (self.size.failing as u64 - 2);
            (standing.dead(), standing.parked()) == (self.size.failing as u64 - 2, behind)
        };
        until("two accounts go on", server, two_left).await;
        assert_eq!(self.bank.replay_all().await, self.size.failing as u64 - 2);
        let at_rest = async || self.bank.status() == (0, 0, 0);
        until("everything is handled", server, at_rest).await;
        inspected
    }

    /// Each statement is what the log says, in its order and once, but for the
    /// line that was dropped.
    async fn judge(&self, dropped: &DeadLetter) {
        let standing = self.bank.group_status().await;
        assert_eq!(standing.count(Counter::Purged), 1);
        let mut lines = 0;
        for account in &self.accounts {
            let mut logged = self.bank.logged(account).await;
            lines += logged.len() as u64;
            logged.retain(|line| !dropped.recorded.message.data.contains(&format!("\"{line}\"")));
            assert_eq!(self.bank.statement(account).await, logged, "{account}");
            let row = self.bank.summary(account).await.unwrap();
            assert_eq!(row.balance, 100 + i64::try_from(row.deposits).unwrap());
        }
        assert_eq!((standing.committed, standing.count(Counter::Handled)), (lines, lines - 1));
        self.bank.verify_closes();
    }
}
