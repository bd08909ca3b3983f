//! What no command of the program ever shows, whatever it is asked.

use std::process::Output;

use bookshelf::book::Book;
use protean::message::{Category, Extensions, Kind, Lane, Message};
use protean::port::{Append, Changes, Expect, Outcome};
use protean::{Domain, Id, Priority, Timestamp};

use crate::shop::Shop;

/// Stands for every password.
const CANARY: &str = "c4n4ry";

/// What is in the environment for files to name.
const VARIABLES: [(&str, &str); 2] =
    [("SECRET", "postgresql://bob:c4n4ry@host/db?password=c4n4ry"), ("KEY", CANARY)];

/// A file with secrets that nothing is wrong with.
const GOOD: &str = "\
secret_key = \"c4n4ry\"
[databases.default]
provider = \"sqlite\"
database_uri = \"sqlite:shelf.db\"
[server]
priority_lanes = true
[idempotency]
redis_url = \"redis://:c4n4ry@host/0\"
[telemetry]
endpoint = \"http://bob:c4n4ry@host:4317\"
[custom]
smtp = \"smtp://bob:c4n4ry@host\"
key = \"${KEY}\"
[staging.databases.default]
database_uri = \"${SECRET}\"
";

/// Files with secrets that cannot be used.
const BAD: [&str; 10] = [
    "databases.default = { provider = \"sqlite\", database_uri = \"${SECRET}\" }",
    "databases.default = { provider = \"postgresql\", database_uri = \"${SECRET}&sslmode=sometimes\" }",
    "databases.default = { provider = \"sqlite\", database_uri = \"sqlite:a.db?key=c4n4ry\" }",
    "databases.default = { provider = \"sqlite\", database_uri = \"sqlite://bob:c4n4ry@host/a.db\" }",
    "databases.default = { provider = \"sqlite\", database_uri = \"file:a.db?token=c4n4ry\" }",
    "databases.default = { provider = \"sqlite\", database_uri = sqlite://bob:c4n4ry@host/a.db }",
    "[databases.reports]\nprovider = \"postgresql\"\ndatabase_uri = \"${SECRET}\"",
    "[telemetry]\nenabled = \"${KEY}\"\nendpoint = \"http://bob:c4n4ry@host:4317\"",
    "[brokers.default]\nprovider = \"redis\"\nURI = \"http://:c4n4ry@host/0\"",
    "event_processing = \"${SECRET}\"
     snapshot_threshold = \"redis://:c4n4ry@host\"
     enable_outbox = \"${SECRET}\"
     event_store.database_uri = \"${SECRET}\"
     outbox.broker = \"${KEY}\"
     identity_strategy = \"${KEY}\"
     telemetry.enabled = [\"http://bob:c4n4ry@host\"]
     [server]
     priority_lanes = \"${SECRET}\"
     default_subscription_profile = \"${SECRET}\"
     messages_per_tick = \"${KEY}\"",
];

/// Every command that ends by itself, with something for each argument it has.
fn commands(shop: &Shop, path: &[&str]) -> Vec<Vec<String>> {
    let help = shop.run(&[path, &["--help"]].concat()).out;
    let Some((_, below)) = help.split_once("\nCommands:\n") else {
        let usage = help.lines().find(|line| line.starts_with("Usage: ")).unwrap();
        let words =
            usage.split(' ').skip(2).filter(|word| *word != "[OPTIONS]").map(|word| match word {
                "<CSV>" => "books.csv",
                placeholder if placeholder.starts_with(['<', '[']) => "1",
                word => word,
            });
        // It serves pages until a signal comes; the browser's tests look at what they say.
        if path == ["observatory"] {
            return Vec::new();
        }
        let end = (path == ["server"]).then_some("--test-mode");
        return vec![words.chain(end).map(str::to_owned).collect()];
    };
    below
        .lines()
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.strip_prefix("  ")?.split(' ').next())
        // 'serve' does not end by itself, and 'load' takes long.
        .filter(|name| !["", "help", "serve", "load"].contains(name))
        .flat_map(|name| commands(shop, &[path, &[name]].concat()))
        .collect()
}

/// Runs a command with everything logged, and gives all it said.
fn all_of(shop: &Shop, words: &[&str]) -> (Output, String) {
    let mut program = shop.program(words);
    program.env("PROTEAN_LOG", "trace").env("RUST_BACKTRACE", "full").envs(VARIABLES);
    let output = program.output().unwrap();
    let said = [&output.stdout[..], &output.stderr].concat();
    (output, String::from_utf8(said).unwrap())
}

#[test]
fn no_command_shows_a_secret() {
    let shop = Shop::new();
    shop.file("books.csv", "title,author,price\nDune,Herbert,9.99\n");
    shop.file("good.toml", GOOD);
    let commands = commands(&shop, &[]);
    assert!(commands.len() >= 8, "{commands:?}");
    for words in &commands {
        for form in [&["--config", "good.toml"][..], &["--config", "good.toml", "--json"]] {
            let words: Vec<&str> = words.iter().map(String::as_str).chain(form.to_vec()).collect();
            let (_, said) = all_of(&shop, &words);
            assert!(!said.contains(CANARY), "{words:?}: {said}");
            assert!(!said.contains("Usage:"), "{words:?} is not how it is called: {said}");
        }
    }
    for text in BAD {
        shop.file("bad.toml", text);
        for words in &commands {
            let form = ["--config", "bad.toml", "--json"];
            let words: Vec<&str> = words.iter().map(String::as_str).chain(form).collect();
            let (output, said) = all_of(&shop, &words);
            assert_eq!(output.status.code(), Some(2), "{words:?} {text}: {said}");
            assert!(!said.contains(CANARY), "{words:?} {text}: {said}");
        }
    }
}

/// What a terminal would obey, a person would not see, or a log would break at.
const HARMFUL: &str = "\u{1b}[2J\u{7}\u{9b}2J\u{202e}\u{2066}\u{200b}";

/// A command that its handler cannot read, with harmful text wherever there is any.
fn harmful(place: u32) -> Message {
    let id = Id::from(format!("{place}{HARMFUL}\n WARN forged"));
    let text = || format!("{HARMFUL}{place}").into();
    let data = format!("{{\"book_id\":\"7\",\"title\":{place},\"{}\":1}}", &HARMFUL[5..]);
    Message {
        id: text(),
        stream: Category::of("bookshelf", "Book").commands().stream(&id),
        kind: Kind::Command,
        type_name: "Bookshelf.AddBook.v1".into(),
        version: 1,
        priority: if place == 0 { Priority::BULK } else { Priority::NORMAL },
        correlation_id: text(),
        causation_id: Some(text()),
        time: Timestamp::from_micros(1_700_000_000_000_000),
        data: data.into(),
        extensions: Extensions::default(),
    }
}

/// The domain of the shop's own program, in this process.
fn domain(shop: &Shop) -> Domain {
    let path = shop.file("shelf.db", "");
    let uri = format!("provider = \"sqlite\"\ndatabase_uri = \"sqlite:{}\"", path.display());
    bookshelf::domain().config(&format!("[databases.default]\n{uri}\n")).build().unwrap()
}

async fn append(domain: &Domain, messages: impl IntoIterator<Item = Message>) {
    let mut changes = Changes::new(Lane::Primary);
    let append = |message| Append { message, expect: Expect::End };
    changes.appends.extend(messages.into_iter().map(append));
    let outcomes = domain.store().await.unwrap().commit([changes].into()).await;
    assert!(matches!(outcomes[..], [Outcome::Committed(_)]), "{outcomes:?}");
}

#[tokio::test]
async fn no_command_lets_a_message_command_the_terminal() {
    let shop = Shop::new();
    shop.file("books.csv", format!("title,author,price,{HARMFUL}\nDune,Herbert,9.99,\n"));
    let domain = domain(&shop);
    append(&domain, [harmful(0), harmful(1)]).await;
    let commands = commands(&shop, &[]);
    let is_harmful = |letter: char| match letter {
        '\n' => false,
        letter => letter.is_control() || (!letter.is_ascii() && HARMFUL.contains(letter)),
    };
    for words in &commands {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        for form in [&[][..], &["--json"]] {
            let (output, said) = all_of(&shop, &[&words, form].concat());
            assert!(!said.contains(is_harmful), "{words:?}: {said:?}");
            assert!(!said.contains("\n WARN forged"), "{words:?}: {said}");
            let parsed = serde_json::from_slice::<serde_json::Value>(&output.stdout);
            assert!(form.is_empty() || parsed.is_ok(), "{words:?}: {said}");
        }
    }
    let store = domain.store().await.unwrap();
    let group = domain.groups().iter().find(|group| !group.is_ordered()).unwrap();
    let standing = store.group_status(&group.name, &group.category).await.unwrap();
    assert_eq!(standing.dead() + standing.parked(), 2, "one may have been replayed");
    assert!(domain.repository::<Book>().await.unwrap().query().count().await.unwrap() > 0);
}

/// Commands that only look.
const LOOKS: [&[&str]; 12] = [
    &["stats"],
    &["verify"],
    &["subscriptions", "status"],
    &["subscriptions", "forget", "shop.Nobody", "--yes"],
    &["dlq", "list"],
    &["dlq", "purge", "1", "--yes"],
    &["dlq", "replay-all", "--subscription", "CatalogProjector"],
    &["events", "stats"],
    &["events", "read", "shop::book-1"],
    &["events", "search", "--type", "BookAdded"],
    &["outbox", "status"],
    &["db", "drop", "--yes"],
];

#[test]
fn looking_creates_no_database_and_touches_no_other_program_s_file() {
    let shop = Shop::new();
    for words in LOOKS {
        let said = shop.run(words);
        if said.code == 2 && said.err.contains("Usage") {
            panic!("{words:?}: {}", said.err);
        }
        assert_ne!(said.code, 0, "{words:?}: {}", said.out);
        let text = "the database 'shelf.db' does not exist, and nothing was created";
        assert!(said.err.contains(text), "{words:?}: {}", said.err);
        assert!(!shop.file_names().iter().any(|name| name.starts_with("shelf.db")), "{words:?}");
    }
    let other = shop.file("other.db", "");
    let other = rusqlite::Connection::open(other).unwrap();
    other.execute_batch("CREATE TABLE places (name TEXT)").unwrap();
    for words in LOOKS {
        let said = shop.program(words).env("DATABASE_URI", "sqlite:other.db").output().unwrap();
        let err = String::from_utf8(said.stderr).unwrap();
        assert!(!said.status.success(), "{words:?}");
        assert!(err.contains("the database 'other.db' is not one of Protean"), "{words:?}: {err}");
        let count = "SELECT count(*) FROM sqlite_schema";
        assert_eq!(other.query_row(count, [], |row| row.get(0)), Ok(1), "{words:?}");
    }
}
