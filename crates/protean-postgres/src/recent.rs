//! What was used most recently.

use std::collections::HashMap;

/// How many things are kept.
const MAX_KEPT: usize = 500;

/// Things by their names. When there are too many, the one that was not used for longest is gone.
#[derive(Debug)]
pub(crate) struct Recent<T> {
    kept: HashMap<String, (T, u64)>,
    uses: u64,
}

impl<T> Default for Recent<T> {
    fn default() -> Self {
        Self { kept: HashMap::new(), uses: 0 }
    }
}

impl<T: Clone> Recent<T> {
    /// The thing of this name.
    pub(crate) fn get(&mut self, name: &str) -> Option<T> {
        self.uses += 1;
        let (thing, used) = self.kept.get_mut(name)?;
        *used = self.uses;
        Some(thing.clone())
    }

    /// Keeps a thing.
    pub(crate) fn insert(&mut self, name: &str, thing: T) {
        if self.kept.len() >= MAX_KEPT {
            let oldest = self.kept.iter().min_by_key(|(_, (_, used))| *used);
            let oldest = oldest.map(|(name, _)| name.clone());
            oldest.map(|name| self.kept.remove(&name));
        }
        self.uses += 1;
        self.kept.insert(name.to_owned(), (thing, self.uses));
    }

    /// Forgets a thing.
    pub(crate) fn remove(&mut self, name: &str) {
        self.kept.remove(name);
    }
}

#[cfg(test)]
mod tests {
    use super::{MAX_KEPT, Recent};

    #[test]
    fn what_is_used_stays() {
        let mut recent = Recent::default();
        recent.insert("often", 0);
        for number in 0..2 * MAX_KEPT {
            recent.insert(&number.to_string(), number);
            assert_eq!(recent.get("often"), Some(0));
        }
        assert_eq!(recent.kept.len(), MAX_KEPT);
        assert_eq!(recent.get("0"), None);
    }
}
