//! The scene of the document.

use crate::bank::{Bank, transcript};

#[test]
fn ends_with_the_closing_lines_of_the_document() {
    let output = Bank::new().program().arg("demo").output().unwrap();
    assert!(output.status.success(), "{}", transcript(&output));
    let text = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines[0].starts_with("[NORMAL] Account opened: "), "{text}");
    let rest = [
        "[NORMAL] Deposit of $1,000.00 made",
        "[BULK] Deposit of $100.00 made",
        "[BULK] Deposit of $200.00 made",
        "[BULK] Deposit of $150.00 made",
        "",
        "Final balance: $6450.00",
        "",
        "All checks passed!",
    ];
    assert_eq!(lines[1..], rest);
}
