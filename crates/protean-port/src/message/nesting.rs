//! How deep JSON may be nested.

/// The most levels of objects and lists: readers refuse anything deeper.
pub const MAX_DEPTH: usize = 127;

/// What is wrong with JSON that is nested too deep to be read, inside of so many levels.
pub fn too_deep(json: &str, within: usize) -> Option<String> {
    // Each level takes two bytes, so that most texts need not be looked at.
    if json.len() / 2 + within <= MAX_DEPTH {
        return None;
    }
    let deep = depth(json) + within;
    (deep > MAX_DEPTH).then(|| {
        format!("is nested {deep} levels deep, at most {MAX_DEPTH} can be read back: flatten it")
    })
}

/// How deep objects and lists are nested.
fn depth(json: &str) -> usize {
    let (mut open, mut deepest) = (0_usize, 0);
    let (mut quoted, mut escaped) = (false, false);
    for byte in json.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => quoted = !quoted,
            b'{' | b'[' if !quoted => {
                open += 1;
                deepest = deepest.max(open);
            }
            b'}' | b']' if !quoted => open = open.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

#[cfg(test)]
mod tests {
    use super::{MAX_DEPTH, too_deep};

    #[test]
    fn the_limit_is_that_of_the_reader() {
        for levels in [1, 126, 127, 128, 129, 1_000] {
            let json = "[".repeat(levels) + &"]".repeat(levels);
            let is_read = serde_json::from_str::<serde_json::Value>(&json).is_ok();
            assert_eq!(too_deep(&json, 0).is_none(), is_read, "{levels}");
            assert_eq!(too_deep(&json, 1).is_none(), levels < MAX_DEPTH, "{levels}");
        }
    }

    #[test]
    fn brackets_in_texts_nest_nothing() {
        let text = serde_json::json!(["[{\"\\".repeat(1000), "]"]).to_string();
        assert_eq!(too_deep(&text, MAX_DEPTH - 1), None);
    }
}
