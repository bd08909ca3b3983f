//! Names of categories and streams.

use std::fmt;
use std::sync::Arc;

use super::Id;

/// All streams of one kind: `fidelis::account`, or `fidelis::account:command`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Category(Arc<str>);

impl Category {
    /// The events of an aggregate: `<domain>::<aggregate>`, both in snake case.
    pub fn of(domain: &str, aggregate: &str) -> Self {
        Self(format!("{}::{}", snake_case(domain), snake_case(aggregate)).into())
    }

    /// The category with this name, as `stream_category` declares it.
    pub fn named(name: impl Into<Arc<str>>) -> Self {
        Self(name.into())
    }

    /// The commands of this category: `<category>:command`.
    pub fn commands(&self) -> Self {
        Self(format!("{}:command", self.0).into())
    }

    /// The fact events of this category: `<category>-fact`.
    pub fn facts(&self) -> Self {
        Self(format!("{}-fact", self.0).into())
    }

    /// The stream of one instance: `<category>-<id>`.
    pub fn stream(&self, id: &Id) -> Stream {
        Stream { name: format!("{}-{id}", self.0).into(), category: self.clone() }
    }

    /// The name of the category.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Category {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// The messages of one instance, in order: `fidelis::account-<id>`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Stream {
    name: Arc<str>,
    category: Category,
}

impl Stream {
    /// A stream restored from a store, from its own name and its category.
    pub fn restored(name: impl Into<Arc<str>>, category: Category) -> Self {
        Self { name: name.into(), category }
    }

    /// The full name of the stream.
    pub fn as_str(&self) -> &str {
        &self.name
    }

    /// The full name as a shared string.
    pub fn name(&self) -> Arc<str> {
        Arc::clone(&self.name)
    }

    /// The category the stream belongs to.
    pub fn category(&self) -> &Category {
        &self.category
    }

    /// The identity of the instance: the part after the category.
    pub fn id(&self) -> &str {
        self.name.get(self.category.0.len() + 1..).unwrap_or("")
    }
}

impl fmt::Display for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.name)
    }
}

/// Converts `AccountSummary` to `account_summary`; a run of capitals counts as one word.
pub fn snake_case(name: &str) -> String {
    let letters: Vec<char> = name.chars().collect();
    let mut snake = String::with_capacity(name.len() + 4);
    for (index, letter) in letters.iter().enumerate() {
        let after_small = index > 0 && !letters[index - 1].is_uppercase();
        let before_small = letters.get(index + 1).is_some_and(|next| next.is_lowercase());
        if letter.is_uppercase()
            && index > 0
            && (after_small || before_small)
            && !snake.ends_with('_')
        {
            snake.push('_');
        }
        snake.extend(letter.to_lowercase());
    }
    snake
}

#[cfg(test)]
mod tests {
    use super::{Category, Id, snake_case};

    #[test]
    fn names_follow_the_documents() {
        let account = Category::of("fidelis", "Account");
        assert_eq!(account.as_str(), "fidelis::account");
        assert_eq!(account.commands().as_str(), "fidelis::account:command");
        assert_eq!(account.facts().stream(&Id::from("1")).as_str(), "fidelis::account-fact-1");
        let stream = account.stream(&Id::from("a-1"));
        assert_eq!((stream.as_str(), stream.id()), ("fidelis::account-a-1", "a-1"));
    }

    #[test]
    fn cases_convert() {
        assert_eq!(snake_case("AccountSummary"), "account_summary");
        assert_eq!(snake_case("HTTPServer"), "http_server");
    }
}
