//! Names that many messages share.

use std::collections::HashMap;
use std::sync::Arc;

use protean_port::message::Category;

/// The categories and types of the messages on one page, each allocated once.
#[derive(Debug, Default)]
pub struct SharedNames {
    categories: HashMap<String, Category>,
    types: HashMap<String, Arc<str>>,
}

impl SharedNames {
    /// The category of this name.
    pub fn category(&mut self, name: &str) -> Category {
        if !self.categories.contains_key(name) {
            self.categories.insert(name.to_owned(), Category::named(name));
        }
        self.categories[name].clone()
    }

    /// The type of this name.
    pub fn type_name(&mut self, name: &str) -> Arc<str> {
        if !self.types.contains_key(name) {
            self.types.insert(name.to_owned(), Arc::from(name));
        }
        Arc::clone(&self.types[name])
    }
}
