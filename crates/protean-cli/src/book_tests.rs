//! The book shows commands that this library has, and its reference lists all of them.
//!
//! ```sh
//! WRITE_REFERENCE=1 cargo test -p protean-cli --lib book
//! ```

use std::convert::Infallible;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use protean_test_servers::Reference;

use crate::command_line::CommandLine;

const REFERENCE: Reference = Reference {
    page: "docs/book/src/reference/command-line.md",
    test: "-p protean-cli --lib book",
};

/// Programs that a page may show, with the commands of their own.
const PROGRAMS: &[(&str, &[&str])] = &[
    ("fidelis", &["demo", "migrate", "endure", "stats", "observatory"]),
    ("bookshelf", &["import", "serve", "load", "stats"]),
    ("orders", &["stock", "place", "pay"]),
    ("parcels", &[]),
    ("bank", &[]),
    ("bank-new", &[]),
    ("shop", &[]),
];

/// Programs of others, and words of the shell.
const FOREIGN: &[&str] = &[
    "alias",
    "apt-get",
    "awk",
    "cd",
    "cp",
    "curl",
    "docker",
    "echo",
    "export",
    "git",
    "kill",
    "kubectl",
    "mdbook",
    "mv",
    "psql",
    "redis-cli",
    "rustup",
    "seq",
    "sqlite3",
    "sudo",
    "systemctl",
    "tail",
];

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn pages(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            pages(&path, found);
        } else if path.extension().is_some_and(|end| end == "md") {
            found.push(path);
        }
    }
}

/// The lines for a shell on a page, each with its number.
fn shell_lines(text: &str) -> Vec<(usize, String)> {
    let mut language: Option<String> = None;
    let mut lines: Vec<(usize, String)> = Vec::new();
    for (at, line) in text.lines().enumerate() {
        let line = line.trim();
        if let Some(fence) = line.strip_prefix("```") {
            language = if language.is_some() { None } else { Some(fence.to_owned()) };
            continue;
        }
        let command = match language.as_deref() {
            Some("sh") => Some(line),
            Some("console") => line.strip_prefix("$ "),
            _ => None,
        };
        let command = command.map(|command| command.split(" #").next().unwrap_or(command).trim());
        let is_line = |command: &&str| !command.is_empty() && !command.starts_with('#');
        match lines.last_mut() {
            Some((_, open)) if open.ends_with('\\') && language.is_some() => {
                open.pop();
                open.push_str(line.split(" #").next().unwrap_or(line).trim());
            }
            _ => lines.extend(command.filter(is_line).map(|c| (at + 1, c.to_owned()))),
        }
    }
    lines
}

/// Why a line is not what the programs of this workspace take; nothing when it is.
fn fault(line: &str) -> Option<String> {
    line.split([';', '|', '&']).find_map(|part| fault_of_words(&words(part)))
}

/// The words of a command, quoted ones whole, without variables before it and redirections.
fn words(line: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let (mut open, mut is_new) = (None, true);
    for letter in line.chars() {
        match (open, letter) {
            (Some(quote), letter) if letter == quote => open = None,
            (None, '\'' | '"') => open = Some(letter),
            (None, ' ') => {
                is_new = true;
                continue;
            }
            _ => {}
        }
        if is_new {
            words.push(String::new());
            is_new = false;
        }
        if !matches!(letter, '\'' | '"') {
            words.last_mut().unwrap().push(letter);
        }
    }
    let is_variable = |word: &String| {
        word.split_once('=')
            .is_some_and(|(name, _)| name.chars().all(|c| c.is_ascii_uppercase() || c == '_'))
    };
    let words = words.into_iter().skip_while(is_variable);
    words.take_while(|word| !word.starts_with(['>', '<'])).collect()
}

fn fault_of_words(words: &[String]) -> Option<String> {
    let (program, rest) = words.split_first()?;
    if program.starts_with(".ci/") && workspace().join(program).exists() {
        return None;
    }
    let program = program.rsplit('/').next().unwrap_or(program);
    if let Some((_, own)) = PROGRAMS.iter().find(|(name, _)| *name == program) {
        let is_own = rest.first().is_some_and(|word| own.contains(&word.as_str()));
        return if is_own { None } else { refused(program, rest) };
    }
    match program {
        "protean" if rest.first().is_some_and(|word| word == "new") => None,
        "protean" => {
            let is_domain = |word: &&String| !word.starts_with("--domain");
            refused("protean", &rest.iter().filter(is_domain).cloned().collect::<Vec<_>>())
        }
        "cargo" => fault_of_cargo(rest),
        _ if FOREIGN.contains(&program) => None,
        _ => Some(format!("`{program}` is not a program that pages may show")),
    }
}

fn refused(program: &str, rest: &[String]) -> Option<String> {
    // A person puts a value in place of a word in capitals.
    let value = |word: &String| {
        if word == "POSITION" || word == "ROW" { "7".into() } else { word.clone() }
    };
    let line = std::iter::once(program.to_owned()).chain(rest.iter().map(value));
    let error = CommandLine::<Infallible>::parse(program, line).err()?;
    (error.exit_code() != 0).then(|| error.to_string())
}

/// `cargo run -p PACKAGE -- COMMAND`: the package is there, and takes the command.
fn fault_of_cargo(rest: &[String]) -> Option<String> {
    let package = rest.iter().position(|word| word == "-p" || word == "--package");
    let package = package.and_then(|at| rest.get(at + 1))?;
    let folders = ["examples", "crates", ""];
    let folder = package.trim_start_matches("protean-");
    let exists = folders.iter().any(|of| {
        let of = workspace().join(of);
        of.join(package).join("Cargo.toml").exists() || of.join(folder).join("Cargo.toml").exists()
    });
    if !exists {
        return Some(format!("there is no package `{package}`"));
    }
    let command = rest.iter().position(|word| word == "--").map(|at| &rest[at + 1..])?;
    let is_known = rest.first().is_some_and(|word| word == "run")
        && PROGRAMS.iter().any(|(name, _)| name == package);
    let words: Vec<_> = std::iter::once(package.clone()).chain(command.to_vec()).collect();
    if is_known { fault_of_words(&words) } else { None }
}

#[test]
fn every_command_that_a_page_shows_is_one() {
    let mut files = vec![workspace().join("README.md"), workspace().join("CONTRIBUTING.md")];
    pages(&workspace().join("docs/book/src"), &mut files);
    let mut wrong = Vec::new();
    for file in files {
        for (at, line) in shell_lines(&fs::read_to_string(&file).unwrap()) {
            wrong.extend(
                fault(&line).map(|why| format!("{}:{at}: {line}\n  {why}", file.display())),
            );
        }
    }
    assert!(wrong.is_empty(), "{} lines:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn deployments_start_commands_that_there_are() {
    let of = |file: &str, before: &str| {
        let text = fs::read_to_string(workspace().join("docs/deploy").join(file)).unwrap();
        let lines = text.lines().filter_map(|line| line.trim().strip_prefix(before));
        let words = |line: &str| line.replace(['[', ']', ',', '"'], " ");
        lines.map(words).collect::<Vec<_>>()
    };
    let unit = [of("shop.service", "ExecStart="), of("shop.service", "ExecStartPre=")].concat();
    let others = [of("Dockerfile", "CMD "), of("kubernetes.yaml", "args: ")].concat();
    assert_eq!((unit.len(), others.len()), (2, 2));
    let others = others.iter().map(|words| format!("shop {words}"));
    for line in unit.into_iter().chain(others) {
        assert_eq!(fault(&line), None, "{line}");
    }
}

#[test]
fn finds_a_command_that_is_not_one() {
    for line in [
        "fidelis subscription status",
        "fidelis dlq list --limits 3",
        "cargo run -p fidelis -- events reed",
        "cargo run -p fidelio -- migrate",
        "PROTEAN_ENV=production bank outbox adapt",
        "frobnicate",
    ] {
        assert!(fault(line).is_some(), "{line}");
    }
    for line in [
        "fidelis dlq list --limit 3 > letters.txt",
        "cargo run --release -p fidelis -- migrate --accounts 10",
        "protean server --domain=fidelis",
    ] {
        assert_eq!(fault(line), None, "{line}");
    }
    let text = "```console\n$ a \\\n  b # c\nd\n```\n```sh\n# e\nf\n```\n";
    assert_eq!(shell_lines(text), [(2, "a b".to_owned()), (8, "f".to_owned())]);
}

/// The page of the reference.
fn document() -> String {
    let mut command = CommandLine::<Infallible>::definition("fidelis");
    command.build();
    let mut text = "\
# Command line

What `protean_cli::run` gives the program of a domain, here `fidelis`. The program `protean` takes the same
commands with `--domain=NAME`. A test makes this page from the program; do not edit it:
`WRITE_REFERENCE=1 cargo test -p protean-cli --lib book`.

## Options of every command

"
    .to_owned();
    let globals = command.get_arguments().filter(|argument| argument.is_global_set());
    options(&mut text, globals);
    if let Some(after) = command.get_after_help() {
        let _ = write!(text, "\n```text\n{after}\n```\n");
    }
    for child in command.get_subcommands_mut().filter(|child| child.get_name() != "help") {
        chapter(&mut text, child, 2);
    }
    text
}

fn chapter(text: &mut String, command: &mut clap::Command, level: usize) {
    let name = command.get_bin_name().unwrap_or_default().to_owned();
    let name = name.trim_start_matches("fidelis ");
    let _ = write!(text, "\n{} `{name}`\n\n", "#".repeat(level));
    if let Some(about) = command.get_about() {
        let _ = writeln!(text, "{about}.");
    }
    let has_children = command.has_subcommands();
    if !has_children {
        let usage = command.render_usage().to_string();
        let _ = write!(text, "\n```text\n{}\n```\n", usage.trim_start_matches("Usage: "));
        let own = |argument: &&clap::Arg| {
            !argument.is_global_set() && !argument.is_hide_set() && argument.get_id() != "help"
        };
        if command.get_arguments().any(|argument| own(&argument)) {
            text.push('\n');
            options(text, command.get_arguments().filter(own));
        }
        if let Some(after) = command.get_after_help() {
            let _ = write!(text, "\n```text\n{after}\n```\n");
        }
    }
    for child in command.get_subcommands_mut().filter(|child| child.get_name() != "help") {
        chapter(text, child, level + 1);
    }
}

fn options<'a>(text: &mut String, arguments: impl Iterator<Item = &'a clap::Arg>) {
    text.push_str("| | | default |\n|---|---|---|\n");
    for argument in arguments {
        let long = argument.get_long().map(|long| format!("--{long}"));
        let names = argument.get_value_names().unwrap_or_default();
        let names: Vec<_> = names.iter().map(|name| format!("<{name}>")).collect();
        let takes = argument.get_action().takes_values();
        let values = if takes { names.join(" ") } else { String::new() };
        let shown = [long.unwrap_or_default(), values].join(" ");
        let about = argument.get_help().map(ToString::to_string).unwrap_or_default();
        let default: Vec<_> = if takes { argument.get_default_values() } else { &[] }
            .iter()
            .map(|value| format!("`{}`", value.to_string_lossy()))
            .collect();
        let cell = |text: &str| text.replace('|', "\\|").replace('\n', " ");
        let _ = writeln!(
            text,
            "| `{}` | {} | {} |",
            cell(shown.trim()),
            cell(&about).replace('<', "\\<"),
            default.join(", ")
        );
    }
}

#[test]
fn the_reference_has_every_command() {
    REFERENCE.assert_is(&document());
}
