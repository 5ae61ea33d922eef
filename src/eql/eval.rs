//! The compiled form of a condition, and whether an event satisfies it.

use crate::event::{Document, FieldId};

use super::script::Script;
use super::test::Test;

/// A condition. Every leaf is true or false: whatever is missing makes it false.
#[derive(Debug)]
pub(crate) enum Cond {
    Constant(bool),
    All(Box<[Cond]>),
    Any(Box<[Cond]>),
    Not(Box<Cond>),
    /// Some value of the field satisfies the test.
    Field(FieldId, Test),
    Script(Box<Script>),
}

impl Cond {
    /// Whether `document` satisfies it. Nothing is allocated unless a function makes text.
    pub(crate) fn holds<D: Document + ?Sized>(&self, document: &D) -> bool {
        match self {
            Cond::Constant(truth) => *truth,
            Cond::All(conditions) => conditions.iter().all(|condition| condition.holds(document)),
            Cond::Any(conditions) => conditions.iter().any(|condition| condition.holds(document)),
            Cond::Not(condition) => !condition.holds(document),
            Cond::Field(field, test) => {
                document.values(*field).as_slice().iter().any(|value| test.holds(value))
            }
            Cond::Script(script) => script.holds(document),
        }
    }

    pub(crate) fn not(self) -> Self {
        match self {
            Cond::Constant(truth) => Cond::Constant(!truth),
            Cond::Not(inner) => *inner,
            other => Cond::Not(Box::new(other)),
        }
    }

    /// All of `conditions`, the cheap ones first; their order makes no difference but in time.
    pub(crate) fn all(conditions: impl IntoIterator<Item = Cond>) -> Self {
        Self::chain(conditions, false)
    }

    /// Any of `conditions`.
    pub(crate) fn any(conditions: impl IntoIterator<Item = Cond>) -> Self {
        Self::chain(conditions, true)
    }

    fn chain(conditions: impl IntoIterator<Item = Cond>, decides: bool) -> Self {
        let mut flat = Vec::new();
        for condition in conditions {
            match condition {
                Cond::Constant(truth) if truth == decides => return Cond::Constant(decides),
                Cond::Constant(_) => {}
                Cond::All(inner) if !decides => flat.extend(inner),
                Cond::Any(inner) if decides => flat.extend(inner),
                other => flat.push(other),
            }
        }
        flat.sort_by_key(Cond::cost);
        match flat.len() {
            0 => Cond::Constant(!decides),
            1 => flat.remove(0),
            _ if decides => Cond::Any(flat.into()),
            _ => Cond::All(flat.into()),
        }
    }

    fn cost(&self) -> u32 {
        match self {
            Cond::Constant(_) => 0,
            Cond::All(conditions) | Cond::Any(conditions) => conditions.iter().map(Cond::cost).sum(),
            Cond::Not(condition) => condition.cost(),
            Cond::Field(_, test) => test.cost(),
            Cond::Script(_) => 50,
        }
    }
}
