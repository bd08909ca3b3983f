//! Asks a browser over a pipe. Messages are JSON, each ended by a zero byte; an answer bears the
//! number of what was asked, a report the session of its page.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::process::{ChildStdin, ChildStdout};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};

/// How long a browser may take for one answer on a busy machine.
pub(super) const ANSWER_LIMIT: Duration = Duration::from_secs(60);

/// One side of the pipe, for any number of threads.
pub(super) struct Connection {
    input: Mutex<ChildStdin>,
    routes: Arc<Mutex<Routes>>,
}

/// What a browser answers: a result, or why there is none.
pub(super) type Answer = Result<Value, String>;

/// Where answers and reports go.
#[derive(Default)]
struct Routes {
    last: u64,
    /// None once the browser has ended.
    calls: Option<HashMap<u64, Sender<Answer>>>,
    reports: HashMap<String, Vec<Value>>,
}

impl Connection {
    /// Reads answers on a thread of its own until the browser ends.
    pub(super) fn new(input: ChildStdin, output: ChildStdout) -> Self {
        let routes = Routes { calls: Some(HashMap::new()), ..Routes::default() };
        let routes = Arc::new(Mutex::new(routes));
        let input = Mutex::new(input);
        let answered = Arc::clone(&routes);
        std::thread::spawn(move || read(BufReader::new(output), &answered));
        Self { input, routes }
    }

    /// Asks the browser, or the page of a session, and waits for the answer.
    pub(super) fn ask(&self, session: Option<&str>, method: &str, params: Value) -> Answer {
        let (number, answer) = self.register()?;
        let mut message = json!({ "id": number, "method": method, "params": params });
        if let Some(session) = session {
            message["sessionId"] = session.into();
        }
        let mut bytes = message.to_string().into_bytes();
        bytes.push(0);
        let sent = lock(&self.input).write_all(&bytes);
        sent.map_err(|error| format!("the browser cannot be asked: {error}"))?;
        match answer.recv_timeout(ANSWER_LIMIT) {
            Ok(answer) => answer.map_err(|why| format!("{method}: {why}")),
            Err(error) => Err(format!("{method}: the browser does not answer: {error}")),
        }
    }

    /// What the page of this session has reported since this was last asked.
    pub(super) fn reports(&self, session: &str) -> Vec<Value> {
        lock(&self.routes).reports.remove(session).unwrap_or_default()
    }

    fn register(&self) -> Result<(u64, Receiver<Answer>), String> {
        let (sender, receiver) = channel();
        let mut routes = lock(&self.routes);
        routes.last += 1;
        let number = routes.last;
        let calls = routes.calls.as_mut().ok_or("the browser has ended")?;
        calls.insert(number, sender);
        Ok((number, receiver))
    }
}

fn read(mut output: BufReader<ChildStdout>, routes: &Mutex<Routes>) {
    let mut message = Vec::new();
    while output.read_until(0, &mut message).is_ok_and(|length| length > 0) {
        if message.last() == Some(&0) {
            message.pop();
        }
        if let Ok(message) = serde_json::from_slice(&message) {
            deliver(message, &mut lock(routes));
        }
        message.clear();
    }
    // Dropping the senders wakes every caller that still waits for an answer.
    lock(routes).calls = None;
}

fn deliver(mut message: Value, routes: &mut Routes) {
    let Some(number) = message["id"].as_u64() else {
        if let Some(session) = message["sessionId"].as_str() {
            routes.reports.entry(session.to_owned()).or_default().push(message);
        }
        return;
    };
    let Some(sender) = routes.calls.as_mut().and_then(|calls| calls.remove(&number)) else {
        return;
    };
    let answer = match message["error"]["message"].as_str() {
        Some(why) => Err(why.to_owned()),
        None => Ok(message["result"].take()),
    };
    // The caller may have given up.
    let _ = sender.send(answer);
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
