//! What differs between two lists, for a person.

use std::fmt::Display;

/// A line of the difference: in both lists, or in one.
enum DiffLine {
    Both(usize),
    Expected(usize),
    Found(usize),
}

/// Both lists as one, a line each: `-` for what is expected and was not found,
/// `+` for what was found and is not expected. `None` when they are the same.
pub(crate) fn difference<E: Display, F: Display>(
    expected: &[E],
    found: &[F],
    same: impl Fn(&E, &F) -> bool,
) -> Option<String> {
    let same = |at: usize, other: usize| same(&expected[at], &found[other]);
    let lines = aligned((expected.len(), found.len()), &same);
    if lines.iter().all(|line| matches!(line, DiffLine::Both(_))) {
        return None;
    }
    let text = lines.into_iter().map(|line| match line {
        DiffLine::Both(at) => format!("    {}", found[at]),
        DiffLine::Expected(at) => format!("  - {}", expected[at]),
        DiffLine::Found(at) => format!("  + {}", found[at]),
    });
    let mut text: Vec<String> = text.collect();
    if found.is_empty() {
        text.push("  (nothing was found)".to_owned());
    }
    Some(format!("(- expected, + found)\n{}", text.join("\n")))
}

/// Both lists merged so that as many places as possible are in both.
fn aligned(
    (expected, found): (usize, usize),
    same: &impl Fn(usize, usize) -> bool,
) -> Vec<DiffLine> {
    let common = longest((expected, found), same);
    let (mut at, mut other, mut lines) = (0, 0, Vec::new());
    while at < expected || other < found {
        if at < expected && other < found && same(at, other) {
            lines.push(DiffLine::Both(other));
            (at, other) = (at + 1, other + 1);
        } else if other == found
            || (at < expected && common[at + 1][other] >= common[at][other + 1])
        {
            lines.push(DiffLine::Expected(at));
            at += 1;
        } else {
            lines.push(DiffLine::Found(other));
            other += 1;
        }
    }
    lines
}

/// How many places the rests of the lists have in common, from each pair on.
fn longest(
    (expected, found): (usize, usize),
    same: &impl Fn(usize, usize) -> bool,
) -> Vec<Vec<usize>> {
    let mut common = vec![vec![0; found + 1]; expected + 1];
    for at in (0..expected).rev() {
        for other in (0..found).rev() {
            common[at][other] = match same(at, other) {
                true => common[at + 1][other + 1] + 1,
                false => common[at + 1][other].max(common[at][other + 1]),
            };
        }
    }
    common
}

#[cfg(test)]
mod tests {
    use super::difference;

    fn lines(expected: &str, found: &str) -> Option<String> {
        let [expected, found]: [Vec<_>; 2] = [expected, found].map(|text| text.chars().collect());
        let text = difference(&expected, &found, |one, other| one == other)?;
        Some(text.lines().skip(1).map(|line| line.trim_start().replace(' ', "")).collect())
    }

    #[test]
    fn the_same_has_no_difference() {
        assert_eq!(lines("abc", "abc"), None);
        assert_eq!(lines("", ""), None);
    }

    #[test]
    fn what_both_have_stays_in_its_place() {
        assert_eq!(lines("abcd", "axcde").as_deref(), Some("a-b+xcd+e"));
        assert_eq!(lines("ab", "ba").as_deref(), Some("-ab+a"));
        assert_eq!(lines("", "a").as_deref(), Some("+a"));
    }

    #[test]
    fn says_that_nothing_was_found() {
        assert_eq!(lines("a", "").as_deref(), Some("-a(nothingwasfound)"));
    }
}
