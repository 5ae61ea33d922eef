//! Conditions over numbered comparisons.

use std::sync::Arc;

use super::leaf::Leaves;
use crate::eql::Cond;
use crate::event::Document;

/// A condition of which something is not known yet. What is left of one shares with it whatever has not changed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Node {
    /// A comparison, by its number.
    Leaf(u32),
    Not(Arc<Node>),
    All(Arc<[Node]>),
    Any(Arc<[Node]>),
}

/// What is left of a condition.
#[derive(Debug)]
pub(super) enum Reduced {
    Known(bool),
    Open(Node),
}

/// The condition over leaves that are added to `leaves`; what is cheap stands first.
pub(super) fn of(condition: &Cond, leaves: &mut Leaves) -> Reduced {
    match condition {
        Cond::Constant(truth) => Reduced::Known(*truth),
        Cond::Field(field, test) => Reduced::Open(Node::Leaf(leaves.add(*field, test))),
        Cond::Script(script) => Reduced::Open(Node::Leaf(leaves.add_script(script))),
        Cond::Not(inner) => not(of(inner, leaves)),
        Cond::All(conditions) => {
            chain(conditions.iter().map(|c| of(c, leaves)).collect::<Vec<_>>(), false, leaves)
        }
        Cond::Any(conditions) => {
            chain(conditions.iter().map(|c| of(c, leaves)).collect::<Vec<_>>(), true, leaves)
        }
    }
}

fn chain(parts: Vec<Reduced>, decides: bool, leaves: &Leaves) -> Reduced {
    let mut open = Vec::with_capacity(parts.len());
    for part in parts {
        match part {
            Reduced::Known(truth) if truth == decides => return Reduced::Known(decides),
            Reduced::Known(_) => {}
            Reduced::Open(node) => open.push(node),
        }
    }
    open.sort_by_cached_key(|node| node.cost(leaves));
    joined(open, decides)
}

fn joined(mut open: Vec<Node>, decides: bool) -> Reduced {
    match open.len() {
        0 => Reduced::Known(!decides),
        1 => open.pop().map_or(Reduced::Known(!decides), Reduced::Open),
        _ if decides => Reduced::Open(Node::Any(open.into())),
        _ => Reduced::Open(Node::All(open.into())),
    }
}

fn not(inner: Reduced) -> Reduced {
    match inner {
        Reduced::Known(truth) => Reduced::Known(!truth),
        Reduced::Open(Node::Not(inner)) => Reduced::Open(Arc::unwrap_or_clone(inner)),
        Reduced::Open(node) => Reduced::Open(Node::Not(Arc::new(node))),
    }
}

impl Node {
    /// Whether `event` satisfies it.
    pub(super) fn holds<D: Document + ?Sized>(&self, event: &D, leaves: &mut Leaves) -> bool {
        match self {
            Self::Leaf(number) => leaves.holds(*number, event),
            Self::Not(inner) => !inner.holds(event, leaves),
            Self::All(nodes) => nodes.iter().all(|node| node.holds(event, leaves)),
            Self::Any(nodes) => nodes.iter().any(|node| node.holds(event, leaves)),
        }
    }

    /// What is left of it where `known` tells some comparisons; none where that is all of it.
    pub(super) fn reduce(&self, known: &mut dyn FnMut(u32) -> Option<bool>) -> Option<Reduced> {
        match self {
            Self::Leaf(number) => known(*number).map(Reduced::Known),
            Self::Not(inner) => inner.reduce(known).map(not),
            Self::All(nodes) => Self::reduce_all(nodes, false, known),
            Self::Any(nodes) => Self::reduce_all(nodes, true, known),
        }
    }

    fn reduce_all(
        nodes: &[Self],
        decides: bool,
        known: &mut dyn FnMut(u32) -> Option<bool>,
    ) -> Option<Reduced> {
        let mut open: Option<Vec<Self>> = None;
        for (at, node) in nodes.iter().enumerate() {
            let Some(reduced) = node.reduce(known) else {
                if let Some(open) = &mut open {
                    open.push(node.clone());
                }
                continue;
            };
            match reduced {
                Reduced::Known(truth) if truth == decides => return Some(Reduced::Known(decides)),
                reduced => {
                    let open = open.get_or_insert_with(|| nodes.get(..at).unwrap_or_default().to_vec());
                    if let Reduced::Open(node) = reduced {
                        open.push(node);
                    }
                }
            }
        }
        open.map(|open| joined(open, decides))
    }

    /// Calls `each` with the number of every comparison.
    pub(super) fn each_leaf(&self, each: &mut dyn FnMut(u32)) {
        match self {
            Self::Leaf(number) => each(*number),
            Self::Not(inner) => inner.each_leaf(each),
            Self::All(nodes) | Self::Any(nodes) => nodes.iter().for_each(|node| node.each_leaf(each)),
        }
    }

    /// How late it is to be asked: as late as its dearest part.
    fn cost(&self, leaves: &Leaves) -> u32 {
        let mut most = 0;
        self.each_leaf(&mut |number| most = most.max(leaves.cost(number)));
        most
    }
}
