//! Programs that follow each other: what a snapshot of an earlier one gives is what replaying gives.

use proptest::prelude::{ProptestConfig, Strategy, any, prop};
use proptest::proptest;
use protean::Domain;
use protean::model::{MessageData, Upcast};
use protean::prelude::Result;

/// A program whose notes and events have this form.
macro_rules! program {
    ($name:ident, $version:tt, { $text:ident, $($more:ident),* }) => {
        mod $name {
            use protean::prelude::{Result, Root};
            use protean::{DomainBuilder, aggregate, aggregate_impl, event, value_object};

            #[value_object]
            #[derive(Debug, Clone)]
            pub(super) struct Note {
                pub(super) $text: Option<String>,
                $(pub(super) $more: Option<i64>,)*
            }

            #[event(part_of = Board, version = $version)]
            pub(super) struct Noted {
                pub(super) $text: Option<String>,
                $(pub(super) $more: Option<i64>,)*
            }

            #[aggregate(event_sourced)]
            #[derive(Debug)]
            pub(super) struct Board {
                root: Root<Board>,
                notes: Vec<Note>,
            }

            #[aggregate_impl]
            impl Board {
                pub(super) fn note(&mut self, text: Option<String>, number: Option<i64>) -> Result {
                    let _ = number;
                    self.raise(Noted { $text: text, $($more: number,)* })
                }

                #[apply]
                fn on_noted(&mut self, event: &Noted) {
                    self.notes.push(Note { $text: event.$text.clone(), $($more: event.$more,)* });
                }
            }

            pub(super) fn builder(config: &str) -> DomainBuilder {
                protean::domain("boards").config(config).aggregate::<Board>()
            }
        }
    };
}

program! { first, 1, { text, } }
program! { weighed, 1, { text, weight } }
program! { renamed, 2, { words, weight } }
program! { shortened, 3, { words, } }
program! { recounted, 3, { words, weight } }

/// `text` is called `words`.
macro_rules! upcasters {
    ($($name:ident from $from:tt of $program:ident),* $(,)?) => {$(
        struct $name;

        impl Upcast for $name {
            type Message = $program::Noted;
            const FROM: u32 = $from;

            fn upcast(data: &mut MessageData) -> Result {
                match $from {
                    1 => data.rename("text", "words"),
                    _ => data.rename("weight", "once"),
                }
                Ok(())
            }
        }
    )*};
}

upcasters! {
    RenamedFrom1 from 1 of renamed,
    ShortenedFrom1 from 1 of shortened,
    ShortenedFrom2 from 2 of shortened,
    RecountedFrom1 from 1 of recounted,
    RecountedFrom2 from 2 of recounted,
}

/// The programs in the order in which they follow each other.
#[derive(Clone, Copy, Debug)]
enum Program {
    First,
    Weighed,
    Renamed,
    Shortened,
    Recounted,
}

const PROGRAMS: [Program; 5] =
    [Program::First, Program::Weighed, Program::Renamed, Program::Shortened, Program::Recounted];

/// Calls a macro with the module of a program and its domain.
macro_rules! of_program {
    ($program:expr, $config:expr, $call:ident ( $($argument:expr),* )) => {
        match $program {
            Program::First => $call!(first, first::builder($config) $(, $argument)*),
            Program::Weighed => $call!(weighed, weighed::builder($config) $(, $argument)*),
            Program::Renamed => {
                let builder = renamed::builder($config).upcaster::<RenamedFrom1>();
                $call!(renamed, builder $(, $argument)*)
            }
            Program::Shortened => {
                let builder = shortened::builder($config).upcaster::<ShortenedFrom1>();
                $call!(shortened, builder.upcaster::<ShortenedFrom2>() $(, $argument)*)
            }
            Program::Recounted => {
                let builder = recounted::builder($config).upcaster::<RecountedFrom1>();
                $call!(recounted, builder.upcaster::<RecountedFrom2>() $(, $argument)*)
            }
        }
    };
}

/// A text and a number to note.
type Noted = (Option<String>, Option<i64>);

/// Notes something in a program.
async fn note(program: Program, config: &str, notes: &[Noted]) {
    macro_rules! in_program {
        ($module:ident, $builder:expr) => {{
            let domain: Domain = $builder.build().unwrap();
            for (text, number) in notes {
                let noted = domain.unit_of_work(async |context| {
                    let boards = context.repository::<$module::Board>();
                    let new = || $module::Board::create_with("b");
                    let mut board = boards.find(&"b".into()).await?.unwrap_or_else(new);
                    board.note(text.clone(), *number)?;
                    boards.add(board).await
                });
                noted.await.unwrap();
            }
        }};
    }
    of_program!(program, config, in_program());
}

/// What a program finds.
async fn found(program: Program, config: &str) -> String {
    macro_rules! in_program {
        ($module:ident, $builder:expr) => {{
            let domain: Domain = $builder.build().unwrap();
            let boards = domain.repository::<$module::Board>().await.unwrap();
            format!("{:?}", boards.get(&"b".into()).await.unwrap())
        }};
    }
    of_program!(program, config, in_program())
}

/// The settings of a database file, with a snapshot after so many events.
fn config(file: &std::path::Path, threshold: u32) -> String {
    format!(
        "snapshot_threshold = {threshold}\nlenient_deserialization = true\n\
         [databases.default]\nprovider = \"sqlite\"\ndatabase_uri = 'sqlite:{}'\n",
        file.display()
    )
}

fn notes() -> impl Strategy<Value = Vec<Noted>> {
    prop::collection::vec((prop::option::of("[a-z]{1,4}"), any::<Option<i64>>()), 1..5)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(24) })]

    #[test]
    fn snapshots_of_earlier_programs_give_what_replaying_gives(
        steps in prop::collection::vec((0..PROGRAMS.len(), notes()), 1..5)
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let folder = tempfile::tempdir().unwrap();
            let file = folder.path().join("b.db");
            let [with, without] = [2, 0].map(|threshold| config(&file, threshold));
            let mut steps = steps;
            steps.sort_by_key(|(program, _)| *program);
            for (program, notes) in &steps {
                note(PROGRAMS[*program], &with, notes).await;
            }
            let last = steps.last().unwrap().0;
            for program in &PROGRAMS[last..] {
                let replayed = found(*program, &without).await;
                assert_eq!(found(*program, &with).await, replayed, "{program:?}");
            }
        });
    }
}

/// A program that keeps shelves as rows, with these fields.
macro_rules! shelves {
    ($name:ident, { $($fields:tt)* }) => {
        #[allow(dead_code, reason = "one of the programs builds shelves")]
        mod $name {
            #[allow(unused_imports, reason = "one of the programs has prices")]
            use protean::prelude::{Decimal, Id, Root};
            use protean::{DomainBuilder, aggregate, aggregate_impl, event};

            #[event(part_of = Shelf)]
            pub(super) struct Built {
                pub(super) shelf: Id,
            }

            #[aggregate]
            #[derive(Debug)]
            pub(super) struct Shelf {
                pub(super) root: Root<Shelf>,
                $($fields)*
            }

            #[aggregate_impl]
            impl Shelf {}

            pub(super) fn builder(config: &str) -> DomainBuilder {
                protean::domain("shelves").config(config).aggregate::<Shelf>()
            }
        }
    };
}

shelves! { plain, { pub(super) height: i64, } }
shelves! { painted, {
    pub(super) height: i64,
    #[field(default = "white")]
    pub(super) colour: String,
    #[field(default = 1.50)]
    pub(super) price: Decimal,
    #[field(default = 4)]
    pub(super) boards: Option<u32>,
} }

#[tokio::test]
async fn a_new_column_takes_its_default_in_the_rows_that_are_there() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(&folder.path().join("shelves.db"), 0);
    let before = plain::builder(&config).build().unwrap();
    let added = before.unit_of_work(async |context| {
        let root = protean::Root::with_id("s");
        let mut shelf = plain::Shelf { root, height: 9 };
        shelf.raise(plain::Built { shelf: "s".into() })?;
        context.repository::<plain::Shelf>().add(shelf).await
    });
    added.await.unwrap();
    drop(before);
    let after = painted::builder(&config).build().unwrap();
    let shelves = after.repository::<painted::Shelf>().await.unwrap();
    let shelf = shelves.get(&"s".into()).await.unwrap();
    assert_eq!((shelf.height, &*shelf.colour, shelf.boards), (9, "white", Some(4)));
    assert_eq!(shelf.price.to_string(), "1.50");
}
