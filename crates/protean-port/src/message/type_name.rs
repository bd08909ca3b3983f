//! Message type names: `Fidelis.AccountOpened.v1`, joined and split in one place.

use std::sync::Arc;

/// Joins the parts of a type name: `fidelis`, `AccountOpened` and 1 give
/// `Fidelis.AccountOpened.v1`.
pub fn join(domain: &str, name: &str, version: u32) -> Arc<str> {
    format!("{}.{name}.v{version}", camel_case(domain)).into()
}

/// How type names begin in a domain: `Fidelis` in `fidelis`.
pub fn domain(name: &str) -> String {
    camel_case(name)
}

/// The name without domain and version.
pub fn bare(type_name: &str) -> &str {
    let name = type_name.split_once('.').map_or(type_name, |(_, rest)| rest);
    name.rsplit_once(".v").map_or(name, |(name, _)| name)
}

/// Splits off the version: `Fidelis.AccountOpened` and 1; `None` without a version.
pub fn split_version(type_name: &str) -> Option<(&str, u32)> {
    let (stem, version) = type_name.rsplit_once(".v")?;
    Some((stem, version.parse().ok()?))
}

/// Converts `account_summary` to `AccountSummary`.
fn camel_case(name: &str) -> String {
    let mut camel = String::with_capacity(name.len());
    for word in name.split(['_', '-', ' ']) {
        let mut letters = word.chars();
        camel.extend(letters.next().into_iter().flat_map(char::to_uppercase));
        camel.push_str(letters.as_str());
    }
    camel
}

#[cfg(test)]
mod tests {
    use super::{bare, camel_case, join, split_version};

    #[test]
    fn joins_and_splits() {
        let name = join("fidelis", "AccountOpened", 2);
        assert_eq!(&*name, "Fidelis.AccountOpened.v2");
        assert_eq!(bare(&name), "AccountOpened");
        assert_eq!(split_version(&name), Some(("Fidelis.AccountOpened", 2)));
        assert_eq!(split_version("Fidelis.AccountOpened"), None);
    }

    #[test]
    fn capitalises_each_word() {
        assert_eq!(camel_case("fidelis"), "Fidelis");
        assert_eq!(camel_case("order_line"), "OrderLine");
    }
}
