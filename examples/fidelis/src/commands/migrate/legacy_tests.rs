//! Errors for an export that is wrong.

use std::path::PathBuf;

use super::{Legacy, LegacyRow};

fn file(bytes: &[u8]) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("export.csv");
    std::fs::write(&path, bytes).unwrap();
    (folder, path)
}

fn rows(bytes: &[u8]) -> Vec<LegacyRow> {
    let (_folder, path) = file(bytes);
    let mut legacy = Legacy::open(&path).unwrap();
    std::iter::from_fn(|| legacy.next_row().unwrap()).collect()
}

/// The reason for rejecting a row in line 2.
fn reason(row: &[u8]) -> String {
    let rows = rows(&[b"number,name,balance\n", row, b"\n"].concat());
    assert_eq!((rows.len(), rows[0].line), (1, 2));
    rows[0].account.as_ref().unwrap_err().clone()
}

fn refusal(bytes: &[u8]) -> String {
    let (_folder, path) = file(bytes);
    let problem = Legacy::open(&path).err().unwrap().to_string();
    problem.rsplit_once("export.csv: ").unwrap().1.trim_end().to_owned()
}

#[test]
fn a_bad_row_is_rejected_with_its_reason() {
    let long = format!("A-1,{},1.00", "x".repeat(101));
    let table: [(&[u8], &str); 18] = [
        (b"A-1,  ,1.00", "name: is required"),
        (long.as_bytes(), "name: must have at most 100 characters, has 101"),
        (b",Ada,1.00", "number: is required"),
        (b"A-12345678901234567890,Ada,1.00", "number: must have at most 20 characters, has 22"),
        (b"A-1,Ada,n/a", "balance: 'n/a' is not an amount: write it like 1250.00"),
        (b"A-1,Ada,\"1,250.00\"", "balance: '1,250.00' is not an amount: write it like 1250.00"),
        (b"A-1,Ada,1e3", "balance: '1e3' is not an amount: write it like 1250.00"),
        (b"A-1,Ada,-5.00", "balance: must be at least 0, is -5.00"),
        (b"A-1,Ada,12.345", "balance: '12.345' has more than two digits after the point"),
        (b"A-1,Ada,", "balance: is required"),
        (b"A-1,Ada", "has 2 columns, the header has 3"),
        (b"A-1,Ada,1.00,", "has 4 columns, the header has 3"),
        (b"A-1,Ada,1.000", "balance: '1.000' has more than two digits after the point"),
        (b"A-1,Ada,1_000", "balance: '1_000' is not an amount: write it like 1250.00"),
        (b"A-1,\"Ada,1.00", "a quote is opened and not closed"),
        (
            b"A-1,\"Ada\"x,1.00",
            "text follows a closing quote; a quote within quotes is written twice",
        ),
        (b"A-1,Ada,9999999999999", "balance: '9999999999999' is more than any account holds"),
        (b"A-1,J\xf6rg,1.00", "name: is not UTF-8 text (J\u{fffd}rg)"),
    ];
    for (row, expected) in table {
        assert_eq!(reason(row), expected);
    }
}

#[test]
fn all_faults_of_a_row_are_reported_at_once() {
    let expected = "number: is required; name: is required; balance: must be at least 0, is -1";
    assert_eq!(reason(b",,-1"), expected);
}

#[test]
fn columns_may_stand_in_any_order_beside_others() {
    let rows = rows("Balance,branch,Name,Number\n5,Köln,\"Rossi, Jr.\",A-1\n".as_bytes());
    let account = rows[0].account.as_ref().unwrap();
    assert_eq!((&*account.account_number, &*account.holder_name), ("A-1", "Rossi, Jr."));
    assert!(account.opening_deposit == 5);
}

#[test]
fn lines_are_those_of_the_file() {
    let text = "number,name,balance\n\nA-1,\"two\nlines\",1\r\nA-2,Ada,1\n\nA-3,Ada,1";
    for end in ["", "\n", "\n\n"] {
        let rows = rows(format!("{text}{end}").as_bytes());
        assert_eq!(rows.iter().map(|row| row.line).collect::<Vec<_>>(), [3, 5, 7], "{end:?}");
    }
}

#[test]
fn a_quote_that_is_not_closed_costs_its_own_row() {
    let text = "number,name,balance\nA-1,\"Ada,1\nA-2,Bo,2\nA-3,\"Cy\",3\nA-4,Di 5\" D,4\n";
    let rows = rows(text.as_bytes());
    let found: Vec<_> = rows.iter().map(|row| (row.line, row.account.is_ok())).collect();
    assert_eq!(found, [(2, false), (3, true), (4, true), (5, true)]);
    assert_eq!(rows[3].account.as_ref().unwrap().holder_name, "Di 5\" D");
    let text = "number,name,balance\nA-1,\"two\nlines\",1\nA-2,Bo,2\n";
    let several = self::rows(text.as_bytes());
    let reason = several[0].account.as_ref().unwrap_err();
    assert_eq!(reason, "name: goes over several lines: is a quote missing?");
    assert!(several[1].account.is_ok());
}

#[test]
fn a_byte_order_mark_is_passed_over() {
    assert!(rows(b"\xef\xbb\xbfnumber,name,balance\nA-1,Ada,1\n")[0].account.is_ok());
}

#[test]
fn a_file_that_is_no_export_is_refused() {
    let missing = "line 1: must name the columns 'number,name,balance' in any order; ";
    let table: [(&[u8], String); 6] = [
        (b"", "is empty: expected a header 'number,name,balance' and rows".into()),
        (b"\n\n", "is empty: expected a header 'number,name,balance' and rows".into()),
        (b"A-1,Ada,5\n", format!("{missing}'number,name,balance' is not among 'a-1,ada,5'")),
        (b"number,name,balance,Name\n", "line 1: names the column 'name' twice: remove one".into()),
        (b"number,name\n", format!("{missing}'balance' is not among 'number,name'")),
        (
            b"\xff\xfen\0u\0m\0b\0e\0r\0,\0",
            "line 1: is not UTF-8 text: save the export as CSV in UTF-8".into(),
        ),
    ];
    for (bytes, expected) in table {
        assert_eq!(refusal(bytes), expected);
    }
}

#[test]
fn a_folder_and_a_missing_file_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let error = Legacy::open(folder.path()).err().unwrap().to_string();
    assert!(error.contains("is a folder: name the CSV file in it"), "{error}");
    let error = Legacy::open(&folder.path().join("none.csv")).err().unwrap().to_string();
    assert!(error.contains("none.csv: cannot be read: "), "{error}");
}
