//! From a record to a command, by the names of the columns.

use protean::model::Fields as _;
use protean::{Decimal, Violations};
use workbench::sheet::Fields;

use super::shown::shown;
use crate::book::{AddBook, Book};

/// Which column holds what.
#[derive(Debug)]
pub(super) struct Columns {
    title: usize,
    author: usize,
    price: usize,
    isbn: Option<usize>,
    description: Option<usize>,
    /// How many there are.
    count: usize,
    /// The names of those that mean nothing here.
    pub(super) ignored: Vec<String>,
}

/// Why a record gives no book.
pub(super) enum Fault {
    /// It is no row of this table.
    Record(String),
    /// Its fields break rules.
    Fields(Violations),
}

impl Columns {
    /// Reads the header.
    pub(super) fn new(header: &Fields) -> Result<Self, String> {
        let names = header.iter().map(|name| String::from_utf8_lossy(name));
        let names: Vec<String> = names.map(|name| name.trim().to_ascii_lowercase()).collect();
        let mut missing = Vec::new();
        let mut needed = |name: &'static str| {
            place(&names, name).unwrap_or_else(|| {
                missing.push(name);
                0
            })
        };
        let (title, author, price) = (needed("title"), needed("author"), needed("price"));
        if !missing.is_empty() {
            return Err(no_column(&missing, &names));
        }
        let known = ["title", "author", "isbn", "price", "description"];
        if let Some(twice) = known.into_iter().find(|known| count(&names, known) > 1) {
            return Err(format!("the header names the column {twice} twice"));
        }
        let ignored = names
            .iter()
            .filter(|name| !known.contains(&name.as_str()))
            .map(|name| shown(name))
            .collect();
        let (isbn, description) = (place(&names, "isbn"), place(&names, "description"));
        Ok(Self { title, author, price, isbn, description, count: names.len(), ignored })
    }

    /// The command that adds the book of a record.
    pub(super) fn command(&self, fields: &Fields) -> Result<AddBook, Fault> {
        if fields.len() != self.count {
            let message = format!("has {} columns, the header has {}", fields.len(), self.count);
            return Err(Fault::Record(message));
        }
        let mut violations = Violations::new();
        let mut text = |name, column: usize| text(name, &fields[column], &mut violations);
        let (title, author) = (text("title", self.title), text("author", self.author));
        let isbn = self.isbn.map(|column| text("isbn", column));
        let description = self.description.map(|column| text("description", column));
        let price = price(&text("price", self.price)).unwrap_or_else(|message| {
            // Invalid UTF-8 is reported already.
            if violations.get("price").is_empty() {
                violations.add("price", message);
            }
            Decimal::ZERO
        });
        if let Some(found) = isbn.as_deref().filter(|isbn| !isbn.is_empty() && !is_isbn(isbn)) {
            let found = shown(found);
            violations.add("isbn", format!("must be digits such as 9780441013593, is '{found}'"));
        }
        let present = |text: Option<String>| text.filter(|text| !text.is_empty());
        let (isbn, description) = (present(isbn), present(description));
        let book_id = Book::identity(isbn.as_deref(), &title, &author);
        let command = AddBook { book_id, title, author, isbn, price, description };
        complete(command, violations)
    }
}

/// The command, when neither reading nor its own rules found a fault.
fn complete(command: AddBook, mut violations: Violations) -> Result<AddBook, Fault> {
    for (field, messages) in command.check().iter() {
        // A field that could not be read is empty, which is not a second fault.
        if violations.get(field).is_empty() {
            messages.iter().for_each(|message| violations.add(field, message));
        }
    }
    if violations.is_empty() { Ok(command) } else { Err(Fault::Fields(violations)) }
}

fn place(names: &[String], wanted: &str) -> Option<usize> {
    names.iter().position(|name| name == wanted)
}

fn count(names: &[String], wanted: &str) -> usize {
    names.iter().filter(|name| *name == wanted).count()
}

fn no_column(missing: &[&str], names: &[String]) -> String {
    let found = shown(&names.join(","));
    let columns = if missing.len() == 1 { "column" } else { "columns" };
    let missing = missing.join(", ");
    format!(
        "the header has no {columns} {missing}: expected title,author,isbn,price, found '{found}'"
    )
}

/// True for digits, with an `X` perhaps and hyphens or spaces between them. What a spreadsheet makes
/// of a number, such as `9.78E+12`, and `N/A` would be the same for different books.
fn is_isbn(text: &str) -> bool {
    text.bytes().any(|byte| byte.is_ascii_digit())
        && text.bytes().all(|byte| byte.is_ascii_digit() || b"xX- ".contains(&byte))
}

/// A field as text without the space around it.
fn text(name: &str, field: &[u8], violations: &mut Violations) -> String {
    match str::from_utf8(field) {
        Ok(text) => text.trim().to_owned(),
        Err(error) => {
            let at = error.valid_up_to();
            let message = format!("is not UTF-8: byte {:#04x} after {at} good ones", field[at]);
            violations.add(name, message);
            String::new()
        }
    }
}

/// A price in plain digits. Forms that only programs write, such as `1e3` and
/// `NaN`, are more likely a mistake than a price.
fn price(text: &str) -> Result<Decimal, String> {
    if text.is_empty() {
        return Err("is required".into());
    }
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (whole, part) = digits.split_once('.').unwrap_or((digits, "0"));
    let plain = [whole, part]
        .iter()
        .all(|digits| !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit()));
    if !plain {
        return Err(format!("must be a number such as 9.99, is '{}'", shown(text)));
    }
    text.parse().map_err(|_| format!("must have at most 28 digits, is '{}'", shown(text)))
}
