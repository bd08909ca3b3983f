//! The browser's process.

use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

use serde_json::{Value, json};

use super::connection::{Answer, Connection};
use crate::chromium::Chromium;

/// A headless Chromium. It ends with the process of the tests, however that ends, and takes its
/// folder with it. It reaches nothing but this machine.
pub struct Browser {
    connection: Option<Connection>,
    supervisor: Child,
    folder: PathBuf,
}

/// A profile that lasts as long as its pages.
pub(super) struct Profile {
    browser: &'static Browser,
    id: String,
}

/// Names are not looked up, so nothing leaves the machine.
const OPTIONS: &[&str] = &[
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--no-default-browser-check",
    "--no-proxy-server",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-default-apps",
    "--disable-extensions",
    "--disable-breakpad",
    "--disable-features=Translate,OptimizationHints,MediaRouter",
    "--metrics-recording-only",
    "--password-store=basic",
    "--use-mock-keychain",
    "--remote-debugging-pipe",
];

impl Browser {
    /// The browser that the tests of this process share; their pages have nothing in common.
    ///
    /// # Panics
    /// When it is not installed or does not start.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Browser> = OnceLock::new();
        SHARED.get_or_init(Self::start)
    }

    fn start() -> Self {
        let chromium = Chromium::of_this_machine().unwrap_or_else(|missing| panic!("{missing}"));
        let folder = tempfile::Builder::new().prefix("protean-chromium-").tempdir();
        let folder = folder.unwrap_or_else(|error| panic!("no temporary folder: {error}")).keep();
        let mut command = Command::new("sh");
        command.args(["-c", include_str!("chromium.sh"), "chromium.sh"]).arg(&folder);
        command.arg(chromium.program()).args(OPTIONS);
        command.arg(format!("--user-data-dir={}", folder.display())).arg("about:blank");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        // An interrupt from the terminal ends the tests, and so this.
        command.process_group(0).current_dir("/");
        let mut supervisor =
            command.spawn().unwrap_or_else(|error| panic!("no shell can be started: {error}"));
        let (Some(input), Some(output)) = (supervisor.stdin.take(), supervisor.stdout.take())
        else {
            panic!("the shell has no pipes")
        };
        let connection = Some(Connection::new(input, output));
        let browser = Self { connection, supervisor, folder };
        let version = browser.ask(None, "Browser.getVersion", json!({}));
        version.unwrap_or_else(|why| panic!("{why}\n{}", log(&browser.folder)));
        browser
    }

    pub(super) fn ask(&self, session: Option<&str>, method: &str, params: Value) -> Answer {
        let connection = self.connection.as_ref().ok_or("the browser has ended")?;
        connection.ask(session, method, params)
    }

    pub(super) fn reports(&self, session: &str) -> Vec<Value> {
        self.connection.as_ref().map(|pipe| pipe.reports(session)).unwrap_or_default()
    }

    fn must_ask(&self, method: &str, params: Value) -> Value {
        let answer = self.ask(None, method, params);
        answer.unwrap_or_else(|why| panic!("{why}\n{}", log(&self.folder)))
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        self.connection = None;
        // It has no status that matters.
        let _ = self.supervisor.wait();
    }
}

impl Profile {
    pub(super) fn of(browser: &'static Browser) -> Self {
        let created = browser.must_ask("Target.createBrowserContext", json!({}));
        Self { browser, id: text(&created, "browserContextId") }
    }

    pub(super) fn browser(&self) -> &'static Browser {
        self.browser
    }

    /// A new tab in the window of this profile, with a session to it: the tab and the session.
    pub(super) fn tab(&self) -> (String, String) {
        let blank = json!({ "url": "about:blank", "browserContextId": self.id });
        let tab = text(&self.browser.must_ask("Target.createTarget", blank), "targetId");
        let attach = json!({ "targetId": tab, "flatten": true });
        let attached = self.browser.must_ask("Target.attachToTarget", attach);
        (tab, text(&attached, "sessionId"))
    }

    /// The browser may have ended.
    pub(super) fn close(&self, tab: &str) {
        let _ = self.browser.ask(None, "Target.closeTarget", json!({ "targetId": tab }));
    }
}

impl Drop for Profile {
    fn drop(&mut self) {
        let context = json!({ "browserContextId": self.id });
        // The browser may have ended.
        let _ = self.browser.ask(None, "Target.disposeBrowserContext", context);
    }
}

fn text(answer: &Value, field: &str) -> String {
    let text = answer[field].as_str();
    text.unwrap_or_else(|| panic!("no {field} in {answer}")).to_owned()
}

fn log(folder: &Path) -> String {
    std::fs::read_to_string(folder.join("log")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::Browser;

    #[test]
    #[ignore = "needs Chromium: cargo xtask test"]
    fn a_browser_that_has_ended_leaves_nothing_behind() {
        let browser = Browser::start();
        let folder = browser.folder.clone();
        assert!(folder.join("Default").is_dir(), "its files are not in {}", folder.display());
        drop(browser);
        assert!(!folder.exists());
    }
}
