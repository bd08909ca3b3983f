//! What no log takes in is refused when it is sent, and what it takes in comes
//! back as it was.

use protean::Submission;
use protean::{Context, Domain, Error, Id, Result, Root};
use protean::{
    aggregate, aggregate_impl, command, command_handler, event, projection, projector, value_object,
};
use protean_engine::verify;

use crate::harness::{Harness, On};
use crate::on_every_stack;

on_every_stack! {
    what_is_too_large_or_too_deep_is_refused_when_it_is_sent
    an_event_that_is_too_large_costs_its_command_alone
    numbers_that_no_log_can_hold_are_refused_when_they_are_sent
    odd_text_comes_back_as_it_was
}

const MIB: usize = 1024 * 1024;

/// A leaf, or what holds others.
#[value_object]
pub(crate) struct Branch {
    branches: Vec<Branch>,
}

#[event(part_of = Note)]
pub(crate) struct Noted {
    note: Id,
    text: Vec<String>,
    rates: Vec<f64>,
    branches: Vec<Branch>,
    size: u64,
}

/// Notes a text this many times over.
#[command(part_of = Note)]
pub(crate) struct Write {
    #[field(identifier)]
    note: Id,
    text: String,
    copies: u64,
    rates: Vec<f64>,
    weight: f64,
    branches: Vec<Branch>,
}

#[aggregate(event_sourced, commands(Write))]
pub(crate) struct Note {
    root: Root<Note>,
    #[field(default = 0)]
    notes: u64,
}

#[aggregate_impl]
impl Note {
    fn write(&mut self, command: Write) -> Result {
        let Write { note, text, copies, rates, branches, .. } = command;
        let text = (0..copies).map(|_| text.clone()).collect();
        self.raise(Noted { note, text, rates, branches, size: copies })
    }

    #[apply]
    fn on_noted(&mut self, _: &Noted) {
        self.notes += 1;
    }
}

struct NoteCommandHandler;

#[command_handler(part_of = Note)]
impl NoteCommandHandler {
    #[handle]
    async fn write(&self, command: Write, context: &Context) -> Result {
        let notes = context.repository::<Note>();
        let found = notes.find(&command.note).await?;
        let mut note = found.unwrap_or_else(|| Note::create_with(command.note.clone()));
        note.write(command)?;
        notes.add(note).await
    }
}

#[projection]
pub(crate) struct Page {
    #[field(identifier)]
    note: Id,
    first: String,
    text: Vec<String>,
    size: u64,
}

struct PageProjector;

#[projector(projection = Page)]
impl PageProjector {
    #[on]
    async fn on_noted(&self, event: Noted, context: &Context) -> Result {
        let Noted { note, text, size, .. } = event;
        let first = text.first().cloned().unwrap_or_default();
        context.repository::<Page>().add(Page { note, first, text, size }).await
    }
}

fn harness(on: On) -> Harness {
    Harness::with(on, |builder| {
        builder.aggregate::<Note>().register(NoteCommandHandler).register(PageProjector)
    })
}

fn note(text: &str) -> Write {
    let (rates, branches) = (vec![0.5], Vec::new());
    Write { note: "n".into(), text: text.into(), copies: 1, rates, weight: 1.0, branches }
}

/// One branch on the other.
fn tree(levels: usize) -> Vec<Branch> {
    (0..levels).fold(Vec::new(), |branches, _| vec![Branch { branches }])
}

/// Sends a command in every way there is, and answers the error that each way gives alike.
async fn refused(domain: &Domain, command: impl Fn() -> Write) -> String {
    let synchronous = domain.process(command()).synchronous().await.unwrap_err();
    let asynchronous = domain.process(command()).asynchronous().await.unwrap_err();
    let (sender, rejections) = std::sync::mpsc::channel();
    let bulk = domain.process_all([Submission::new(command())]);
    let intake = bulk.on_rejected(move |rejection| drop(sender.send(rejection))).await.unwrap();
    assert_eq!((intake.accepted, intake.rejected, rejections.iter().count()), (0, 1, 1));
    assert!(synchronous.is_invalid() && asynchronous.is_invalid(), "{synchronous:?}");
    assert_eq!(synchronous.to_string(), asynchronous.to_string());
    synchronous.to_string()
}

async fn committed(domain: &Domain) -> u64 {
    verify(domain).await.unwrap().groups.iter().map(|group| group.committed).sum()
}

async fn what_is_too_large_or_too_deep_is_refused_when_it_is_sent(on: On) {
    let harness = harness(on);
    let large = "x".repeat(8 * MIB);
    let text = refused(&harness.domain, || note(&large)).await;
    assert!(text.starts_with("Write: takes 8388") && text.contains("at most 8388608"), "{text}");
    let text = refused(&harness.domain, || Write { branches: tree(70), ..note("deep") }).await;
    let expected = "branches: is nested 141 levels deep, at most 127 can be read back: flatten it";
    assert_eq!(text, expected);
    let text = refused(&harness.domain, || Write { branches: tree(5000), ..note("deeper") }).await;
    assert!(text.ends_with("branches: is nested deeper than 127 lists: flatten it"), "{text}");
    assert_eq!(committed(&harness.domain).await, 0, "nothing of it is kept");

    let text = "x".repeat(3 * MIB);
    let fits = || Write { branches: tree(60), ..note(&text) };
    harness.domain.process(fits()).asynchronous().await.unwrap();
    harness.drain().await;
    let page = page(&harness.domain).await;
    assert!(page.first == text && page.text == [text], "it comes back as it was");
}

async fn an_event_that_is_too_large_costs_its_command_alone(on: On) {
    let harness = harness(on);
    let swelling = || Write { copies: 9, ..note(&"x".repeat(MIB)) };
    let mut refusing = Note::create_with("n");
    assert!(refusing.write(swelling()).is_err());
    assert!(refusing.notes == 0 && refusing.root.raised().is_empty(), "it stays as it was");
    harness.domain.process(swelling()).asynchronous().await.unwrap();
    harness.domain.process(note("small")).asynchronous().await.unwrap();
    harness.drain().await;
    let commands = harness.group_status("harness.NoteCommands").await;
    assert_eq!((commands.dead(), commands.parked()), (1, 0));
    assert_eq!(page(&harness.domain).await.first, "small");
    let error = harness.domain.process(swelling()).synchronous().await.unwrap_err();
    assert!(error.is_invalid() && error.to_string().starts_with("Noted: takes 9"), "{error}");
    let notes = harness.domain.repository::<Note>().await.unwrap();
    assert_eq!(notes.get(&"n".into()).await.unwrap().notes, 1);
    harness.assert_closes().await;
}

async fn numbers_that_no_log_can_hold_are_refused_when_they_are_sent(on: On) {
    let harness = harness(on);
    for odd in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let text = refused(&harness.domain, || Write { weight: odd, ..note("odd") }).await;
        assert_eq!(text, format!("weight: must be a finite number, is {odd}"));
        let text =
            refused(&harness.domain, || Write { rates: vec![1.0, odd], ..note("odd") }).await;
        assert_eq!(text, format!("rates[1]: must be a finite number, is {odd}"));
    }
    let copies = i64::MAX.cast_unsigned() + 1;
    let text = refused(&harness.domain, || Write { copies, ..note("odd") }).await;
    assert_eq!(text, format!("copies: must be at most {}, is {copies}", i64::MAX));
    assert_eq!(committed(&harness.domain).await, 0, "nothing of it is kept");
}

async fn odd_text_comes_back_as_it_was(on: On) {
    let harness = harness(on);
    for text in ["a\u{0}b", "\u{0}", "\u{202e}\u{feff}\u{1b}[31m", "\u{fffd}\u{10ffff}", "\"\\{["] {
        harness.domain.process(note(text)).asynchronous().await.unwrap();
        harness.drain().await;
        let found = page(&harness.domain).await;
        assert_eq!(
            (found.first.as_str(), found.text.as_slice()),
            (text, [text.to_owned()].as_slice())
        );
        let pages = harness.domain.repository::<Page>().await.unwrap();
        let same = pages.query().filter(Page::FIRST.equals(text)).all().await.unwrap();
        assert_eq!(same.len(), 1, "{text:?} is found by itself");
    }
    let id = Id::from("n\u{0}1");
    harness.domain.process(Write { note: id.clone(), ..note("x") }).asynchronous().await.unwrap();
    harness.drain().await;
    let pages = harness.domain.repository::<Page>().await.unwrap();
    assert_eq!(pages.get(&id).await.unwrap().note, id, "an identity as well");
    harness.assert_closes().await;
}

async fn page(domain: &Domain) -> Page {
    let pages = domain.repository::<Page>().await.unwrap();
    pages.get(&"n".into()).await.map_err(|error: Error| error.to_string()).unwrap()
}
