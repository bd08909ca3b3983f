//! Facts of queries on text and lists.

use std::sync::Arc;

use protean_port::Result;
use protean_port::message::Value;
use protean_port::port::{Case, RowCondition, Store, TextPlace};

use super::queries::{not, put, selected};
use super::sample::column;

fn text(place: TextPlace, text: &str, case: Case) -> RowCondition {
    RowCondition::Text { column: column::NAME, place, text: text.into(), case }
}

pub async fn text_is_found_letter_for_letter(store: Arc<dyn Store>) -> Result {
    let texts = ["100%", "100x", "a_b", "axb", "Äpfel\\n", "nul\0inside", "it's \"so\""];
    let [a, b, c, d, e, f, g] = texts.map(Value::text);
    put(&*store, column::NAME, [a, b, c, d, e, f, g, Value::Null, Value::text("")]).await;
    use TextPlace::{Anywhere, End, Start, Whole};
    for (place, part, expected) in [
        (Anywhere, "0%", "a"),
        (Anywhere, "%", "a"),
        (Anywhere, "_", "c"),
        (Anywhere, "100", "ab"),
        (Anywhere, "A", ""),
        (Anywhere, "äpfel", ""),
        (Anywhere, "Äpf", "e"),
        (Anywhere, "\\", "e"),
        (Anywhere, "\0in", "f"),
        (Anywhere, "inside", "f"),
        (Anywhere, "'s \"", "g"),
        (Anywhere, "", "abcdefgi"),
        (Anywhere, "*", ""),
        (Start, "100", "ab"),
        (Start, "100%", "a"),
        (Start, "a", "cd"),
        (Start, "Ä", "e"),
        (Start, "A", ""),
        (Start, "nul\0", "f"),
        (Start, "", "abcdefgi"),
        (Start, "\u{10FFFF}", ""),
        (End, "b", "cd"),
        (End, "_b", "c"),
        (End, "\0inside", "f"),
        (End, "\\n", "e"),
        (End, "Äpfel\\n", "e"),
        (End, "xÄpfel\\n", ""),
        (End, "", "abcdefgi"),
        (Whole, "a_b", "c"),
        (Whole, "", "i"),
        (Whole, "A_b", ""),
    ] {
        let found = selected(&*store, text(place, part, Case::Exact)).await?;
        assert_eq!(found, expected, "{place:?} {part:?}");
        let others: String = "abcdefghi".chars().filter(|key| !expected.contains(*key)).collect();
        let found = selected(&*store, not(text(place, part, Case::Exact))).await?;
        assert_eq!(found, others, "not {place:?} {part:?}");
    }
    // A number contains no text.
    let size = RowCondition::Text {
        column: column::SIZE,
        place: Anywhere,
        text: "".into(),
        case: Case::Exact,
    };
    assert_eq!(selected(&*store, size).await?, "");
    Ok(())
}

pub async fn only_ascii_letters_lose_their_case(store: Arc<dyn Store>) -> Result {
    let texts = ["Emma", "emma", "ÄRGER", "Ärger", "ärger", "nul\0EMMA", "İstanbul", "istanbul"];
    put(&*store, column::NAME, texts.map(Value::text)).await;
    use TextPlace::{Anywhere, End, Start, Whole};
    for (place, part, expected) in [
        (Whole, "EMMA", "ab"),
        (Whole, "Ärger", "cd"),
        (Whole, "ärger", "e"),
        (Whole, "ISTANBUL", "h"),
        (Start, "eM", "ab"),
        (Start, "ÄR", "cd"),
        (Start, "i", "h"),
        (End, "MA", "abf"),
        (End, "\0emma", "f"),
        (End, "rGER", "cde"),
        (Anywhere, "mM", "abf"),
        (Anywhere, "stan", "gh"),
        (Anywhere, "", "abcdefgh"),
    ] {
        let found = selected(&*store, text(place, part, Case::IgnoredInAscii)).await?;
        assert_eq!(found, expected, "{place:?} {part:?}");
    }
    Ok(())
}

pub async fn a_list_has_whole_elements(store: Arc<dyn Store>) -> Result {
    let lists = [
        r#"["rust","art"]"#,
        r#"["start","a,b"]"#,
        "[]",
        r#"["a\"b","\u0000"]"#,
        "[1,23]",
        "[1.50,-2]",
        r#"[["art"]]"#,
        "[true]",
        "{}",
    ];
    let [a, b, c, d, e, f, g, h, i] = lists.map(|json| Value::Json(json.into()));
    put(&*store, column::TAGS, [a, b, c, d, e, f, g, h, i, Value::Null]).await;
    for (element, expected) in [
        (r#""art""#, "a"),
        (r#""a,b""#, "b"),
        (r#""a""#, ""),
        (r#""Art""#, ""),
        (r#""a\"b""#, "d"),
        (r#""\u0000""#, "d"),
        ("3", ""),
        ("23", "e"),
        ("1.5", "f"),
        ("-2.0", "f"),
        (r#""23""#, ""),
        ("true", "h"),
        (r#""true""#, ""),
        ("null", ""),
    ] {
        let has = RowCondition::Has { column: column::TAGS, element: element.into() };
        assert_eq!(selected(&*store, has.clone()).await?, expected, "{element}");
        let others: String = "abcdefghij".chars().filter(|key| !expected.contains(*key)).collect();
        assert_eq!(selected(&*store, not(has)).await?, others, "not {element}");
    }
    Ok(())
}
