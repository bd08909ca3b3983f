//! A bank whose database refuses some summaries, so that their messages are given up.

use fidelis::account::OpenAccount;
use protean::{Decimal, Priority, Submission};
use rusqlite::Connection;

use crate::bank::{Bank, Server};
use crate::place::await_dead;

const MEND: &str = "DROP TRIGGER refuse_new";

/// A bank with these holders' accounts, whose summaries are dead letters for this reason, and the
/// server that gave them up.
pub(crate) async fn bank_with_dead_letters(
    holders: &[&str],
    reason: &str,
    options: &[&str],
) -> (Bank, Server) {
    let bank = Bank::new();
    bank.domain().store().await.unwrap();
    let reason = reason.replace('\'', "''");
    run(
        &bank,
        &format!(
            "CREATE TRIGGER refuse_new BEFORE INSERT ON account_summary \
             BEGIN SELECT RAISE(ABORT, '{reason}'); END;"
        ),
    );
    let server = bank.serve_with(options);
    let open = |(number, holder): (usize, &&str)| {
        let (account_number, holder_name) = (format!("D-{number:06}"), (*holder).to_owned());
        let opening_deposit = Decimal::new(1001, 2);
        Submission::new(OpenAccount { account_number, holder_name, opening_deposit })
    };
    let commands: Vec<_> = holders.iter().enumerate().map(open).collect();
    bank.domain().process_all(commands).priority(Priority::NORMAL).await.unwrap();
    await_dead(&bank, holders.len() as u64);
    (bank, server)
}

/// Lets the database take summaries again.
pub(crate) fn mend(bank: &Bank) {
    run(bank, MEND);
}

fn run(bank: &Bank, sql: &str) {
    let connection = Connection::open(bank.database()).unwrap();
    connection.busy_timeout(std::time::Duration::from_secs(20)).unwrap();
    connection.execute_batch(sql).unwrap();
}
