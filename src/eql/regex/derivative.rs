//! A deterministic automaton for expressions with complement and intersection, made of derivatives.
//!
//! The derivative of an expression by a character takes what the expression takes behind that
//! character (Brzozowski 1964; Owens, Reppy, Turon 2009). The expressions that derivatives lead to are
//! the states; characters that no class tells apart are one column. Built whole when the rule is
//! compiled, and given up beyond a limit, as Lucene does; matching is one look-up a character.

use std::collections::HashMap;

use super::lucene::Node;

/// The most cells of the table.
const MAX_CELLS: usize = 1 << 18;
/// The most parts of one state's expression.
const MAX_PARTS: usize = 2_000;
/// The most parts of all derivatives together: bounds the time that building takes.
const MAX_WORK: usize = 4_000_000;

#[derive(Debug)]
pub(super) struct Automaton {
    /// The first character of each column, in order; the first is NUL.
    columns: Box<[char]>,
    /// `table[state * columns + column]` is the next state.
    table: Box<[u32]>,
    accepting: Box<[bool]>,
    /// States from which only themselves are reached.
    final_: Box<[bool]>,
}

impl Automaton {
    pub(super) fn new(node: &Node) -> Result<Self, &'static str> {
        let mut columns = vec!['\0'];
        collect_columns(node, &mut columns);
        columns.sort_unstable();
        columns.dedup();
        let mut numbers = HashMap::from([(node.clone(), 0_u32)]);
        let mut states = vec![node.clone()];
        let mut table = Vec::new();
        let (mut done, mut work) = (0, 0);
        while done < states.len() {
            let state = states[done].clone();
            done += 1;
            for column in &columns {
                let next = derivative(&state, *column);
                let size = parts(&next);
                work += size;
                let fresh = states.len() as u32;
                let number = *numbers.entry(next.clone()).or_insert(fresh);
                if number == fresh {
                    if size > MAX_PARTS || work > MAX_WORK {
                        return Err("it is too complex");
                    }
                    states.push(next);
                }
                table.push(number);
            }
            if table.len() + (states.len() - done) * columns.len() > MAX_CELLS {
                return Err("it is too complex");
            }
        }
        let accepting = states.iter().map(takes_empty).collect();
        let row = |state: usize| &table[state * columns.len()..(state + 1) * columns.len()];
        let final_ = (0..states.len()).map(|s| row(s).iter().all(|next| *next as usize == s)).collect();
        Ok(Automaton { columns: columns.into(), table: table.into(), accepting, final_ })
    }

    pub(super) fn is_match(&self, text: &str) -> bool {
        let mut state = 0;
        for c in text.chars() {
            if self.final_[state] {
                break;
            }
            let column = self.columns.partition_point(|first| *first <= c) - 1;
            state = self.table[state * self.columns.len() + column] as usize;
        }
        self.accepting[state]
    }
}

fn next_char(c: char) -> Option<char> {
    let code = u32::from(c) + 1;
    // The surrogates are no characters.
    char::from_u32(if code == 0xd800 { 0xe000 } else { code })
}

fn collect_columns(node: &Node, columns: &mut Vec<char>) {
    match node {
        Node::Never | Node::Empty => {}
        Node::Class(ranges) => {
            for (first, last) in ranges {
                columns.push(*first);
                columns.extend(next_char(*last));
            }
        }
        Node::Concat(parts) | Node::Union(parts) | Node::Intersect(parts) => {
            parts.iter().for_each(|part| collect_columns(part, columns));
        }
        Node::Not(inner) | Node::Repeat(inner, ..) => collect_columns(inner, columns),
    }
}

fn parts(node: &Node) -> usize {
    match node {
        Node::Never | Node::Empty | Node::Class(_) => 1,
        Node::Concat(inner) | Node::Union(inner) | Node::Intersect(inner) => {
            inner.iter().map(parts).sum::<usize>() + 1
        }
        Node::Not(inner) | Node::Repeat(inner, ..) => parts(inner) + 1,
    }
}

fn takes_empty(node: &Node) -> bool {
    match node {
        Node::Never | Node::Class(_) => false,
        Node::Empty => true,
        Node::Concat(parts) | Node::Intersect(parts) => parts.iter().all(takes_empty),
        Node::Union(parts) => parts.iter().any(takes_empty),
        Node::Not(inner) => !takes_empty(inner),
        Node::Repeat(inner, min, _) => *min == 0 || takes_empty(inner),
    }
}

fn derivative(node: &Node, c: char) -> Node {
    match node {
        Node::Never | Node::Empty => Node::Never,
        Node::Class(ranges) => {
            let inside = ranges.iter().any(|(first, last)| (*first..=*last).contains(&c));
            if inside { Node::Empty } else { Node::Never }
        }
        Node::Concat(parts) => {
            let mut ways = Vec::new();
            for (i, part) in parts.iter().enumerate() {
                let rest = parts[i + 1..].iter().cloned();
                ways.push(Node::concat(std::iter::once(derivative(part, c)).chain(rest)));
                if !takes_empty(part) {
                    break;
                }
            }
            Node::union(ways)
        }
        Node::Union(parts) => Node::union(parts.iter().map(|part| derivative(part, c))),
        Node::Intersect(parts) => Node::intersect(parts.iter().map(|part| derivative(part, c))),
        Node::Not(inner) => Node::not(derivative(inner, c)),
        Node::Repeat(inner, min, max) => {
            let rest = Node::repeat((**inner).clone(), min.saturating_sub(1), max.map(|max| max - 1));
            Node::concat([derivative(inner, c), rest])
        }
    }
}
