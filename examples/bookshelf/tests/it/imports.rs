//! Imports through the program: again, beside a server, and what a person sees.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::shop::{Shop, eventually};

/// This many books, every tenth without an ISBN, and a row that is wrong.
fn catalog(books: u32) -> String {
    let mut text = "title,author,isbn,price\n,Nobody,1,1\n".to_owned();
    for book in 0..books {
        let isbn = if book % 10 == 0 { String::new() } else { format!("{book:010}") };
        writeln!(text, "\"Book, {book}\",Author {},{isbn},{}.99", book % 7, book % 40).unwrap();
    }
    text
}

fn counts(report: &Value) -> [u64; 4] {
    let count = |name: &str| report[name].as_u64().unwrap();
    let rejected = report["rejected"].as_array().unwrap().len() as u64;
    [count("rows"), count("imported"), count("already_present"), rejected]
}

#[test]
fn an_import_adds_nothing_the_second_time_whether_drained_or_not() {
    let shop = Shop::new();
    shop.file("books.csv", catalog(2000));
    let import = || shop.json(&["import", "books.csv"]);
    let first = import();
    assert_eq!(counts(&first), [2001, 2000, 0, 1]);
    let rejected = json!([{"line": 2, "field": "title", "reason": "is required"}]);
    assert_eq!(first["rejected"], rejected);
    assert_eq!(counts(&import()), [2001, 0, 2000, 1]);
    assert_eq!(shop.json(&["stats"]), json!({"books": 0, "catalog": 0}));
    shop.json(&["server", "--test-mode"]);
    assert_eq!(shop.json(&["stats"]), json!({"books": 2000, "catalog": 2000}));
    assert_eq!(counts(&import()), [2001, 0, 2000, 1]);
    shop.json(&["server", "--test-mode"]);
    assert_eq!(shop.json(&["stats"]), json!({"books": 2000, "catalog": 2000}));
    assert_eq!(shop.run(&["verify"]).code, 0);
}

#[test]
fn a_running_server_drains_what_is_imported() {
    let shop = Shop::new();
    shop.file("books.csv", catalog(300));
    let _server = shop.server();
    assert_eq!(counts(&shop.json(&["import", "books.csv"])), [301, 300, 0, 1]);
    eventually(|| shop.json(&["stats"]) == json!({"books": 300, "catalog": 300}));
    let again = shop.run(&["import", "books.csv"]);
    assert!(again.out.contains("300 already present"), "{}", again.out);
    assert_eq!(again.err, "");
}

#[test]
fn the_backfill_lane_holds_the_import() {
    let shop = Shop::new();
    shop.file("books.csv", catalog(20));
    shop.json(&["import", "books.csv"]);
    let status = shop.json(&["subscriptions", "status"]);
    let waiting: Vec<(&str, u64)> = status["data"]["subscriptions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| (row["stream"].as_str().unwrap(), row["lag"].as_u64().unwrap()))
        .filter(|(stream, _)| stream.contains("book:command"))
        .collect();
    assert_eq!(waiting, [("bookshelf::book:command", 0), ("bookshelf::book:command:backfill", 20)]);
}

#[test]
fn a_person_sees_what_became_of_the_rows_and_what_to_do_next() {
    let shop = Shop::new();
    shop.file("books.csv", "title,author,price,pages\nOne,A,1,9\n,,1,9\nTwo,B,\u{1b}[2J,9\nx\n");
    let said = shop.run(&["import", "books.csv"]);
    assert_eq!(said.code, 0);
    let expected = "4 rows read
  1 imported with priority BULK
  0 already present
  3 rejected
    line 3: author: is required; title: is required
    line 4: price must be a number such as 9.99, is '\\u{1b}[2J'
    line 5: has 1 columns, the header has 4
";
    assert_eq!(said.out, expected);
    assert!(said.err.contains("columns left out: pages"), "{}", said.err);
    assert!(said.err.contains("1 book is queued and no server is running: start"), "{}", said.err);
}

#[test]
fn without_a_terminal_a_line_is_printed_every_ten_thousand_rows() {
    let shop = Shop::new();
    shop.file("books.csv", format!("title,author,price\n{}", "x\n".repeat(20_001)));
    let said = shop.run(&["import", "books.csv", "--json"]);
    assert_eq!(said.err, "Progress: 10,000 books read\nProgress: 20,000 books read\n");
    let report: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(counts(&report), [20_001, 0, 0, 20_001]);
}

#[test]
fn files_that_cannot_be_imported_leave_the_shelf_alone() {
    let shop = Shop::new();
    shop.file("empty.csv", "");
    shop.file("header.csv", "title,author\nOne,A\n");
    shop.file("\u{1b}[31m.csv", "nothing");
    for (file, reason) in [
        ("missing.csv", "missing.csv: cannot be read: No such file or directory"),
        (".", ".: cannot be read: is a directory"),
        ("empty.csv", "empty.csv: is empty: expected title,author,isbn,price"),
        ("header.csv", "header.csv: line 1: the header has no column price"),
        ("\u{1b}[31m.csv", "\\u{1b}[31m.csv: line 1: the header has no columns title, author"),
    ] {
        let said = shop.run(&["import", file]);
        assert_eq!((said.code, said.out.as_str()), (1, ""), "{file:?}");
        assert!(said.err.starts_with(&format!("error: {reason}")), "{}", said.err);
        assert_eq!(said.err.lines().count(), 1, "{}", said.err);
    }
    assert_eq!(shop.run(&["import"]).code, 2);
    assert!(!shop.file_names().iter().any(|name| name.starts_with("shelf.db")));
}
