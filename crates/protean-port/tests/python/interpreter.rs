//! A Python that answers line by line.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};

use protean_test_servers::Python;

/// A process that answers one line with one line, until it is dropped.
pub(crate) struct Interpreter {
    child: Child,
    questions: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Interpreter {
    /// Runs a script, given as text, with this interpreter.
    pub(crate) fn run(python: &Python, script: &str) -> Self {
        let mut command = python.command();
        command.args(["-c", script]);
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
