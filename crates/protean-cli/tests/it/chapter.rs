//! The first chapter of the guide, typed step by step: what it shows is what a reader gets.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use crate::call::{Said, eventually};
use crate::web::Web;

const CHECKOUT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// This workspace's build settings, so that its compiled dependencies are reused.
const PROFILE: [&str; 4] = [
    "--config=profile.dev.debug='line-tables-only'",
    "--config=profile.dev.package.'*'.opt-level=1",
    "--config=profile.dev.package.'*'.debug=false",
    "--offline",
];

/// Our packages that the new domain compiles.
const OURS: [&str; 9] = [
    "protean-cli",
    "protean-core",
    "protean-engine",
    "protean-macros",
    "protean-port",
    "protean-rs",
    "protean-sql",
    "protean-sqlite",
    "protean-testing",
];

#[test]
fn a_reader_gets_what_the_first_chapter_shows() {
    let chapter = Path::new(CHECKOUT).join("docs/book/src/guide/getting-started.md");
    let chapter = std::fs::read_to_string(chapter).unwrap();
    let mut reader = Reader::new();
    let blocks = blocks(&chapter);
    for kind in ["sh", "json", "text", "rust", "csv"] {
        assert!(blocks.iter().any(|(found, _)| *found == kind), "no block of {kind}");
    }
    for (kind, block) in blocks {
        match kind {
            "sh" => block.lines().for_each(|line| reader.types(line)),
            "json" => reader.is_answered(&serde_json::from_str(block).unwrap()),
            "text" => reader.sees(block),
            _ => reader.finds(block),
        }
    }
    reader.finds_the_steps_of_the_readme_in(&chapter);
    reader.ends();
}

/// The blocks of code of a text, each with its kind.
fn blocks(text: &str) -> Vec<(&str, &str)> {
    let fenced = text.split("```").skip(1).step_by(2);
    fenced.map(|block| block.split_once('\n').unwrap()).collect()
}

/// Somebody who types what the chapter says.
struct Reader {
    home: TempDir,
    folder: PathBuf,
    web: Option<Web>,
    /// The identity of the account, once it is open.
    id: String,
    /// The last request.
    request: (String, Option<String>),
    /// What the last step printed.
    output: String,
}

impl Reader {
    fn new() -> Self {
        let home = TempDir::new().unwrap();
        let folder = home.path().to_owned();
        let (id, request, output) = (String::new(), (String::new(), None), String::new());
        Self { home, folder, web: None, id, request, output }
    }

    /// Does one step.
    fn types(&mut self, line: &str) {
        let line = line.replace("ID", &self.id);
        match line.split_once(' ').unwrap() {
            ("cargo", "install --locked --path crates/protean-cli") => {}
            ("protean", words) => self.runs(env!("CARGO_BIN_EXE_protean"), words),
            ("cd", folder) => self.folder.push(folder),
            ("cargo", "test") => self.tests(),
            ("cargo", "run -- serve") => self.serves(),
            ("cargo", "run -- observatory") => self.looks(),
            ("cargo", run) => {
                let words = run.strip_prefix("run -- ").unwrap();
                let program = self.program();
                self.runs(program.to_str().unwrap(), words);
            }
            ("curl", words) => self.requests(words),
            ("seq", _) => {
                let mut shell = Command::new("sh");
                self.succeeds(shell.args(["-c", &line]));
            }
            _ => panic!("the test does not know this step: {line}"),
        }
    }

    fn runs(&mut self, program: &str, words: &str) {
        self.succeeds(Command::new(program).args(words.split(' ')));
    }

    #[track_caller]
    fn succeeds(&mut self, command: &mut Command) {
        let said = Said::of(self.here(command));
        assert_eq!(said.code, Some(0), "{command:?}: {said:?}");
        self.output = said.out;
    }

    /// In the reader's folder, with a clean environment.
    fn here<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        for variable in ["DATABASE_URI", "PROTEAN_ENV", "PROTEAN_LOG", "RUST_LOG"] {
            command.env_remove(variable);
        }
        command.current_dir(&self.folder)
    }

    /// The tests pass, and the compiler and the formatter have nothing to say.
    fn tests(&mut self) {
        self.succeeds(Command::new(env!("CARGO")).args(["fmt", "--check"]));
        let mut cargo = Command::new(env!("CARGO"));
        cargo.arg("test").args(PROFILE).env("CARGO_TARGET_DIR", target());
        // Here they are others' packages, which the profile would optimise.
        let ours = OURS.map(|ours| format!("--config=profile.dev.package.{ours}.opt-level=0"));
        cargo.args(ours);
        let said = Said::of(self.here(&mut cargo));
        assert!(said.code == Some(0) && !said.err.contains("warning"), "{said:?}");
        assert!(said.out.contains("test a_deposit_adds_to_the_balance ... ok"), "{said:?}");
    }

    fn program(&self) -> PathBuf {
        target().join("debug").join(self.folder.file_name().unwrap())
    }

    fn serves(&mut self) {
        let mut program = Command::new(self.program());
        program.args(["serve", "--addr", "127.0.0.1:0"]);
        self.web = Some(Web::start(self.here(&mut program)));
    }

    /// The observatory shows the handlers of this domain in a browser.
    fn looks(&self) {
        let mut program = Command::new(self.program());
        program.args(["observatory", "--address", "127.0.0.1:0"]);
        let web = Web::observatory(self.here(&mut program));
        let page = web.request("/observatory/handlers", None);
        for handler in ["AccountCommandHandler", "AccountSummaryProjector"] {
            assert!(page.body.contains(handler), "{page:?}");
        }
        let (status, _) = web.stop();
        assert!(status.success(), "{status}");
    }

    fn requests(&mut self, words: &str) {
        let path = words.split("localhost:8000").nth(1).unwrap().split(' ').next().unwrap();
        let json = words.split_once("--json '").map(|(_, json)| json.trim_end_matches('\''));
        self.request = (path.to_owned(), json.map(str::to_owned));
        self.ask(words.starts_with("-i "));
    }

    /// Sends the last request, and keeps its answer.
    fn ask(&mut self, with_head: bool) {
        let (path, json) = &self.request;
        let answer = self.web.as_ref().unwrap().request(path, json.as_deref());
        self.output = answer.body;
        if with_head {
            self.output = format!("{}\n{}", answer.head, self.output);
        }
    }

    /// The last answer is this JSON; a row of the read model may take a moment.
    fn is_answered(&mut self, expected: &Value) {
        if self.request.1.is_none() {
            eventually(|| {
                self.ask(false);
                is_like(&self.answer(), expected)
            });
        }
        let answer = self.answer();
        assert!(is_like(&answer, expected), "{answer} instead of {expected}");
        if let Some(id) = answer.get("account_id").and_then(Value::as_str) {
            id.clone_into(&mut self.id);
        }
    }

    fn answer(&self) -> Value {
        serde_json::from_str(&self.output).unwrap_or_default()
    }

    /// Each of these lines is in the output of the last step.
    fn sees(&self, lines: &str) {
        for line in lines.lines() {
            assert!(self.output.contains(line), "{line} is not in {}", self.output);
        }
    }

    /// This block is a part of a file; an ellipsis stands for lines that are left out.
    fn finds(&self, block: &str) {
        let files = ["src/account.rs", "src/summary.rs", "src/http.rs", "src/import.rs"];
        let files = files.iter().chain(&["tests/accounts.rs", "customers.csv"]);
        let files: Vec<_> = files.map(|file| self.read(file)).collect();
        for part in block.split("…\n") {
            assert!(files.iter().any(|file| file.contains(part)), "in no file:\n{part}");
        }
    }

    fn read(&self, file: &str) -> String {
        std::fs::read_to_string(self.folder.join(file)).unwrap()
    }

    fn finds_the_steps_of_the_readme_in(&self, chapter: &str) {
        let readme = self.read("README.md");
        let steps = blocks(&readme).into_iter().flat_map(|(_, block)| block.lines());
        let typed: Vec<_> = chapter.lines().collect();
        let unknown: Vec<_> = steps.filter(|step| !typed.contains(step)).collect();
        assert!(unknown.is_empty(), "not in the chapter: {unknown:?}");
        let files = readme.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
        let missing: Vec<_> = files.filter(|file| !self.folder.join(file).is_file()).collect();
        assert!(missing.is_empty(), "files that are not there: {missing:?}");
    }

    fn ends(self) {
        let (status, log) = self.web.unwrap().stop();
        assert!(status.success(), "{status}: {log}");
        self.home.close().unwrap();
    }
}

/// The folder with this workspace's compiled dependencies.
fn target() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_protean")).parent().unwrap().parent().unwrap()
}

/// Whether two values are the same, where `…` stands for any text.
fn is_like(value: &Value, expected: &Value) -> bool {
    match (value, expected) {
        (Value::String(_), Value::String(any)) if any == "…" => true,
        (Value::Number(left), Value::Number(right)) => left.as_f64() == right.as_f64(),
        (Value::Array(left), Value::Array(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(l, r)| is_like(l, r))
        }
        (Value::Object(left), Value::Object(right)) => {
            let is_there = |(key, expected)| left.get(key).is_some_and(|l| is_like(l, expected));
            left.len() == right.len() && right.iter().all(is_there)
        }
        _ => value == expected,
    }
}
