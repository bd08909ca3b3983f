//! What caused what, as a tree. Nothing here reads a store, and nothing calls
//! itself: a chain may be as deep as it is long.

use std::collections::HashMap;
use std::fmt;

use protean_port::message::Recorded;

/// A message and what it caused, in the order of the log.
#[non_exhaustive]
pub struct CausationNode {
    /// The message with its place in the log.
    pub recorded: Recorded,
    /// What its handlers made of it: events, facts, further commands.
    pub caused: Vec<CausationNode>,
}

impl CausationNode {
    /// The messages as trees, each message once. A message whose cause is not
    /// among them is a root; so is the earliest of those that cause each other
    /// in a circle.
    pub fn forest(mut messages: Vec<Recorded>) -> Vec<Self> {
        messages.sort_by_key(|recorded| recorded.position);
        let causes = cut_circles(causes(&messages));
        let mut caused = vec![Vec::new(); messages.len()];
        let mut roots = Vec::new();
        for (index, cause) in causes.iter().enumerate() {
            match cause {
                Some(cause) => caused[*cause].push(index),
                None => roots.push(index),
            }
        }
        nest(messages, &roots, &caused)
    }

    /// This message and everything below it, causes before effects, each with
    /// how deep it lies: 0 for this one.
    pub fn walk(&self) -> impl Iterator<Item = (usize, &Self)> {
        let mut open = vec![(0, self)];
        std::iter::from_fn(move || {
            let (depth, node) = open.pop()?;
            open.extend(node.caused.iter().rev().map(|effect| (depth + 1, effect)));
            Some((depth, node))
        })
    }

    /// The message with this id, and everything below it.
    pub(super) fn take(mut forest: Vec<Self>, id: &str) -> Option<Self> {
        while let Some(mut node) = forest.pop() {
            if &*node.recorded.message.id == id {
                return Some(node);
            }
            forest.append(&mut node.caused);
        }
        None
    }
}

impl Drop for CausationNode {
    fn drop(&mut self) {
        // Left alone, each message would drop what it caused within its own drop.
        let mut open = std::mem::take(&mut self.caused);
        while let Some(mut node) = open.pop() {
            open.append(&mut node.caused);
        }
    }
}

impl fmt::Debug for CausationNode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("CausationNode");
        debug.field("id", &self.recorded.message.id);
        debug.field("caused", &self.caused.len()).finish_non_exhaustive()
    }
}

/// For each message the index of its cause, when that is among them.
fn causes(messages: &[Recorded]) -> Vec<Option<usize>> {
    let mut places = HashMap::with_capacity(messages.len());
    for (index, recorded) in messages.iter().enumerate() {
        places.entry(&*recorded.message.id).or_insert(index);
    }
    let cause = |recorded: &Recorded| recorded.message.causation_id.clone();
    messages.iter().map(|recorded| places.get(&*cause(recorded)?).copied()).collect()
}

/// Makes the earliest message of each circle a root.
fn cut_circles(mut causes: Vec<Option<usize>>) -> Vec<Option<usize>> {
    let mut walk_of = vec![usize::MAX; causes.len()];
    for start in 0..causes.len() {
        let mut at = start;
        while walk_of[at] == usize::MAX {
            walk_of[at] = start;
            match causes[at] {
                Some(cause) => at = cause,
                None => break,
            }
        }
        // Coming back to where this very walk has been is a circle.
        if walk_of[at] == start && causes[at].is_some() {
            let earliest = circle(&causes, at).min().unwrap_or(at);
            causes[earliest] = None;
        }
    }
    causes
}

/// The messages of the circle that `first` is in.
fn circle(causes: &[Option<usize>], first: usize) -> impl Iterator<Item = usize> {
    let mut next = Some(first);
    std::iter::from_fn(move || {
        let at = next?;
        next = causes[at].filter(|cause| *cause != first);
        Some(at)
    })
}

/// Puts every message into the one that caused it.
fn nest(messages: Vec<Recorded>, roots: &[usize], caused: &[Vec<usize>]) -> Vec<CausationNode> {
    let (mut open, mut order) = (roots.to_vec(), Vec::with_capacity(messages.len()));
    while let Some(index) = open.pop() {
        order.push(index);
        open.extend(&caused[index]);
    }
    let mut messages: Vec<_> = messages.into_iter().map(Some).collect();
    let mut nodes: Vec<Option<CausationNode>> = messages.iter().map(|_| None).collect();
    // Effects stand after their causes, so from the end they are whole first.
    for index in order.into_iter().rev() {
        let effects = caused[index].iter().filter_map(|effect| nodes[*effect].take()).collect();
        let recorded = messages[index].take();
        nodes[index] = recorded.map(|recorded| CausationNode { recorded, caused: effects });
    }
    roots.iter().filter_map(|root| nodes[*root].take()).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::{collection::vec, option, prop_assert, prop_assert_eq, proptest};

    use super::CausationNode;
    use protean_port::message::{
        Category, Extensions, Id, Kind, Message, Priority, Recorded, Timestamp,
    };

    /// Messages with these ids, each with its cause, in the order of the log.
    fn log<'a>(messages: impl IntoIterator<Item = (&'a str, Option<&'a str>)>) -> Vec<Recorded> {
        let stream = Category::of("bank", "account").stream(&Id::from("a"));
        let recorded = |(position, (id, cause)): (u64, (&str, Option<&str>))| Recorded {
            position,
            stream_position: position,
            message: Message {
                id: id.into(),
                stream: stream.clone(),
                kind: Kind::Event,
                type_name: "Bank.Happened.v1".into(),
                version: 1,
                priority: Priority::NORMAL,
                correlation_id: "chain".into(),
                causation_id: cause.map(Into::into),
                time: Timestamp::default(),
                data: "{}".into(),
                extensions: Extensions::default(),
            },
        };
        (1..).zip(messages).map(recorded).collect()
    }

    /// `a(b c(d))`
    fn drawn(forest: &[CausationNode]) -> String {
        let mut drawn = String::new();
        for node in forest.iter().flat_map(CausationNode::walk) {
            drawn.push_str(&format!("{}{} ", ".".repeat(node.0), node.1.recorded.message.id));
        }
        drawn.trim_end().to_owned()
    }

    #[test]
    fn each_message_stands_below_its_cause_in_the_order_of_the_log() {
        for (messages, expected) in [
            (vec![], ""),
            (vec![("a", None)], "a"),
            (vec![("a", None), ("b", Some("a")), ("c", Some("b"))], "a .b ..c"),
            (vec![("a", None), ("b", Some("a")), ("c", Some("a"))], "a .b .c"),
            (vec![("a", None), ("x", None), ("b", Some("a")), ("y", Some("x"))], "a .b x .y"),
            // The cause is not in the chain.
            (vec![("a", Some("?")), ("b", Some("a"))], "a .b"),
            // The effect was committed first.
            (vec![("b", Some("a")), ("a", None)], "a .b"),
            // Circles, alone and with a tail on either side.
            (vec![("a", Some("a"))], "a"),
            (vec![("b", Some("a")), ("a", Some("b"))], "b .a"),
            (
                vec![("t", Some("c")), ("a", Some("c")), ("b", Some("a")), ("c", Some("b"))],
                "a .b ..c ...t",
            ),
            (vec![("r", None), ("a", Some("b")), ("b", Some("a")), ("s", Some("r"))], "r .s a .b"),
            // One id twice: both are shown, the first one is the cause.
            (vec![("a", None), ("a", None), ("b", Some("a"))], "a .b a"),
        ] {
            assert_eq!(
                drawn(&CausationNode::forest(log(messages.clone()))),
                expected,
                "{messages:?}"
            );
        }
    }

    #[test]
    fn a_chain_of_any_depth_needs_no_stack() {
        let ids: Vec<String> = (0..100_000).map(|number| number.to_string()).collect();
        let causes = std::iter::once(None).chain(ids.iter().map(|id| Some(id.as_str())));
        let messages = log(ids.iter().map(String::as_str).zip(causes));
        let small = std::thread::Builder::new().stack_size(64 * 1024);
        let walked = small.spawn(move || {
            // One to be dropped as it is, one to be taken apart.
            drop(CausationNode::forest(messages.clone()));
            let forest = CausationNode::forest(messages);
            let deepest = forest[0].walk().map(|(depth, _)| depth).max();
            (deepest, CausationNode::take(forest, "99999").is_some())
        });
        assert_eq!(walked.unwrap().join().unwrap(), (Some(99_999), true));
    }

    proptest! {
        #[test]
        fn each_message_appears_once_and_below_its_cause(
            causes in vec((0..30_usize, option::of(0..40_usize)), 0..40)
        ) {
            let named: Vec<_> = causes.iter().map(|(id, cause)| {
                (id.to_string(), cause.map(|cause| cause.to_string()))
            }).collect();
            let messages = log(named.iter().map(|(id, cause)| (id.as_str(), cause.as_deref())));
            let forest = CausationNode::forest(messages.clone());
            let mut seen = BTreeMap::new();
            for (_, node) in forest.iter().flat_map(CausationNode::walk) {
                *seen.entry(node.recorded.position).or_insert(0) += 1;
                for effect in &node.caused {
                    let cause = effect.recorded.message.causation_id.as_ref();
                    prop_assert_eq!(cause, Some(&node.recorded.message.id));
                }
                prop_assert!(node.caused.is_sorted_by_key(|effect| effect.recorded.position));
            }
            let all: BTreeMap<_, _> = messages.iter().map(|one| (one.position, 1)).collect();
            prop_assert_eq!(seen, all);
        }
    }
}
