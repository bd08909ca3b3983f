//! What a unit of work keeps, and what it refuses rather than lose.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

use protean::prelude::{Context, Handled, Id, Result};
use protean::{
    Decimal, Domain, Error, Root, aggregate, aggregate_impl, command, command_handler, event,
};

#[event(part_of = Purse)]
struct Paid {
    #[field(min_value = 0)]
    amount: Decimal,
}

#[aggregate(event_sourced, commands(Play))]
struct Purse {
    root: Root<Purse>,
    money: Decimal,
}

#[aggregate_impl]
impl Purse {
    #[apply]
    fn paid(&mut self, event: &Paid) {
        self.money += event.amount;
    }
}

#[aggregate]
struct Shelf {
    root: Root<Shelf>,
    books: u32,
}

#[aggregate_impl]
impl Shelf {}

/// What a handler does.
#[derive(Clone, Copy, Debug)]
enum Game {
    /// Pays an amount in.
    Pay(&'static str),
    /// Gives its context away and ends.
    Leak,
    /// Changes two copies of one purse, or of one shelf.
    PayTwice,
    FillTwice,
    /// Changes a purse, and forgets to add it, or wants to.
    Forget,
    Discard,
    /// Changes a purse, cannot go on with it, and does without.
    FailHalfway,
    /// Waits for a command to the same purse: after it was added, before that, and before it is got.
    AddThenCommand,
    GetThenCommand,
    CommandThenGet,
    /// The same with a key, so that the second command does nothing.
    AddThenCommandOnce,
}

#[command(part_of = Purse)]
struct Play {
    #[field(identifier)]
    purse: Id,
    game: u32,
}

struct Players {
    games: Vec<Game>,
    domain: Mutex<Option<Domain>>,
    leaked: Mutex<Option<Context>>,
    runs: AtomicU32,
}

struct PurseCommandHandler(std::sync::Arc<Players>);

async fn purse(ctx: &Context, id: &Id) -> Result<Purse> {
    let found = ctx.repository::<Purse>().find(id).await?;
    Ok(found.unwrap_or_else(|| Purse::create_with(id.clone())))
}

async fn pay(ctx: &Context, mut purse: Purse) -> Result {
    purse.raise(Paid { amount: 1.into() })?;
    ctx.repository::<Purse>().add(purse).await
}

#[command_handler(part_of = Purse)]
impl PurseCommandHandler {
    #[handle]
    async fn play(&self, command: Play, ctx: &Context) -> Handled {
        let Players { games, domain, leaked, runs } = &*self.0;
        runs.fetch_add(1, Ordering::SeqCst);
        let domain = domain.lock().unwrap().clone().unwrap();
        let id = command.purse;
        let inside = || async { domain.process(play(&id, 0)).synchronous().await };
        match games[command.game as usize] {
            Game::Pay(amount) => {
                let mut purse = purse(ctx, &id).await?;
                purse.raise(Paid { amount: amount.parse().unwrap() })?;
                ctx.repository::<Purse>().add(purse).await?;
            }
            Game::Leak => *leaked.lock().unwrap() = Some(ctx.clone()),
            Game::PayTwice => {
                let (one, other) = (purse(ctx, &id).await?, purse(ctx, &id).await?);
                pay(ctx, one).await?;
                pay(ctx, other).await?;
            }
            Game::FillTwice => {
                let shelves = ctx.repository::<Shelf>();
                let (one, other) = (shelves.get(&id).await?, shelves.get(&id).await?);
                shelves.add(Shelf { books: 1, ..one }).await?;
                shelves.add(Shelf { books: 2, ..other }).await?;
            }
            Game::Forget => purse(ctx, &id).await?.raise(Paid { amount: 1.into() })?,
            Game::Discard => {
                let mut purse = purse(ctx, &id).await?;
                purse.raise(Paid { amount: 1.into() })?;
                purse.root.discard();
            }
            Game::FailHalfway => {
                let mut purse = purse(ctx, &id).await?;
                purse.raise(Paid { amount: 1.into() })?;
                purse.raise(Paid { amount: (-1).into() }).unwrap_err();
            }
            Game::AddThenCommandOnce => {
                pay(ctx, purse(ctx, &id).await?).await?;
                domain.process(play(&id, 0)).idempotency_key("once").synchronous().await?;
            }
            Game::AddThenCommand => {
                pay(ctx, purse(ctx, &id).await?).await?;
                inside().await?;
            }
            Game::GetThenCommand => {
                let purse = purse(ctx, &id).await?;
                inside().await?;
                pay(ctx, purse).await?;
            }
            Game::CommandThenGet => {
                inside().await?;
                pay(ctx, purse(ctx, &id).await?).await?;
            }
        }
        Ok(())
    }
}

fn play(purse: &Id, game: u32) -> Play {
    Play { purse: purse.clone(), game }
}

/// A domain in memory and its players; game 0 pays 1 in.
struct Table {
    domain: Domain,
    players: std::sync::Arc<Players>,
}

impl Table {
    fn with(game: Game) -> Self {
        Self::on("provider = \"memory\"", game)
    }

    fn on(database: &str, game: Game) -> Self {
        let players = std::sync::Arc::new(Players {
            games: vec![Game::Pay("1"), game],
            domain: Mutex::default(),
            leaked: Mutex::default(),
            runs: AtomicU32::new(0),
        });
        let builder = protean::domain("table")
            .config(&format!("[databases.default]\n{database}\n"))
            .aggregate::<Purse>()
            .aggregate::<Shelf>()
            .register(PurseCommandHandler(std::sync::Arc::clone(&players)));
        let domain = builder.build().unwrap();
        *players.domain.lock().unwrap() = Some(domain.clone());
        Self { domain, players }
    }

    async fn plays(&self) -> Result {
        self.domain.process(play(&"a".into(), 1)).synchronous().await
    }

    /// How often money was paid in, and how often a handler ran.
    async fn paid(&self) -> (usize, u32) {
        let stream = protean::message::Category::of("table", "Purse").stream(&"a".into());
        let events = self.domain.store().await.unwrap().stream(&stream, 0, 100).await.unwrap();
        (events.len(), self.players.runs.load(Ordering::SeqCst))
    }

    async fn refused(&self, expected: &str) {
        let error = self.plays().await.unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
        assert!(!error.is_conflict() && !error.is_unavailable(), "{error}");
    }
}

#[tokio::test]
async fn nothing_is_added_to_a_unit_that_has_ended() {
    let table = Table::with(Game::Leak);
    table.plays().await.unwrap();
    let ctx = table.players.leaked.lock().unwrap().take().unwrap();
    let has_ended = |result: Result| {
        let error = result.unwrap_err();
        assert!(error.to_string().contains("the unit of work has ended"), "{error}");
    };
    has_ended(ctx.process(play(&"a".into(), 0)).map(drop));
    has_ended(
        ctx.execute(protean::port::Statement { sql: "SELECT 1".into(), parameters: Vec::new() }),
    );
    has_ended(ctx.repository::<Purse>().find(&"a".into()).await.map(drop));
    has_ended(ctx.repository::<Shelf>().find(&"a".into()).await.map(drop));
    let mut purse = Purse::create_with("a");
    purse.raise(Paid { amount: 1.into() }).unwrap();
    has_ended(ctx.repository::<Purse>().add(purse).await);
    let shelf = Shelf { root: Root::with_id("a"), books: 1 };
    has_ended(ctx.repository::<Shelf>().add(shelf).await);
    assert_eq!(table.paid().await, (0, 1));
}

#[tokio::test]
async fn a_unit_that_failed_has_ended_as_well() {
    let table = Table::with(Game::Leak);
    let leaked = Mutex::new(None);
    let failed = table.domain.unit_of_work(async |ctx| {
        *leaked.lock().unwrap() = Some(ctx.clone());
        Err::<(), _>(Error::failed("that was that"))
    });
    failed.await.unwrap_err();
    let ctx = leaked.into_inner().unwrap().unwrap();
    assert!(ctx.process(play(&"a".into(), 0)).is_err());
}

#[tokio::test]
async fn two_copies_of_an_instance_are_refused_at_once() {
    let table = Table::with(Game::PayTwice);
    table.refused("table::purse-a was loaded before this unit of work changed it").await;
    assert_eq!(table.paid().await, (0, 1));
    let table = Table::with(Game::FillTwice);
    let shelf = table.domain.unit_of_work(async |ctx| {
        ctx.repository::<Shelf>().add(Shelf { root: Root::with_id("a"), books: 0 }).await
    });
    shelf.await.unwrap();
    table.refused("'a' of shelf was loaded before this unit of work changed it").await;
    assert_eq!(table.paid().await, (0, 1));
}

#[tokio::test]
async fn events_that_nobody_adds_are_an_error() {
    let table = Table::with(Game::Forget);
    table.refused("Purse 'a' has raised Paid, but was not added").await;
    let forgotten = table
        .domain
        .unit_of_work(async |_| Purse::create_with("b").raise(Paid { amount: 1.into() }));
    let error = forgotten.await.unwrap_err();
    assert!(error.to_string().contains("Purse 'b' has raised Paid"), "{error}");
    for game in [Game::Discard, Game::FailHalfway] {
        let table = Table::with(game);
        table.plays().await.unwrap();
        assert_eq!(table.paid().await, (0, 1), "{game:?}");
    }
}

#[tokio::test]
async fn a_command_to_the_instance_at_hand_is_no_conflict_with_oneself() {
    let table = Table::with(Game::AddThenCommand);
    table.refused("table::purse-a was changed by the handler that waits for this").await;
    assert_eq!(table.paid().await, (1, 4), "the command was handled, once");
    let table = Table::with(Game::GetThenCommand);
    table.refused("was loaded before a command that this handler waited for changed it").await;
    assert_eq!(table.paid().await, (2, 4), "the command was handled in both runs");
    let table = Table::with(Game::CommandThenGet);
    table.plays().await.unwrap();
    assert_eq!(table.paid().await, (2, 2));
    let table = Table::with(Game::AddThenCommandOnce);
    table.plays().await.unwrap();
    assert_eq!(table.paid().await, (2, 3), "the second run needs no command");
}

#[tokio::test]
async fn money_that_no_decimal_number_holds_is_a_violation_of_the_field() {
    let table = Table::with(Game::Pay("79228162514264337593543950000"));
    table.plays().await.unwrap();
    let error = table.plays().await.unwrap_err();
    assert!(error.is_invalid(), "{error}");
    let text = error.to_string();
    assert!(text.contains("money: needs more digits than a decimal number holds"), "{text}");
    assert_eq!(table.paid().await.0, 1, "an event that cannot be applied is not recorded");
    let purse = table.domain.repository::<Purse>().await.unwrap().get(&"a".into()).await.unwrap();
    assert_eq!(purse.money.to_string(), "79228162514264337593543950000");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parallel_commands_to_one_instance_take_turns() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("units.db");
    let database = format!("provider = \"sqlite\"\ndatabase_uri = 'sqlite:{}'\n", file.display());
    let table = Table::on(&database, Game::Pay("1"));
    let mut commands = tokio::task::JoinSet::new();
    for _ in 0..40 {
        let domain = table.domain.clone();
        commands.spawn(async move { domain.process(play(&"a".into(), 1)).synchronous().await });
    }
    while let Some(handled) = commands.join_next().await {
        handled.unwrap().unwrap();
    }
    assert_eq!(table.paid().await, (40, 40), "no handler has run in vain");
}
