//! The lines of an order: as a customer wants them, and as they are placed.

use protean::prelude::{Decimal, Id};
use protean::{entity, value_object};

use crate::book::Book;

/// So many copies of a book, as a customer wants them.
#[value_object]
pub struct Wanted {
    #[field(max_length = 36)]
    pub book_id: Id,
    #[field(min_value = 1, max_value = 99, default = 1)]
    pub quantity: u32,
}

/// So many copies of a book, as they were when the order was placed.
#[entity]
pub struct OrderLine {
    /// The number of the line within its order, from 1.
    pub id: Id,
    pub book_id: Id,
    #[field(max_length = 200, blank = false)]
    pub title: String,
    #[field(min_value = 1, max_value = 99)]
    pub quantity: u32,
    #[field(min_value = 0)]
    pub unit_price: Decimal,
}

impl OrderLine {
    /// The line with this number, at the price the book has now.
    pub fn of(number: usize, wanted: &Wanted, book: &Book) -> Self {
        Self {
            id: Id::from(number.to_string()),
            book_id: book.id(),
            title: book.title.clone(),
            quantity: wanted.quantity,
            unit_price: book.price,
        }
    }
}

/// What the lines cost together; nothing when no decimal can hold it.
pub fn total(lines: &[OrderLine]) -> Option<Decimal> {
    lines.iter().try_fold(Decimal::ZERO, |total, line| {
        total.checked_add(line.unit_price.checked_mul(i64::from(line.quantity).into())?)
    })
}

#[cfg(test)]
mod tests {
    use protean::prelude::{Decimal, Id};

    use super::{OrderLine, total};

    fn line(quantity: u32, unit_price: Decimal) -> OrderLine {
        OrderLine { id: "1".into(), book_id: Id::new(), title: "T".into(), quantity, unit_price }
    }

    #[test]
    fn a_total_is_exact() {
        let lines = [line(3, Decimal::new(1, 1)), line(99, Decimal::new(999, 2))];
        assert_eq!(total(&lines), Some(Decimal::new(98_931, 2)));
        assert_eq!(total(&[]), Some(Decimal::ZERO));
    }

    #[test]
    fn a_total_that_no_decimal_can_hold_is_none() {
        let most: Decimal = "79228162514264337593543950335".parse().unwrap();
        assert_eq!(total(&[line(1, most)]), Some(most));
        assert_eq!(total(&[line(2, most)]), None);
    }
}
