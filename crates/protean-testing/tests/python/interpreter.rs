//! A Python that answers line by line.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// A process that answers one line with one line, until it is dropped.
pub(crate) struct Interpreter {
    child: Child,
    questions: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Interpreter {
    /// Runs a script, given as text, with this interpreter.
    pub(crate) fn run(python: &Path, script: &str) -> Self {
        let mut command = Command::new(python);
        command.args(["-u", "-X", "utf8", "-c", script]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let questions = child.stdin.take();
        let answers = BufReader::new(child.stdout.take().unwrap());
        Self { child, questions, answers }
    }

    pub(crate) fn ask(&mut self, question: &str) -> String {
        assert!(!question.contains('\n'), "one line a question: {question}");
        let questions = self.questions.as_mut().unwrap();
        questions.write_all(format!("{question}\n").as_bytes()).unwrap();
        let mut answer = String::new();
        self.answers.read_line(&mut answer).unwrap();
        assert!(answer.ends_with('\n'), "Python gave up on {question}, see above");
        answer.trim_end_matches('\n').to_owned()
    }
}

impl Drop for Interpreter {
    fn drop(&mut self) {
        // The script ends with its input.
        self.questions = None;
        let _ = self.child.wait();
    }
}

/// The `python3` of this machine.
pub(crate) fn python() -> PathBuf {
    let python = PathBuf::from("python3");
    let check = "import sys, venv; sys.exit(sys.version_info < (3, 11))";
    let ran = Command::new(&python).args(["-c", check]).status();
    assert!(
        ran.is_ok_and(|status| status.success()),
        "this test needs `python3`, 3.11 or later, with `venv`: install it, \
         on Debian with `apt-get install python3-venv`"
    );
    python
}

/// An interpreter that has this package from PyPI, in an environment below
/// `target` that is made once. It needs the network then.
pub(crate) fn python_with(package: &str) -> PathBuf {
    let below = Path::new(env!("CARGO_TARGET_TMPDIR"));
    fs::create_dir_all(below).unwrap();
    let home = below.join(format!("python-{package}"));
    let (python, whole) = (home.join("bin/python"), home.join("whole"));
    // Test runs that begin together make it one after the other.
    let lock = File::create(below.join(format!("python-{package}.lock"))).unwrap();
    lock.lock().unwrap();
    if !whole.exists() {
        let _ = fs::remove_dir_all(&home);
        succeed(Command::new(self::python()).args(["-m", "venv"]).arg(&home));
        let install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", package];
        succeed(Command::new(&python).args(install));
        File::create(whole).unwrap();
    }
    python
}

#[track_caller]
fn succeed(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(
        output.status.success(),
        "this test needs the network once, to install a package from PyPI: {command:?} said\n{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
}
