//! The compiled form of a condition, and whether an event satisfies it.

use std::sync::Arc;

use crate::event::schema::field;
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
    Field(FieldId, Arc<Test>),
    Script(Arc<Script>),
}

/// Fields of live events by which the index finds rules, or that are the same for all: asked late.
const SETTLED: [FieldId; 4] =
    [field::EVENT_CATEGORY, field::EVENT_TYPE, field::EVENT_ACTION, field::HOST_OS_TYPE];

/// More than any other test on a field costs, and less than an expression.
const SETTLED_COST: u32 = 30;

/// Why a condition never comes true.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blocked {
    /// It says so itself.
    Constant,
    /// It asks for a value of this field, which has none.
    Field(FieldId),
}

impl Cond {
    /// Some value of `field` satisfies `test`.
    pub(crate) fn field(field: FieldId, test: Test) -> Self {
        Cond::Field(field, Arc::new(test))
    }

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

    /// How often a leaf was false only as far as combinations of values were tried.
    pub(crate) fn cut(&self) -> u64 {
        match self {
            Cond::All(conditions) | Cond::Any(conditions) => conditions.iter().map(Cond::cut).sum(),
            Cond::Not(condition) => condition.cut(),
            Cond::Script(script) => script.cut(),
            Cond::Constant(_) | Cond::Field(..) => 0,
        }
    }

    /// Why no event makes it `truth`, where the fields that `filled` refuses never have a value; none
    /// if some event may.
    pub(crate) fn blocked(&self, truth: bool, filled: &dyn Fn(FieldId) -> bool) -> Option<Blocked> {
        let first = |conditions: &[Cond]| conditions.iter().find_map(|c| c.blocked(truth, filled));
        let every = |conditions: &[Cond]| {
            let mut why = None;
            for condition in conditions {
                let this = condition.blocked(truth, filled)?;
                why = why.filter(|why| *why != Blocked::Constant).or(Some(this));
            }
            why
        };
        match self {
            Cond::Constant(constant) => (*constant != truth).then_some(Blocked::Constant),
            Cond::All(conditions) if truth => first(conditions),
            Cond::Any(conditions) if !truth => first(conditions),
            Cond::All(conditions) | Cond::Any(conditions) => every(conditions),
            Cond::Not(condition) => condition.blocked(!truth, filled),
            Cond::Field(field, _) => (truth && !filled(*field)).then_some(Blocked::Field(*field)),
            Cond::Script(_) => None,
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
            // Rules are found by these: of those that are asked, nearly all are right here.
            Cond::Field(field, test) if SETTLED.contains(field) => SETTLED_COST + test.cost(),
            Cond::Field(_, test) => test.cost(),
            Cond::Script(_) => 50,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocked_by_fields_that_never_have_a_value() {
        let field = |number| Cond::field(FieldId(number), Test::Exists);
        let blocked = |condition: Cond| condition.blocked(true, &|field| field.0 < 10);
        let by = |number| Some(Blocked::Field(FieldId(number)));
        assert_eq!(blocked(field(1)), None);
        assert_eq!(blocked(field(11)), by(11));
        assert_eq!(blocked(field(11).not()), None);
        assert_eq!(blocked(Cond::all([field(1), field(12)])), by(12));
        assert_eq!(blocked(Cond::any([field(1), field(12)])), None);
        assert_eq!(blocked(Cond::any([field(11), field(12)])), by(11));
        assert_eq!(blocked(Cond::all([field(1), Cond::all([field(11), field(2)]).not()])), None);
        assert_eq!(blocked(Cond::any([field(11), Cond::Not(Box::new(Cond::Constant(true)))])), by(11));
        assert_eq!(blocked(Cond::Constant(false)), Some(Blocked::Constant));
    }
}
