//! Draws trees with box characters.

use protean::CausationNode;

/// The depth up to which branches are drawn; deeper ones would not fit on a terminal.
const MAX_DRAWN_DEPTH: usize = 24;

/// A message in a drawn tree.
pub(super) struct Branch<'a> {
    /// The box characters before the message.
    pub(super) prefix: String,
    pub(super) depth: usize,
    pub(super) node: &'a CausationNode,
}

/// Every message of the trees, causes before effects.
pub(super) fn branches(forest: &[CausationNode]) -> Vec<Branch<'_>> {
    let mut drawn = Vec::new();
    let root = |node| (Branch { prefix: String::new(), depth: 0, node }, String::new());
    let mut open: Vec<_> = forest.iter().rev().map(root).collect();
    while let Some((drawing, below)) = open.pop() {
        let Branch { depth, node, .. } = drawing;
        for (index, effect) in node.caused.iter().enumerate().rev() {
            let last = index + 1 == node.caused.len();
            let (branch, space) = if last { ("└─ ", "   ") } else { ("├─ ", "│  ") };
            let (prefix, effects_below) = if depth < MAX_DRAWN_DEPTH {
                (format!("{below}{branch}"), format!("{below}{space}"))
            } else {
                (format!("{below}⋯{} ", depth + 1), below.clone())
            };
            open.push((Branch { prefix, depth: depth + 1, node: effect }, effects_below));
        }
        drawn.push(drawing);
    }
    drawn
}

#[cfg(test)]
mod tests {
    use protean::CausationNode;
    use protean::Id;
    use protean::message::{Category, Extensions, Kind, Message, Priority, Recorded, Timestamp};

    use super::{Branch, branches};

    /// Messages 0, 1, 2, …, each with the number of its cause.
    fn forest(causes: impl IntoIterator<Item = Option<u64>>) -> Vec<CausationNode> {
        let recorded = |(position, cause): (u64, Option<u64>)| Recorded {
            position,
            stream_position: position,
            message: Message {
                id: position.to_string().into(),
                stream: Category::named("a").stream(&Id::from("1")),
                kind: Kind::Event,
                type_name: "A.B.v1".into(),
                version: 1,
                priority: Priority::NORMAL,
                correlation_id: "c".into(),
                causation_id: cause.map(|cause| cause.to_string().into()),
                time: Timestamp::default(),
                data: "{}".into(),
                extensions: Extensions::default(),
            },
        };
        CausationNode::forest((0..).zip(causes).map(recorded).collect())
    }

    #[test]
    fn a_branch_continues_past_the_effects_of_an_earlier_one() {
        let forest = forest([None, Some(0), Some(0), Some(1), Some(2), None]);
        let drawn = branches(&forest);
        let lines = drawn
            .iter()
            .map(|Branch { prefix, node, .. }| format!("{prefix}{}", node.recorded.position));
        let expected = ["0", "├─ 1", "│  └─ 3", "└─ 2", "   └─ 4", "5"];
        assert_eq!(lines.collect::<Vec<_>>(), expected);
    }

    #[test]
    fn a_deep_chain_stays_narrow() {
        let forest = forest((0..10_000_u64).map(|number| number.checked_sub(1)));
        let drawn = branches(&forest);
        assert!(drawn.iter().all(|branch| branch.prefix.chars().count() < 100));
        assert!(drawn[9_999].prefix.ends_with("⋯9999 ") && drawn[9_999].depth == 9_999);
    }
}
