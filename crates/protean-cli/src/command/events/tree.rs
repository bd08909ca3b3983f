//! Trees, drawn with boxes.

use protean::domain::CausationNode;

/// Deeper than this the branches are not drawn any more: a line would be wider
/// than any terminal.
const DEEPEST: usize = 24;

/// Each message of the trees with what is drawn before it and how deep it lies,
/// causes before effects.
pub(super) fn branches(forest: &[CausationNode]) -> Vec<(String, usize, &CausationNode)> {
    let mut drawn = Vec::new();
    let mut open: Vec<_> =
        forest.iter().rev().map(|root| (String::new(), String::new(), 0, root)).collect();
    while let Some((here, below, depth, node)) = open.pop() {
        for (index, effect) in node.caused.iter().enumerate().rev() {
            let last = index + 1 == node.caused.len();
            let (branch, space) = if last { ("└─ ", "   ") } else { ("├─ ", "│  ") };
            let (effect_here, effect_below) = if depth < DEEPEST {
                (format!("{below}{branch}"), format!("{below}{space}"))
            } else {
                (format!("{below}⋯{} ", depth + 1), below.clone())
            };
            open.push((effect_here, effect_below, depth + 1, effect));
        }
        drawn.push((here, depth, node));
    }
    drawn
}
