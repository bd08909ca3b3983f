//! Pictures of the pages, in light and dark, wide and narrow. The guide shows them:
//! `WRITE_PICTURES=1 cargo xtask test -p fidelis --test observatory`.

use std::path::Path;

use protean_test_servers::{Look, Page, Scheme};

use crate::broken::bank_with_dead_letters;
use crate::place::Observatory;

/// True when new pictures for the guide are requested.
pub(crate) fn are_wanted() -> bool {
    std::env::var_os("WRITE_PICTURES").is_some()
}

/// The looks, with what a picture's name says of them.
const LOOKS: [(&str, Look); 4] = [
    ("", Look::DESK),
    ("-dark", Look { scheme: Scheme::Dark, ..Look::DESK }),
    ("-phone", Look::PHONE),
    ("-phone-dark", Look { scheme: Scheme::Dark, ..Look::PHONE }),
];

/// Those of them that the guide shows.
const SHOWN: [&str; 5] =
    ["lanes.png", "lanes-dark.png", "dead-letter.png", "trace-dark.png", "handlers-phone.png"];

/// Takes a page in every look, and gives it back in the first one.
#[track_caller]
pub(crate) fn take(page: &Page, name: &str) {
    let folder = tempfile::tempdir().unwrap();
    let guide = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/book/src/guide/pictures");
    let mut pictures: Vec<Vec<u8>> = Vec::new();
    for (suffix, look) in LOOKS {
        let name = format!("{name}{suffix}.png");
        let file = folder.path().join(&name);
        let picture = one(page, look, &file);
        assert!(!pictures.contains(&picture), "{name} is identical to an earlier picture");
        pictures.push(picture);
        if are_wanted() && SHOWN.contains(&&*name) {
            std::fs::copy(&file, guide.join(&name)).unwrap();
        }
    }
    page.show_as(Look::DESK);
}

fn one(page: &Page, look: Look, file: &Path) -> Vec<u8> {
    // A page that was reached by a click may still be without its stylesheet.
    page.wait_until("document.readyState === 'complete'");
    page.show_as(look);
    page.wait_until(&format!("matchMedia('(width: {}px)').matches", look.width));
    let is_dark = look.scheme == Scheme::Dark;
    let (ground, letters) = (brightness(page, "backgroundColor"), brightness(page, "color"));
    let (dark, light) = if is_dark { (ground, letters) } else { (letters, ground) };
    assert!(dark < 80.0 && light > 175.0, "{look:?}: letters {letters} on {ground}");
    page.photograph(file);
    std::fs::read(file).unwrap()
}

/// How bright a colour of the page is, from 0 to 255.
#[track_caller]
fn brightness(page: &Page, color: &str) -> f64 {
    let color = page.evaluate(&format!("getComputedStyle(document.body).{color}"));
    let text = color.as_str().unwrap();
    let parts = text.strip_prefix("rgb(").and_then(|rest| rest.strip_suffix(")"));
    let parts = parts.unwrap_or_else(|| panic!("{text} is not an opaque colour"));
    parts.split(", ").map(|part| part.parse::<f64>().unwrap()).sum::<f64>() / 3.0
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Chromium: cargo xtask test"]
async fn pages_are_light_or_dark_as_their_reader_prefers() {
    let holders = ["Ada Lovelace", "Grace Hopper", "Mary Somerville", "Emmy Noether"];
    let (bank, _server) = bank_with_dead_letters(&holders, "the disk is full", &[]).await;
    let observatory = Observatory::of(&bank);
    let page = observatory.open("dead-letters", Look::DESK);
    take(&page, "dead-letters");
    page.open(&observatory.url("handlers"));
    take(&page, "handlers");
    page.open(&observatory.url("dead-letters"));
    page.click("tr[data-reason] a");
    page.wait_until("document.querySelector('tr[data-position] a')");
    page.click("tr[data-position] a");
    page.wait_until("document.querySelector('[data-action=trace]')");
    take(&page, "dead-letter");
    page.click("[data-action=trace]");
    page.wait_until("document.querySelector('li[data-message-id]')");
    take(&page, "trace");
    assert_eq!(page.complaints(), [""; 0]);
}
