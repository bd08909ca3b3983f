//! Names and values in the query of an address, in a form and in cookies.

use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// Names with their values, in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Query(Vec<(String, String)>);

impl Query {
    /// Reads `name=value&other=…`, as addresses and forms write it.
    pub(crate) fn read(text: &str) -> Self {
        let pairs = text.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decoded(name), decoded(value))
        });
        Self(pairs.collect())
    }

    /// The first value of this name, unless it is empty.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }
}

fn decoded(text: &str) -> String {
    percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned()
}

/// An address with these names and values; those without a value are left out.
pub(crate) fn address(path: &str, values: &[(&str, Option<&str>)]) -> String {
    let mut address = path.to_owned();
    let mut separator = '?';
    for (name, value) in values {
        if let Some(value) = value {
            address.push(separator);
            address.push_str(name);
            address.push('=');
            address.extend(utf8_percent_encode(value, NON_ALPHANUMERIC));
            separator = '&';
        }
    }
    address
}

/// The value of a cookie in the header `Cookie`.
pub(crate) fn cookie<'a>(header: &'a str, name: &str) -> Option<&'a str> {
    let pairs = header.split(';').filter_map(|pair| pair.trim().split_once('='));
    pairs.filter(|(known, _)| *known == name).map(|(_, value)| value).next()
}

#[cfg(test)]
mod tests {
    use super::{Query, address, cookie};

    #[test]
    fn what_is_written_is_read() {
        let (group, reason) = ("fidelis.A & B@x::y", "it's 100 % \"…\" <b>");
        let written =
            address("/a", &[("group", Some(group)), ("none", None), ("reason", Some(reason))]);
        let (path, query) = written.split_once('?').unwrap();
        let read = Query::read(query);
        assert_eq!(
            (path, read.get("group"), read.get("reason")),
            ("/a", Some(group), Some(reason))
        );
        assert_eq!(read.get("none"), None);
        assert!(!query.contains(['<', '"', ' ', '\'']), "{query}");
    }

    #[test]
    fn forms_write_spaces_as_plus() {
        let read = Query::read("a=b+c%2B&&empty=&flag");
        assert_eq!(
            (read.get("a"), read.get("empty"), read.get("flag")),
            (Some("b c+"), None, None)
        );
    }

    #[test]
    fn a_cookie_is_found_among_others() {
        assert_eq!(cookie("x=1; session=abc; y=2", "session"), Some("abc"));
        assert_eq!(cookie("mysession=abc", "session"), None);
    }
}
