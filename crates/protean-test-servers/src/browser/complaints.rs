//! What a page did that no page should, from what its browser reports.

use serde_json::Value;

/// Reports what the content security policy refused, with what it was.
pub(super) const WATCH: &str = "document.addEventListener('securitypolicyviolation', event => \
    protean_violation(`${event.effectiveDirective} refused ${event.blockedURI} ${event.sample}`));";

#[derive(Default)]
pub(super) struct Complaints {
    found: Vec<String>,
    requests: Vec<String>,
    /// Where the page that is shown came from: `http://127.0.0.1:8080`.
    origin: String,
}

impl Complaints {
    /// The function by which a page reports to us.
    pub(super) const BINDING: &str = "protean_violation";

    pub(super) fn found(&self) -> Vec<String> {
        self.found.clone()
    }

    pub(super) fn requests(&self) -> Vec<String> {
        self.requests.clone()
    }

    pub(super) fn take(&mut self, reports: Vec<Value>) {
        for report in reports {
            let params = &report["params"];
            match report["method"].as_str().unwrap_or_default() {
                "Network.requestWillBeSent" => self.requested(params),
                method => self.found.extend(complaint(method, params)),
            }
        }
    }

    fn requested(&mut self, params: &Value) {
        let url = params["request"]["url"].as_str().unwrap_or_default();
        let is_document = params["type"] == "Document";
        if is_document {
            origin(url).clone_into(&mut self.origin);
        }
        if !url.starts_with("data:") && origin(url) != self.origin {
            self.found.push(format!("a request to elsewhere: {url}"));
        }
        self.requests.push(url.to_owned());
    }
}

fn complaint(method: &str, params: &Value) -> Option<String> {
    match method {
        "Runtime.bindingCalled" if params["name"] == Complaints::BINDING => {
            Some(format!("content security policy: {}", params["payload"]))
        }
        "Runtime.exceptionThrown" => Some(format!("exception: {}", params["exceptionDetails"])),
        "Runtime.consoleAPICalled"
            if ["error", "warning", "assert"].contains(&params["type"].as_str()?) =>
        {
            Some(format!("console: {}", params["args"]))
        }
        "Log.entryAdded" if params["entry"]["level"] == "error" => {
            let entry = &params["entry"];
            Some(format!("log: {} {} {}", entry["source"], entry["text"], entry["url"]))
        }
        "Audits.issueAdded" if params["issue"]["code"] == "ContentSecurityPolicyIssue" => {
            Some(format!("content security policy: {}", params["issue"]["details"]))
        }
        _ => None,
    }
}

/// Scheme, host and port of an address.
fn origin(url: &str) -> &str {
    let Some((scheme, rest)) = url.split_once("://") else { return "" };
    let host = rest.find('/').unwrap_or(rest.len());
    &url[..scheme.len() + 3 + host]
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::Complaints;

    fn request(kind: &str, url: &str) -> Value {
        json!({ "method": "Network.requestWillBeSent",
                "params": { "type": kind, "request": { "url": url } } })
    }

    #[test]
    fn a_request_to_another_server_is_a_complaint() {
        let mut complaints = Complaints::default();
        complaints.take(vec![
            request("Document", "http://127.0.0.1:1/a"),
            request("Script", "http://127.0.0.1:1/a.js"),
            request("Image", "data:image/png;base64,"),
        ]);
        assert_eq!(complaints.found(), [""; 0]);
        complaints.take(vec![request("Font", "https://fonts.example/x")]);
        assert_eq!(complaints.found(), ["a request to elsewhere: https://fonts.example/x"]);
        assert_eq!(complaints.requests().len(), 4);
    }
}
