//! Random regular expressions of Lucene's dialect against a matcher that tries everything.

use proptest::prelude::*;

use super::super::regex::{Dialect, Regex};

/// An expression, as it is meant.
#[derive(Clone, Debug)]
enum Node {
    Text(&'static str),
    AnyChar,
    AnyText,
    Nothing,
    Empty,
    Class(bool, &'static str),
    Numbers(u32, u32),
    Concat(Vec<Node>),
    Union(Vec<Node>),
    Both(Box<Node>, Box<Node>),
    Not(Box<Node>),
    Repeat(Box<Node>, usize, Option<usize>),
}

impl Node {
    /// In Lucene's syntax.
    fn written(&self) -> String {
        let join = |nodes: &[Node], by: &str| nodes.iter().map(Node::written).collect::<Vec<_>>().join(by);
        match self {
            Node::Text(text) => {
                text.chars().map(|c| if "^$".contains(c) { c.to_string() } else { escaped(c) }).collect()
            }
            Node::AnyChar => ".".to_owned(),
            Node::AnyText => "@".to_owned(),
            Node::Nothing => "#".to_owned(),
            Node::Empty => "()".to_owned(),
            Node::Class(negated, chars) => format!("[{}{chars}]", if *negated { "^" } else { "" }),
            Node::Numbers(low, high) => format!("<{low}-{high}>"),
            Node::Concat(nodes) => format!("({})", join(nodes, "")),
            Node::Union(nodes) => format!("({})", join(nodes, "|")),
            Node::Both(left, right) => format!("({}&{})", left.written(), right.written()),
            Node::Not(node) => format!("~({})", node.written()),
            Node::Repeat(node, 0, None) => format!("({})*", node.written()),
            Node::Repeat(node, 1, None) => format!("({})+", node.written()),
            Node::Repeat(node, 0, Some(1)) => format!("({})?", node.written()),
            Node::Repeat(node, least, None) => format!("({}){{{least},}}", node.written()),
            Node::Repeat(node, least, Some(most)) => format!("({}){{{least},{most}}}", node.written()),
        }
    }

    /// Whether it takes the whole of `text`, by trying every way to cut it.
    fn takes(&self, text: &[char]) -> bool {
        match self {
            Node::Text(wanted) => wanted.chars().eq(text.iter().copied()),
            Node::AnyChar => text.len() == 1,
            Node::AnyText => true,
            Node::Nothing => false,
            Node::Empty => text.is_empty(),
            Node::Class(negated, chars) => text.len() == 1 && chars.contains(text[0]) != *negated,
            Node::Numbers(low, high) => {
                let digits: String = text.iter().collect();
                let bounds = [low.to_string().len(), high.to_string().len()];
                let width = bounds[0] != bounds[1] || digits.len() == bounds[0];
                let all = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
                all && width && digits.parse().is_ok_and(|number: u32| (low..=high).contains(&&number))
            }
            Node::Concat(nodes) => match nodes.split_first() {
                None => text.is_empty(),
                Some((first, rest)) => {
                    let rest = Node::Concat(rest.to_vec());
                    (0..=text.len()).any(|at| first.takes(&text[..at]) && rest.takes(&text[at..]))
                }
            },
            Node::Union(nodes) => nodes.iter().any(|node| node.takes(text)),
            Node::Both(left, right) => left.takes(text) && right.takes(text),
            Node::Not(node) => !node.takes(text),
            Node::Repeat(node, least, most) => repeated(node, *least, *most, text),
        }
    }
}

fn escaped(c: char) -> String {
    if c.is_ascii_alphanumeric() { c.to_string() } else { format!("\\{c}") }
}

fn repeated(node: &Node, least: usize, most: Option<usize>, text: &[char]) -> bool {
    if most == Some(0) {
        return text.is_empty();
    }
    if least == 0 && text.is_empty() {
        return true;
    }
    // A turn that takes nothing is of use only where turns are still owed.
    let start = usize::from(least == 0);
    (start..=text.len()).any(|at| {
        node.takes(&text[..at])
            && repeated(node, least.saturating_sub(1), most.map(|most| most - 1), &text[at..])
    })
}

fn node() -> impl Strategy<Value = Node> {
    let leaf = prop_oneof![
        8 => prop::sample::select(&["a", "b", "ab", "1", "^", "a$", "é", ".", "\"", "<"][..]).prop_map(Node::Text),
        2 => Just(Node::AnyChar),
        1 => Just(Node::AnyText),
        1 => Just(Node::Nothing),
        1 => Just(Node::Empty),
        2 => (any::<bool>(), prop::sample::select(&["ab", "b1", "é^"][..])).prop_map(|(n, c)| Node::Class(n, c)),
        1 => (0..15_u32, 0..120_u32).prop_map(|(low, more)| Node::Numbers(low, low + more)),
    ];
    leaf.prop_recursive(4, 12, 3, |inner| {
        let list = || prop::collection::vec(inner.clone(), 1..4);
        prop_oneof![
            3 => list().prop_map(Node::Concat),
            2 => list().prop_map(Node::Union),
            1 => (inner.clone(), inner.clone()).prop_map(|(l, r)| Node::Both(Box::new(l), Box::new(r))),
            1 => inner.clone().prop_map(|node| Node::Not(Box::new(node))),
            2 => (inner.clone(), 0..3_usize, prop::option::of(0..3_usize)).prop_map(|(node, least, more)| {
                Node::Repeat(Box::new(node), least, more.map(|more| least + more))
            }),
        ]
    })
}

fn text() -> impl Strategy<Value = String> {
    let letters =
        prop::sample::select(&['a', 'b', 'a', 'b', '1', '0', '^', '$', 'é', '.', '\n', '"', '<'][..]);
    prop::collection::vec(letters, 0..6).prop_map(|chars| chars.into_iter().collect())
}

proptest! {
    #[test]
    fn expressions_take_what_they_mean(nodes in prop::collection::vec(node(), 1..3), texts in prop::collection::vec(text(), 8)) {
        let written: Vec<String> = nodes.iter().map(Node::written).collect();
        let patterns: Vec<&str> = written.iter().map(String::as_str).collect();
        let regex = match Regex::new(&patterns, Dialect::Lucene, false) {
            Ok(regex) => regex,
            Err((at, why)) => return Err(TestCaseError::fail(format!("{}: {why}", written[at]))),
        };
        for text in &texts {
            let chars: Vec<char> = text.chars().collect();
            let expected = nodes.iter().any(|node| node.takes(&chars));
            prop_assert_eq!(regex.is_match(text.as_bytes()), expected, "{:?} on {:?}", written, text);
        }
    }
}
