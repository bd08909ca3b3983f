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

#[cfg(test)]
mod tests {
    use protean::Id;
    use protean::domain::CausationNode;
    use protean::message::{Category, Extensions, Kind, Message, Priority, Recorded, Timestamp};

    use super::branches;

    /// Messages 0, 1, 2, …, each caused by the one named.
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
    fn a_branch_goes_on_past_what_the_first_of_two_caused() {
        let forest = forest([None, Some(0), Some(0), Some(1), Some(2), None]);
        let drawn = branches(&forest);
        let drawn =
            drawn.iter().map(|(branch, _, node)| format!("{branch}{}", node.recorded.position));
        let expected = ["0", "├─ 1", "│  └─ 3", "└─ 2", "   └─ 4", "5"];
        assert_eq!(drawn.collect::<Vec<_>>(), expected);
    }

    #[test]
    fn a_deep_chain_stays_narrow() {
        let forest = forest((0..10_000_u64).map(|number| number.checked_sub(1)));
        let drawn = branches(&forest);
        assert!(drawn.iter().all(|(branch, ..)| branch.chars().count() < 100));
        assert!(drawn[9_999].0.ends_with("⋯9999 ") && drawn[9_999].1 == 9_999);
    }
}
