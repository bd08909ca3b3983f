//! A club whose members sign up now and are entered by a server a moment later.
//!
//! You learn what a queued command is, how its sender hears of its outcome, and how to read one's own
//! write. A real program runs the server in a process of its own, `protean_cli::run(club())`; here both
//! share one process, so that nothing has to be started. Read `05-process-manager` next.
#![expect(clippy::print_stdout, reason = "the program shows what it does")]

use std::error::Error;

use protean::prelude::{Context, Domain, Id, Result, Root};
use protean::{
    CommandOutcome, DomainBuilder, Receipt, Server, aggregate, aggregate_impl, command,
    command_handler, event, projection, projector,
};

/// Somebody became a member.
#[event(part_of = Member)]
struct MemberJoined {
    name: String,
}

/// Makes somebody a member, and answers with the number on the card.
#[command(part_of = Member, returns = Id)]
struct Join {
    #[field(max_length = 100, blank = false)]
    name: String,
    #[field(max_length = 254, blank = false)]
    email: String,
}

/// A member.
#[aggregate(commands(Join))]
struct Member {
    root: Root<Member>,
    name: String,
    #[field(unique)]
    email: String,
}

#[aggregate_impl]
impl Member {}

/// Handles the commands of members.
struct MemberCommandHandler;

#[command_handler(part_of = Member)]
impl MemberCommandHandler {
    #[handle]
    async fn join(&self, command: Join, ctx: &Context) -> Result<Id> {
        let Join { name, email } = command;
        let mut member = Member { root: Root::new(), name: name.clone(), email };
        let id = member.id();
        member.raise(MemberJoined { name })?;
        ctx.repository::<Member>().add(member).await?;
        Ok(id)
    }
}

/// How many members have a name that begins with this letter.
#[projection]
struct Letter {
    #[field(identifier)]
    letter: Id,
    #[field(default = 0)]
    members: u32,
}

/// Counts the members.
struct LetterProjector;

#[projector(projection = Letter)]
impl LetterProjector {
    #[on]
    async fn joined(&self, event: MemberJoined, ctx: &Context) -> Result {
        let letters = ctx.repository::<Letter>();
        let letter = Id::from(event.name.chars().take(1).collect::<String>());
        let found = letters.find(&letter).await?;
        let mut row = found.unwrap_or_else(|| Letter { letter, ..Letter::with_defaults() });
        row.members += 1;
        letters.add(row).await
    }
}

/// Commands and events are handled by a server, as is the default. The database is in memory, so it
/// lives as long as this program.
const SETTINGS: &str = r#"
command_processing = "async"
event_processing = "async"
databases.default.provider = "memory"
"#;

fn club() -> DomainBuilder {
    protean::domain("club")
        .config(SETTINGS)
        .aggregate::<Member>()
        .register(MemberCommandHandler)
        .register(LetterProjector)
}

/// Queues a command. It is durable now, and nothing else has happened yet.
async fn join(club: &Domain, name: &str, email: &str) -> Result<Receipt<Join>> {
    let command = Join { name: name.to_owned(), email: email.to_owned() };
    club.process(command).keep_outcome().receipt().await
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let club = club().build()?;
    let receipt = join(&club, "Ada", "ada@example.org").await?;
    println!("Queued: {}", receipt.id());
    // A server runs until its future ends: here, until Ada is a member and counted.
    let ada_is_counted = async {
        println!("Outcome: {:?}", receipt.outcome().await);
        println!("Counted: {:?}", receipt.caught_up::<Letter>().await);
    };
    Server::new(club.clone()).run(ada_is_counted).await?;
    let letter = club.repository::<Letter>().await?.get(&"A".into()).await?;
    println!("Members under A: {}", letter.members);
    let again = join(&club, "Ada", "ada@example.org").await?;
    let it_is_rejected = async {
        if let Ok(CommandOutcome::Rejected(reason)) = again.outcome().await {
            println!("A second time: {reason}");
        }
    };
    Ok(Server::new(club.clone()).run(it_is_rejected).await?)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use protean::prelude::Domain;
    use protean::{CommandOutcome, Server};

    use super::{Letter, Member, club, join};

    /// Runs a server while `work` is under way.
    async fn served<T>(club: &Domain, work: impl IntoFuture<Output = T>) -> T {
        let mut done = None;
        let server = Server::new(club.clone()).run(async { done = Some(work.await) });
        tokio::time::timeout(Duration::from_secs(60), server).await.unwrap().unwrap();
        done.unwrap()
    }

    #[tokio::test]
    async fn a_queued_command_waits_for_a_server_and_has_an_outcome() {
        let club = club().build().unwrap();
        let receipt = join(&club, "Ada", "ada@example.org").await.unwrap();
        assert!(receipt.outcome_so_far().await.unwrap().is_none(), "no server has run");
        let outcome = served(&club, receipt.outcome()).await.unwrap();
        let CommandOutcome::Handled(id) = outcome else { panic!("it was {outcome:?}") };
        let members = club.repository::<Member>().await.unwrap();
        assert_eq!(members.get(&id).await.unwrap().email, "ada@example.org");
    }

    #[tokio::test]
    async fn a_member_is_counted_when_the_projection_has_caught_up() {
        let club = club().build().unwrap();
        let letters = club.repository::<Letter>().await.unwrap();
        for (number, name) in (1..).zip(["Ada", "Alan", "Anita"]) {
            let receipt = join(&club, name, &format!("{name}@example.org")).await.unwrap();
            served(&club, receipt.caught_up::<Letter>()).await.unwrap();
            assert_eq!(letters.get(&"A".into()).await.unwrap().members, number);
        }
    }

    #[tokio::test]
    async fn a_command_that_breaks_a_rule_is_rejected_with_the_reason() {
        let club = club().build().unwrap();
        // A server handles several commands at once, so the first has to be done before the second.
        let first = join(&club, "Ada", "ada@example.org").await.unwrap();
        served(&club, first.outcome()).await.unwrap();
        let again = join(&club, "Grace", "ada@example.org").await.unwrap();
        let outcome = served(&club, again.outcome()).await.unwrap();
        let CommandOutcome::Rejected(reason) = outcome else { panic!("it was {outcome:?}") };
        assert!(reason.contains("email"), "{reason}");
    }
}
