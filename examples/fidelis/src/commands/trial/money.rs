//! Formats amounts.

use protean::Decimal;
use protean_cli::grouped;

/// Like 1,250.00.
pub(crate) fn money(amount: Decimal) -> String {
    let text = format!("{amount:.2}");
    match text.split_once('.').map(|(whole, cents)| (whole.parse(), cents)) {
        Some((Ok(whole), cents)) => format!("{}.{cents}", grouped(whole)),
        _ => text,
    }
}
