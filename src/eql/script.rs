//! Expressions: what a condition asks beyond comparing one field with constants.
//!
//! Inside an expression there are three truth values. Where it has fields of many values, every
//! combination of their values is tried until one makes it true.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::event::{Document, FieldId, Value, Values};

use super::ast::{Arithmetic, Comparison};
use super::functions::Function;
use super::test::Test;
use super::text::Case;
use super::value::{Val, arithmetic, compare, negate};
use super::version;

/// How many combinations of values are tried; an argument list of thousands of words combined with
/// another must not stop the reader of events.
pub(crate) const MAX_COMBINATIONS: usize = 1 << 16;

/// An expression and the fields that it asks for.
#[derive(Debug)]
pub(crate) struct Script {
    pub(crate) term: Term,
    /// In the order of the slots that the term names.
    pub(crate) fields: Box<[FieldId]>,
    /// How often it was false for a document that has more combinations of values than are tried.
    cut: AtomicU64,
}

/// An expression, its fields numbered.
#[derive(Debug)]
pub(crate) enum Term {
    Constant(Val<'static>),
    /// The value of the field in this slot.
    Field(usize),
    Negate(Box<Term>),
    Arithmetic(Arithmetic, Box<Term>, Box<Term>),
    Compare(Comparison, Box<Term>, Box<Term>),
    CompareVersions(Comparison, Box<Term>, Box<Term>),
    /// A test that constants were built into.
    Test(Box<Term>, Test),
    IsNull(Box<Term>),
    Not(Box<Term>),
    And(Box<[Term]>),
    Or(Box<[Term]>),
    Call(&'static Function, Case, Box<[Term]>),
}

impl Script {
    pub(crate) fn new(term: Term, fields: Box<[FieldId]>) -> Self {
        Script { term, fields, cut: AtomicU64::new(0) }
    }

    /// How often it was false only as far as combinations were tried.
    pub(crate) fn cut(&self) -> u64 {
        self.cut.load(Ordering::Relaxed)
    }

    fn given_up(&self) -> bool {
        self.cut.fetch_add(1, Ordering::Relaxed);
        false
    }

    /// Whether some combination of the fields' values makes it true.
    pub(crate) fn holds<D: Document + ?Sized>(&self, document: &D) -> bool {
        match self.fields[..] {
            [] => self.term.truth(&[]) == Some(true),
            [field] => match document.values(field) {
                Values::None => self.term.truth(&[None]) == Some(true),
                Values::One(value) => self.term.truth(&[Some(value)]) == Some(true),
                Values::Many(values) => {
                    let mut tried = values.iter().take(MAX_COMBINATIONS);
                    tried.any(|value| self.term.truth(&[Some(*value)]) == Some(true))
                        || values.len() > MAX_COMBINATIONS && self.given_up()
                }
            },
            _ => self.holds_for_combinations(document),
        }
    }

    fn holds_for_combinations<D: Document + ?Sized>(&self, document: &D) -> bool {
        let values: Vec<Values<'_>> = self.fields.iter().map(|field| document.values(*field)).collect();
        let mut at = vec![0_usize; values.len()];
        let mut slots: Vec<Option<Value<'_>>> = vec![None; values.len()];
        for _ in 0..MAX_COMBINATIONS {
            for ((slot, values), index) in slots.iter_mut().zip(&values).zip(&at) {
                *slot = values.as_slice().get(*index).copied();
            }
            if self.term.truth(&slots) == Some(true) {
                return true;
            }
            // Counts up, the first digit fastest.
            let mut digit = 0;
            loop {
                let Some(index) = at.get_mut(digit) else { return false };
                *index += 1;
                if *index < values[digit].as_slice().len() {
                    break;
                }
                *index = 0;
                digit += 1;
            }
        }
        self.given_up()
    }
}

impl Term {
    /// What it comes to as a condition.
    pub(crate) fn truth(&self, slots: &[Option<Value<'_>>]) -> Option<bool> {
        match self.eval(slots) {
            Val::Bool(truth) => Some(truth),
            _ => None,
        }
    }

    /// What it comes to.
    pub(crate) fn eval<'a>(&'a self, slots: &[Option<Value<'a>>]) -> Val<'a> {
        match self {
            Term::Constant(value) => value.borrowed(),
            Term::Field(slot) => slots.get(*slot).copied().flatten().map_or(Val::Null, Val::from),
            Term::Negate(inner) => negate(&inner.eval(slots)),
            Term::Arithmetic(operator, left, right) => {
                arithmetic(*operator, &left.eval(slots), &right.eval(slots))
            }
            Term::Compare(operator, left, right) => {
                truth_value(compare(*operator, &left.eval(slots), &right.eval(slots)))
            }
            Term::CompareVersions(operator, left, right) => match (left.eval(slots), right.eval(slots)) {
                (Val::Text(left), Val::Text(right)) => {
                    Val::Bool(super::value::holds(*operator, version::compare(&left, &right)))
                }
                _ => Val::Null,
            },
            Term::Test(inner, test) => truth_value(test.holds_val(&inner.eval(slots))),
            Term::IsNull(inner) => Val::Bool(inner.eval(slots) == Val::Null),
            Term::Not(inner) => truth_value(inner.truth(slots).map(|truth| !truth)),
            Term::And(terms) => truth_value(all(terms.iter().map(|term| term.truth(slots)), false)),
            Term::Or(terms) => truth_value(all(terms.iter().map(|term| term.truth(slots)), true)),
            Term::Call(function, case, arguments) => call(function, *case, arguments, slots),
        }
    }
}

/// The chain of three-valued operands in which `decides` decides: false for `and`, true for `or`.
fn all(operands: impl Iterator<Item = Option<bool>>, decides: bool) -> Option<bool> {
    let mut result = Some(!decides);
    for operand in operands {
        match operand {
            Some(truth) if truth == decides => return Some(decides),
            Some(_) => {}
            None => result = None,
        }
    }
    result
}

fn truth_value(truth: Option<bool>) -> Val<'static> {
    truth.map_or(Val::Null, Val::Bool)
}

fn call<'a>(
    function: &'static Function,
    case: Case,
    arguments: &'a [Term],
    slots: &[Option<Value<'a>>],
) -> Val<'a> {
    // Few arguments need no heap.
    let mut few = [const { Val::Null }; 4];
    if let Some(few) = few.get_mut(..arguments.len()) {
        for (value, argument) in few.iter_mut().zip(arguments) {
            *value = argument.eval(slots);
        }
        return function.apply(few, case);
    }
    let values: Vec<Val<'a>> = arguments.iter().map(|argument| argument.eval(slots)).collect();
    function.apply(&values, case)
}
