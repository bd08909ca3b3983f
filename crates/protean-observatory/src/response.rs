//! Answers, with the headers that keep them safe.

use std::convert::Infallible;

use futures_util::stream;
use http_body_util::{Full, StreamBody};
use hyper::body::{Bytes, Frame};
use hyper::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, HeaderValue, LOCATION,
    REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use hyper::{Response, StatusCode};
use maud::Markup;
use protean_engine::{PageBody, page_body};

use crate::feed::Viewer;
use crate::snapshot::Snapshot;

/// An answer.
pub(crate) type Answer = Response<PageBody>;

/// Everything comes from this very place; nothing is inline, framed or sent elsewhere.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
     connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

const SAFETY: [(HeaderName, &str); 5] = [
    (CONTENT_SECURITY_POLICY, POLICY),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (X_FRAME_OPTIONS, "DENY"),
    // A form of this page says its Origin, and no other site learns its address.
    (REFERRER_POLICY, "same-origin"),
    (CACHE_CONTROL, "no-store"),
];

/// A page.
pub(crate) fn page(status: StatusCode, markup: Markup) -> Answer {
    whole(status, "text/html; charset=utf-8", markup.into_string())
}

/// A file of the pages, which a browser may keep if it asks again.
pub(crate) fn asset(kind: &'static str, text: &'static str) -> Answer {
    let mut answer = whole(StatusCode::OK, kind, text);
    answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    answer
}

/// Plain text.
pub(crate) fn text(status: StatusCode, text: impl Into<Bytes>) -> Answer {
    whole(status, "text/plain; charset=utf-8", text)
}

/// Redirects to another page.
pub(crate) fn see_other(place: &str) -> Answer {
    let mut answer = text(StatusCode::SEE_OTHER, "");
    // Addresses of the pages are percent-encoded, so the header takes them all.
    if let Ok(place) = HeaderValue::from_str(place) {
        answer.headers_mut().insert(LOCATION, place);
    }
    answer
}

/// Sends what `render` makes of each snapshot, for as long as the viewer is there.
pub(crate) fn events(
    viewer: Viewer,
    render: impl Fn(&Snapshot) -> Bytes + Copy + Send + 'static,
) -> Answer {
    let frames = stream::unfold(viewer, move |mut viewer| async move {
        let snapshot = viewer.next().await?;
        Some((Ok::<_, Infallible>(Frame::data(render(&snapshot))), viewer))
    });
    safe(StatusCode::OK, "text/event-stream", page_body(StreamBody::new(frames)))
}

fn whole(status: StatusCode, kind: &'static str, body: impl Into<Bytes>) -> Answer {
    safe(status, kind, page_body(Full::new(body.into())))
}

fn safe(status: StatusCode, kind: &'static str, body: PageBody) -> Answer {
    let mut answer = Response::new(body);
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.extend(SAFETY.map(|(name, value)| (name, HeaderValue::from_static(value))));
    answer
}

/// A snapshot's page as one event: HTML on lines of its own.
pub(crate) fn event(markup: Markup) -> Bytes {
    let mut event = String::from("event: snapshot\n");
    for line in markup.into_string().split(['\n', '\r']) {
        event.push_str("data: ");
        event.push_str(line);
        event.push('\n');
    }
    event.push('\n');
    event.into()
}

#[cfg(test)]
mod tests {
    use maud::html;

    use super::event;

    #[test]
    fn no_text_can_end_an_event_or_begin_another() {
        let hostile = "a\n\nevent: other\ndata: x\r\r<script>";
        let event = event(html! { p { (hostile) } });
        let event = std::str::from_utf8(&event).unwrap();
        assert_eq!(event.matches("\n\n").count(), 1, "{event}");
        assert!(event.ends_with("\n\n") && event.starts_with("event: snapshot\ndata: "), "{event}");
        assert!(event.lines().skip(1).all(|line| line.is_empty() || line.starts_with("data: ")));
        assert!(event.contains("&lt;script&gt;"), "{event}");
    }
}
