//! One page: a tab of a browser.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::browser::{Browser, Profile};
use super::complaints::{Complaints, WATCH};
use super::connection::Answer;
use super::look::{Look, Scheme};

/// How long a page may take to show something on a busy machine.
const SHOW_LIMIT: Duration = Duration::from_secs(60);
/// How often it is looked at meanwhile.
const GLANCE: Duration = Duration::from_millis(20);

/// A tab, closed with this value.
pub struct Page {
    profile: Arc<Profile>,
    tab: String,
    session: String,
    complaints: Mutex<Complaints>,
}

impl Browser {
    /// An empty page with cookies and storage of its own.
    ///
    /// # Panics
    /// When the browser has ended.
    pub fn page(&'static self, look: Look) -> Page {
        Page::new(Arc::new(Profile::of(self)), look)
    }
}

impl Page {
    pub(super) fn new(profile: Arc<Profile>, look: Look) -> Self {
        let (tab, session) = profile.tab();
        let page = Self { profile, tab, session, complaints: Mutex::default() };
        for domain in ["Page", "Runtime", "Log", "Network", "Audits"] {
            page.must(&format!("{domain}.enable"), json!({}));
        }
        page.must("Runtime.addBinding", json!({ "name": Complaints::BINDING }));
        page.must("Page.addScriptToEvaluateOnNewDocument", json!({ "source": WATCH }));
        page.show_as(look);
        page
    }

    /// Another tab of the same window, in front of this one, which is hidden then.
    ///
    /// # Panics
    /// When the browser has ended.
    #[must_use]
    pub fn tab_in_front(&self, look: Look) -> Self {
        Self::new(Arc::clone(&self.profile), look)
    }

    /// Brings this tab to the front of its window.
    ///
    /// # Panics
    /// When the browser has ended.
    pub fn bring_to_front(&self) {
        self.must("Page.bringToFront", json!({}));
    }

    /// Shows the page so from now on.
    ///
    /// # Panics
    /// When the browser has ended.
    pub fn show_as(&self, look: Look) {
        let Look { width, height, scheme } = look;
        let mobile = look.is_phone();
        let metrics =
            json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": mobile });
        self.must("Emulation.setDeviceMetricsOverride", metrics);
        let value = match scheme {
            Scheme::Light => "light",
            Scheme::Dark => "dark",
        };
        let features = [("prefers-color-scheme", value), ("prefers-reduced-motion", "reduce")];
        let features = features.map(|(name, value)| json!({ "name": name, "value": value }));
        self.must("Emulation.setEmulatedMedia", json!({ "features": features }));
    }

    /// Goes to an address and waits until it is loaded.
    ///
    /// # Panics
    /// When there is no such page.
    #[track_caller]
    pub fn open(&self, url: &str) {
        let went = self.must("Page.navigate", json!({ "url": url }));
        assert!(went["errorText"].is_null(), "{url}: {}", went["errorText"]);
        self.wait_until("document.readyState === 'complete'");
    }

    /// The value of an expression of JavaScript in the page; a promise is awaited.
    ///
    /// # Panics
    /// When it throws, or has no value in JSON.
    #[track_caller]
    pub fn evaluate(&self, expression: &str) -> Value {
        self.try_evaluate(expression).unwrap_or_else(|why| panic!("{expression}: {why}"))
    }

    /// Waits until an expression is true in the page, also while that changes.
    ///
    /// # Panics
    /// When it is not within a minute; says what the page shows then.
    #[track_caller]
    pub fn wait_until(&self, expression: &str) {
        let began = Instant::now();
        loop {
            let value = self.try_evaluate(&format!("Boolean({expression})"));
            if value == Ok(Value::Bool(true)) {
                return;
            }
            let shown = || self.try_evaluate("document.body?.innerText ?? ''");
            assert!(began.elapsed() < SHOW_LIMIT, "not {expression}: {value:?}\n{:?}", shown());
            std::thread::sleep(GLANCE);
        }
    }

    /// The text that a person sees in the first element that the selector finds.
    ///
    /// # Panics
    /// When there is no such element.
    #[track_caller]
    pub fn text(&self, selector: &str) -> String {
        let found = self.evaluate(&format!("{}?.innerText ?? null", query(selector)));
        found.as_str().unwrap_or_else(|| panic!("no {selector}")).to_owned()
    }

    /// What the page has done so far that no page should: errors in its console, violations of
    /// its content security policy, and requests to anywhere but its own server.
    pub fn complaints(&self) -> Vec<String> {
        self.complain(|complaints| complaints.found())
    }

    /// The addresses that the page has asked for so far.
    pub fn requests(&self) -> Vec<String> {
        self.complain(|complaints| complaints.requests())
    }

    fn complain<T>(&self, read: impl FnOnce(&Complaints) -> T) -> T {
        let mut complaints =
            self.complaints.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        complaints.take(self.profile.browser().reports(&self.session));
        read(&complaints)
    }

    fn try_evaluate(&self, expression: &str) -> Answer {
        let asked =
            json!({ "expression": expression, "returnByValue": true, "awaitPromise": true });
        let mut answer = self.ask("Runtime.evaluate", asked)?;
        match answer["exceptionDetails"]["exception"]["description"].as_str() {
            Some(thrown) => Err(thrown.to_owned()),
            None if !answer["exceptionDetails"].is_null() => {
                Err(answer["exceptionDetails"].to_string())
            }
            None => Ok(answer["result"]["value"].take()),
        }
    }

    pub(super) fn must(&self, method: &str, params: Value) -> Value {
        self.ask(method, params).unwrap_or_else(|why| panic!("{why}"))
    }

    fn ask(&self, method: &str, params: Value) -> Answer {
        self.profile.browser().ask(Some(&self.session), method, params)
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        self.profile.close(&self.tab);
    }
}

/// An expression that finds the first element of a selector.
pub(super) fn query(selector: &str) -> String {
    format!("document.querySelector({})", Value::from(selector))
}
