//! What all pages have in common: head, navigation, session.

use maud::{DOCTYPE, Markup, html};

use crate::visit::{LOGIN, LOGOUT, Visit};

/// The pages of the navigation, by their paths.
const PAGES: [(&str, &str); 9] = [
    ("lanes", "Lanes"),
    ("handlers", "Handlers"),
    ("dead-letters", "Dead letters"),
    ("trace", "Trace"),
    ("streams", "Streams"),
    ("processes", "Processes"),
    ("brokers", "Brokers"),
    ("account", "Account"),
    ("operations", "Operations"),
];

/// The title of a page of the navigation.
pub(crate) fn title(path: &str) -> &'static str {
    PAGES.iter().find(|(known, _)| *known == path).map_or("", |(_, title)| title)
}

/// A whole page.
pub(crate) fn page(visit: &Visit<'_>, title: &str, content: Markup) -> Markup {
    let domain = visit.domain().name();
    let asset = |name: &str| visit.address(&format!("assets/{name}"));
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) " · " (domain) }
                link rel="icon" href=(asset("observatory.svg"));
                link rel="stylesheet" href=(asset("observatory.css"));
                script src=(asset("observatory.js")) defer {}
            }
            body {
                a.skip href="#content" { "Skip to the content" }
                header.bar {
                    a.brand href=(visit.address("lanes")) { strong { (domain) } " observatory" }
                    (navigation(visit))
                    div.session {
                        span #connection role="status" data-connection="none" {}
                        (session(visit))
                    }
                }
                main #content tabindex="-1" {
                    h1 { (title) }
                    (content)
                }
            }
        }
    }
}

fn navigation(visit: &Visit<'_>) -> Markup {
    let is_here = |path: &str| visit.path.split('/').next() == Some(path);
    html! {
        nav aria-label="Pages" {
            @for (path, title) in PAGES {
                a href=(visit.address(path)) aria-current=[is_here(path).then_some("page")] { (title) }
            }
        }
    }
}

/// The operator who is logged in, and the link to log in or the button to log out.
fn session(visit: &Visit<'_>) -> Markup {
    html! {
        @match &visit.operator {
            Some(operator) => {
                span.operator data-operator=(operator.name()) title="Logged in" { (operator.name()) }
                @if visit.is_login_ours {
                    form method="post" action=(visit.address(LOGOUT)) {
                        button.plain type="submit" { "Log out" }
                    }
                }
            }
            None => @if visit.is_login_ours && visit.path != LOGIN {
                a href=(visit.login_address()) { "Log in" }
            }
        }
    }
}
