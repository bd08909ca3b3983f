//! Catalogs good and bad: what is imported, and what is said about the rest.

use std::io::Cursor;

use bookshelf::catalog::BookCatalog;
use bookshelf::import::{Catalog, ImportError, Progress, Report, import};
use protean::Domain;
use serde_json::{Value, json};

const IN_MEMORY: &str = "databases.default.provider = \"memory\"";

pub(crate) fn shelf() -> Domain {
    bookshelf::domain().config(IN_MEMORY).build().unwrap()
}

async fn take_in(shelf: &Domain, text: &[u8]) -> Result<Report, ImportError> {
    let mut catalog = Catalog::read("books.csv", Cursor::new(text.to_vec()))?;
    import(shelf, &mut catalog, Progress::silent()).await
}

/// Imports into a shelf of its own.
async fn imported(text: &[u8]) -> Value {
    serde_json::to_value(take_in(&shelf(), text).await.unwrap()).unwrap()
}

fn report(imported: u64, already_present: u64, rejected: &[(u64, Option<&str>, &str)]) -> Value {
    let rows = imported + already_present + rejected.len() as u64;
    let rejected: Vec<Value> = rejected
        .iter()
        .map(|(line, field, reason)| json!({"line": line, "field": field, "reason": reason}))
        .collect();
    json!({
        "rows": rows, "imported": imported,
        "already_present": already_present, "differing": [], "rejected": rejected,
    })
}

/// One bad row between two good ones: the row, the field at fault, the reason.
type Bad = (&'static [u8], Option<&'static str>, &'static str);

const BAD_ROWS: &[Bad] = &[
    (b"Dune,Herbert,1", None, "has 3 columns, the header has 5"),
    (b"Dune,Herbert,1,9.99,sand,worms", None, "has 6 columns, the header has 5"),
    (b"Dune", None, "has 1 columns, the header has 5"),
    (b",Herbert,1,9.99,", Some("title"), "is required"),
    (b"  \t,Herbert,1,9.99,", Some("title"), "is required"),
    (b"\" \n \",Herbert,1,9.99,", Some("title"), "is required"),
    (b"Dune,,1,9.99,", Some("author"), "is required"),
    (b"Dune,Herbert,12345678901234,9.99,", Some("isbn"), "must have at most 13 characters, has 14"),
    (
        b"Dune,Herbert,9.78E+12,9.99,",
        Some("isbn"),
        "must be digits such as 9780441013593, is '9.78E+12'",
    ),
    (b"Dune,Herbert,N/A,9.99,", Some("isbn"), "must be digits such as 9780441013593, is 'N/A'"),
    (b"Dune,Herbert,X,9.99,", Some("isbn"), "must be digits such as 9780441013593, is 'X'"),
    (b"Dune,Herbert,1,,", Some("price"), "is required"),
    (b"Dune,Herbert,1,-0.01,", Some("price"), "must be at least 0, is -0.01"),
    (b"Dune,Herbert,1,free,", Some("price"), "must be a number such as 9.99, is 'free'"),
    (b"Dune,Herbert,1,NaN,", Some("price"), "must be a number such as 9.99, is 'NaN'"),
    (b"Dune,Herbert,1,inf,", Some("price"), "must be a number such as 9.99, is 'inf'"),
    (b"Dune,Herbert,1,1e3,", Some("price"), "must be a number such as 9.99, is '1e3'"),
    (b"Dune,Herbert,1,1_000,", Some("price"), "must be a number such as 9.99, is '1_000'"),
    (b"Dune,Herbert,1,9.,", Some("price"), "must be a number such as 9.99, is '9.'"),
    (b"Dune,Herbert,1,\"9,99\",", Some("price"), "must be a number such as 9.99, is '9,99'"),
    (
        b"Dune,Herbert,1,123456789012345678901234567890,",
        Some("price"),
        "must have at most 28 digits, is '123456789012345678901234567890'",
    ),
    (
        b"Dune,Herbert,1,0.12345678901234567890123456789,",
        Some("price"),
        "must have at most 28 digits, is '0.12345678901234567890123456789'",
    ),
    (
        b"Dune,Herbert,1,\x1b[2J9\xe2\x80\xae,",
        Some("price"),
        "must be a number such as 9.99, is '\\u{1b}[2J9\\u{202e}'",
    ),
    (b"Du\xffne,Herbert,1,9.99,", Some("title"), "is not UTF-8: byte 0xff after 2 good ones"),
    (b"Dune,Herbert,1,\xc3,", Some("price"), "is not UTF-8: byte 0xc3 after 0 good ones"),
    (
        b"Dune,,12345678901234,x,",
        Some("author, isbn, price"),
        "author: is required; isbn: must have at most 13 characters, has 14; \
         price: must be a number such as 9.99, is 'x'",
    ),
    (
        b"\"Dune,Herbert,1,9.99,",
        None,
        "text follows a closing quote; a quote within quotes is written twice",
    ),
    (
        b"\"Dune\" by,Herbert,1,9.99,",
        None,
        "text follows a closing quote; a quote within quotes is written twice",
    ),
];

#[tokio::test]
async fn a_bad_row_is_reported_and_its_neighbours_are_imported() {
    for (row, field, reason) in BAD_ROWS {
        let text = [
            b"title,author,isbn,price,description\nOne,A,,1,\n".as_slice(),
            row,
            b"\n\"Two, or more\",B,2,2.50,\"a\nb\"\nThree,C,3,3,\n",
        ];
        let outcome = imported(&text.concat()).await;
        assert_eq!(outcome, report(3, 0, &[(3, *field, reason)]), "{}", row.escape_ascii());
    }
}

#[tokio::test]
async fn limits_count_letters() {
    for (field, most) in [("title", 200), ("author", 150)] {
        for (letters, fits) in [(most, true), (most + 1, false)] {
            let long = "Č".repeat(letters);
            let row = if field == "title" { format!("{long},A") } else { format!("T,{long}") };
            let outcome = imported(format!("title,author,price\n{row},1\n").as_bytes()).await;
            let reason = format!("must have at most {most} characters, has {letters}");
            let expected =
                if fits { report(1, 0, &[]) } else { report(0, 0, &[(2, Some(field), &reason)]) };
            assert_eq!(outcome, expected);
        }
    }
}

#[tokio::test]
async fn a_quote_that_nobody_closes_costs_one_row() {
    let text = b"title,author,price\n\"One,A,1\nTwo,B,2\nThree,C,3\n";
    let outcome = imported(text).await;
    assert_eq!(outcome, report(2, 0, &[(2, None, "a quote is opened and not closed")]));
}

#[tokio::test]
async fn a_row_without_end_is_skipped_in_bounded_memory() {
    let mut text = b"title,author,price\nOne,A,1\n".to_vec();
    text.extend(vec![b'x'; 3 << 20]);
    text.extend(b"\nTwo,B,2\n");
    assert_eq!(imported(&text).await, report(2, 0, &[(3, None, "is longer than 1024 KiB")]));
}

#[tokio::test]
async fn lines_are_those_of_an_editor() {
    let text = "title,author,price\r\n\r\n  \r\n\"On\r\ne\",A,1\r\n,B,2\r\nThree,C,3\r\n,D,4";
    let outcome = imported(text.as_bytes()).await;
    let expected = [(6, Some("title"), "is required"), (8, Some("title"), "is required")];
    assert_eq!(outcome, report(2, 0, &expected));
}

#[tokio::test]
async fn good_catalogs_of_many_forms() {
    for (text, rows) in [
        ("title,author,isbn,price", 0),
        ("title,author,isbn,price\n", 0),
        ("title,author,price\nOne,A,1", 1),
        ("\u{feff}title,author,isbn,price\nOne,A,007,1\n", 1),
        ("\u{feff}\"Title\", AUTHOR ,price\r\nOne,A,+1.50\r\n", 1),
        ("price,isbn,pages,author,title\n1,007,99,A,One\n2,,99,A,\"Two \"\"2\"\"\"\n", 2),
        ("title,author,price\n5\" disks,A,0\n\u{1b}[31m,B,0.0000000000000000000000000001\n", 2),
        ("title,author,price\n=cmd(),A,79228162514264337593543950335\n", 1),
    ] {
        assert_eq!(imported(text.as_bytes()).await, report(rows, 0, &[]), "{text:?}");
    }
}

#[tokio::test]
async fn a_book_that_stands_twice_is_there_already_or_differs() {
    let text = "title,author,isbn,price
        One,A,0439023483,1\nOne,A,0439023483,1\nOne again,A,0439023483,1\nOne,A,439023483,3
        Two,C,,4\nTwo,C,,5\nTw,oC,,6\n , , , \n";
    let outcome = imported(text.as_bytes()).await;
    let [rows, imported, present] =
        ["rows", "imported", "already_present"].map(|name| outcome[name].clone());
    assert_eq!((rows, imported, present), (json!(8), json!(4), json!(1)));
    let differing = outcome["differing"].as_array().unwrap();
    for (row, (line, field, values)) in differing
        .iter()
        .zip([(4, "title", "is \"One again\", was \"One\""), (7, "price", "is 5, was 4")])
    {
        assert_eq!((&row["line"], &row["field"]), (&json!(line), &json!(field)));
        assert!(row["reason"].as_str().unwrap().starts_with(values), "{row}");
    }
    assert_eq!((differing.len(), &outcome["rejected"][0]["line"]), (2, &json!(9)));
}

#[tokio::test]
async fn a_row_that_differs_from_the_book_that_is_there_changes_nothing() {
    let shelf = shelf();
    let books = shelf.repository::<BookCatalog>().await.unwrap();
    take_in(&shelf, b"title,author,isbn,price\nOne,A,0439023483,1\n").await.unwrap();
    let until_there = async {
        while books.query().count().await.unwrap() == 0 {
            tokio::task::yield_now().await;
        }
    };
    protean_engine::Server::new(shelf.clone()).run(until_there).await.unwrap();
    let text = b"title,author,isbn,price\nOne,B,0439023483,1\n";
    let again = take_in(&shelf, text).await.unwrap();
    assert_eq!((again.imported, again.already_present, again.differing.len()), (0, 0, 1));
    let expected = "line 2: author is A, the row says B";
    assert_eq!(again.differing[0].to_string(), expected);
}

#[tokio::test]
async fn files_that_are_no_catalog_are_refused_whole() {
    const NONE: &str = "is empty: expected title,author,isbn,price";
    const WANT: &str = "expected title,author,isbn,price, found";
    for (text, message) in [
        (b"".as_slice(), NONE.to_owned()),
        (b"\n \r\n\n", NONE.to_owned()),
        (b"\xef\xbb\xbf", NONE.to_owned()),
        (
            b"title,author\nOne,A\n",
            format!("line 1: the header has no column price: {WANT} 'title,author'"),
        ),
        (
            b"\n\ntitle;author;price\n",
            format!(
                "line 3: the header has no columns title, author, price: {WANT} 'title;author;price'"
            ),
        ),
        (
            b"One,A,1\n",
            format!("line 1: the header has no columns title, author, price: {WANT} 'one,a,1'"),
        ),
        (
            b"title,author,title,price\n",
            "line 1: the header names the column title twice".to_owned(),
        ),
        (b"\"title,author,price\n", "line 1: a quote is opened and not closed".to_owned()),
        (b"\xff\xfet\0i\0", "is UTF-16: save it as UTF-8".to_owned()),
        (
            b"PK\x03\x04\x1b\xff",
            format!(
                "line 1: the header has no columns title, author, price: {WANT} 'pk\\u{{3}}\\u{{4}}\\u{{1b}}\u{fffd}'"
            ),
        ),
    ] {
        let error = take_in(&shelf(), text).await.unwrap_err();
        assert_eq!(error.to_string(), format!("books.csv: {message}"), "{}", text.escape_ascii());
    }
}

#[tokio::test]
async fn columns_that_mean_nothing_are_named() {
    let text = Cursor::new("title,descripton,author,price,\u{1b}[1m\n");
    let catalog = Catalog::read("books.csv", text).unwrap();
    assert_eq!(catalog.ignored(), ["descripton", "\\u{1b}[1m"]);
}

#[tokio::test]
async fn nothing_is_on_the_shelf_before_a_server_has_put_it_there() {
    let shelf = shelf();
    take_in(&shelf, b"title,author,price\nOne,A,1\n").await.unwrap();
    let rows = shelf.repository::<BookCatalog>().await.unwrap();
    assert_eq!(rows.query().count().await.unwrap(), 0);
    let again = take_in(&shelf, b"title,author,price\nOne,A,1\n").await.unwrap();
    assert_eq!((again.imported, again.already_present), (0, 1));
}
