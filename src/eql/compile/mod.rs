//! A checked syntax tree to conditions over field ids, with what they need of an event.

mod items;
mod literals;
mod terms;

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::event::{FieldId, FieldType, Schema};

use super::ast::{Call, Comparison, EventFilter, Expr, ExprKind, Literal, Match, Membership};
use super::eval::Cond;
use super::fault::{Fault, What};
use super::fold::{constant, is_condition, names_a_field};
use super::functions::{lookup, network};
use super::pattern::Pattern;
use super::regex::{Dialect, Regex};
use super::requirement::Needs;
use super::script::{Script, Term};
use super::test::{Test, networks};
use super::value::Val;

use literals::{equal_text, of_patterns, text_list};
use terms::Slots;

/// Conditions under construction.
pub(crate) struct Compiler<'a> {
    schema: &'a dyn Schema,
    category: &'a str,
    /// Every field that is asked for.
    pub(crate) fields: BTreeSet<FieldId>,
    /// What cannot be used, found only now.
    pub(crate) faults: Vec<Fault>,
    /// What can be used and hardly means what it says.
    pub(crate) warnings: Vec<Fault>,
}

/// A condition and what it needs.
pub(crate) struct Lowered {
    pub(crate) cond: Cond,
    pub(crate) needs: Needs,
}

impl Lowered {
    fn constant(truth: bool) -> Self {
        Lowered { cond: Cond::Constant(truth), needs: if truth { Needs::NOTHING } else { Needs::Never } }
    }

    fn open(cond: Cond) -> Self {
        Lowered { cond, needs: Needs::NOTHING }
    }

    fn not(self) -> Self {
        match self.cond.not() {
            Cond::Constant(truth) => Lowered::constant(truth),
            cond => Lowered::open(cond),
        }
    }

    fn all(parts: Vec<Lowered>) -> Self {
        let mut needs = Needs::NOTHING;
        let mut conds = Vec::with_capacity(parts.len());
        for part in parts {
            needs = needs.and(part.needs);
            conds.push(part.cond);
        }
        Lowered { cond: Cond::all(conds), needs }
    }

    fn any(parts: Vec<Lowered>) -> Self {
        let mut needs = Needs::Never;
        let mut conds = Vec::with_capacity(parts.len());
        for part in parts {
            needs = needs.or(part.needs);
            conds.push(part.cond);
        }
        Lowered { cond: Cond::any(conds), needs }
    }
}

impl<'a> Compiler<'a> {
    pub(crate) fn new(schema: &'a dyn Schema, category: &'a str) -> Self {
        let (fields, faults, warnings) = Default::default();
        Compiler { schema, category, fields, faults, warnings }
    }

    /// The category and the condition.
    pub(crate) fn filter(&mut self, filter: &EventFilter) -> Lowered {
        self.check_patterns(&filter.condition);
        let condition = self.condition(&filter.condition);
        let Some(name) = &filter.category.name else { return condition };
        let Some((field, _)) = self.schema.resolve(self.category) else { return Lowered::constant(false) };
        self.fields.insert(field);
        let (test, literals) = equal_text(name.as_bytes());
        let category = Lowered { cond: Cond::field(field, test), needs: Needs::one(field, literals) };
        Lowered::all(vec![category, condition])
    }

    /// A condition: `and`, `or` and `not` over leaves that are true or false.
    pub(crate) fn condition(&mut self, expr: &Expr) -> Lowered {
        if !names_a_field(expr) {
            return Lowered::constant(constant(expr) == Some(Val::Bool(true)));
        }
        match &expr.kind {
            ExprKind::And(operands) => Lowered::all(operands.iter().map(|e| self.condition(e)).collect()),
            ExprKind::Or(operands) => Lowered::any(operands.iter().map(|e| self.condition(e)).collect()),
            ExprKind::Not(inner) => self.condition(inner).not(),
            ExprKind::Compare(operator, left, right) => self.comparison(*operator, left, right),
            ExprKind::In(membership) => {
                let found = self.membership(membership);
                if membership.negated { found.not() } else { found }
            }
            ExprKind::Match(matching) => self.matching(matching, expr),
            ExprKind::Call(call) => self.call(call, expr),
            ExprKind::Field(_) => match self.field(expr) {
                Some((field, _)) => Lowered::open(Cond::field(field, Test::Bool(true))),
                None => Lowered::constant(false),
            },
            _ => self.script(expr),
        }
    }

    /// The field that `expr` is, if it is nothing else and the field is known.
    fn field(&mut self, expr: &Expr) -> Option<(FieldId, FieldType)> {
        let ExprKind::Field(name) = &expr.kind else { return None };
        let found = self.schema.resolve(&name.path)?;
        self.fields.insert(found.0);
        Some(found)
    }

    /// Whether `expr` is an optional field that is unknown: always missing.
    fn absent(&self, expr: &Expr) -> bool {
        matches!(&expr.kind, ExprKind::Field(name) if self.schema.resolve(&name.path).is_none())
    }

    /// A whole expression as one leaf.
    fn script(&mut self, expr: &Expr) -> Lowered {
        let mut slots = Slots::default();
        let term = self.term(expr, &mut slots);
        Self::scripted(term, slots)
    }

    fn scripted(term: Term, slots: Slots) -> Lowered {
        if slots.fields.is_empty() {
            return Lowered::constant(term.truth(&[]) == Some(true));
        }
        Lowered::open(Cond::Script(Arc::new(Script::new(term, slots.fields.into()))))
    }

    fn comparison(&mut self, operator: Comparison, left: &Expr, right: &Expr) -> Lowered {
        if operator == Comparison::NotEqual {
            return self.comparison(Comparison::Equal, left, right).not();
        }
        if operator == Comparison::Equal {
            if let Some(equal) = self.special_equality(left, right) {
                return equal;
            }
            if let Some(equal) = self.special_equality(right, left) {
                return equal;
            }
        } else if self.absent(left) || self.absent(right) {
            // What the other side is does not matter any more; that it can be used does.
            self.script(left);
            self.script(right);
            return Lowered::constant(false);
        }
        if let Some(compared) = self.field_with_constant(operator, left, right) {
            return compared;
        }
        if let Some(compared) = self.field_with_constant(operator.flipped(), right, left) {
            return compared;
        }
        let mut slots = Slots::default();
        let term = self.compare_terms(operator, left, right, &mut slots);
        Self::scripted(term, slots)
    }

    /// `==` with null, which asks for existence, and of a condition with true or false.
    fn special_equality(&mut self, side: &Expr, other: &Expr) -> Option<Lowered> {
        let known = constant(side);
        if self.absent(side) || known == Some(Val::Null) {
            return Some(self.missing(other));
        }
        match known {
            Some(Val::Bool(wanted)) if is_condition(other) => {
                let condition = self.condition(other);
                Some(if wanted { condition } else { condition.not() })
            }
            _ => None,
        }
    }

    /// `expr == null`
    fn missing(&mut self, expr: &Expr) -> Lowered {
        if self.absent(expr) {
            return Lowered::constant(true);
        }
        if let Some(value) = constant(expr) {
            return Lowered::constant(value == Val::Null);
        }
        if let Some((field, _)) = self.field(expr) {
            return Lowered::open(Cond::field(field, Test::Exists).not());
        }
        let mut slots = Slots::default();
        let term = Term::IsNull(Box::new(self.term(expr, &mut slots)));
        Self::scripted(term, slots)
    }

    fn field_with_constant(&mut self, operator: Comparison, left: &Expr, right: &Expr) -> Option<Lowered> {
        let value = constant(right)?;
        let (field, field_type) = self.field(left)?;
        if value == Val::Null {
            // `== null` does not come here; nothing is less or greater than null.
            return Some(Lowered::constant(false));
        }
        let (test, literals) = self.test(operator, field_type, &value, right.span, false);
        let needs = match literals {
            Some(literals) => Needs::one(field, literals),
            None => Needs::NOTHING,
        };
        Some(Lowered { cond: Cond::field(field, test), needs })
    }

    fn membership(&mut self, membership: &Membership) -> Lowered {
        if self.absent(&membership.value) {
            return Lowered::constant(false);
        }
        let Some((field, field_type)) = self.field(&membership.value) else {
            let mut slots = Slots::default();
            let term = self.membership_term(membership, &mut slots);
            return Self::scripted(term, slots);
        };
        let (test, literals) = self.list_test(field_type, membership);
        let needs = literals.map_or(Needs::NOTHING, |literals| Needs::one(field, literals));
        Lowered { cond: Cond::field(field, test), needs }
    }

    fn matching(&mut self, matching: &Match, whole: &Expr) -> Lowered {
        if self.absent(&matching.value) {
            return Lowered::constant(false);
        }
        let Some((field, _)) = self.field(&matching.value) else { return self.script(whole) };
        let (test, literals) = self.pattern_test(matching, Dialect::Lucene);
        let needs = literals.map_or(Needs::NOTHING, |literals| Needs::one(field, literals));
        Lowered { cond: Cond::field(field, test), needs }
    }

    /// The test of `:`, `like`, `regex` and their sisters.
    fn pattern_test(
        &mut self,
        matching: &Match,
        dialect: Dialect,
    ) -> (Test, Option<Vec<super::requirement::Literal>>) {
        let texts: Vec<(&str, &Expr)> = matching
            .patterns
            .iter()
            .filter_map(|pattern| match &pattern.kind {
                ExprKind::Literal(Literal::Text(text)) => Some((text.as_str(), pattern)),
                _ => None,
            })
            .collect();
        let insensitive = matching.operator.insensitive();
        if matching.operator.regex() {
            let patterns: Vec<&str> = texts.iter().map(|(text, _)| *text).collect();
            return match Regex::new(&patterns, dialect, insensitive) {
                Ok(regex) => (Test::Regex(Box::new(regex)), None),
                Err((index, why)) => {
                    let span = texts.get(index).map_or(matching.value.span, |(_, pattern)| pattern.span);
                    self.faults.push(Fault::new(span, What::Regex { why }));
                    (Test::Never, None)
                }
            };
        }
        of_patterns(texts.iter().map(|(text, _)| Pattern::wildcard(text.as_bytes())).collect(), insensitive)
    }

    /// Regular expressions in the parts of a query that are worked out already, wherever they stand: no condition
    /// and no term is made of those.
    fn check_patterns(&mut self, expr: &Expr) {
        if let ExprKind::Match(matching) = &expr.kind
            && matching.operator.regex()
            && (!names_a_field(&matching.value) || self.absent(&matching.value))
        {
            self.pattern_test(matching, Dialect::Java);
        }
        // Most are the literals of lists.
        for part in expr.parts().filter(|part| !matches!(part.kind, ExprKind::Literal(_))) {
            self.check_patterns(part);
        }
    }

    /// A function that is true or false: some are tests of a field with constants.
    fn call(&mut self, call: &Call, whole: &Expr) -> Lowered {
        let tested = match call.arguments.as_slice() {
            [first, rest @ ..] if !rest.is_empty() && !self.absent(first) => {
                let rest: Option<Vec<Val<'_>>> = rest.iter().map(constant).collect();
                rest.and_then(|rest| Some((self.field(first)?.0, rest)))
            }
            _ => None,
        };
        let Some((field, constants)) = tested else { return self.script(whole) };
        if let Some((test, literals)) = call_test(call, &constants) {
            let needs = literals.map_or(Needs::NOTHING, |literals| Needs::one(field, literals));
            return Lowered { cond: Cond::field(field, test), needs };
        }
        self.script(whole)
    }
}

/// The test that a call with a field and constants comes down to, if it does.
fn call_test(call: &Call, constants: &[Val<'_>]) -> Option<(Test, Option<Vec<super::requirement::Literal>>)> {
    let function = lookup(&call.name)?;
    if constants.contains(&Val::Null) {
        return Some((Test::Never, None));
    }
    let texts = text_list(constants)?;
    let pattern = match (function.name, texts.as_slice()) {
        ("cidrMatch", texts) => {
            let parsed = texts.iter().filter_map(|text| network(text)).flatten().collect();
            return Some((Test::Networks(networks(parsed)), None));
        }
        ("startsWith", [text]) if text.is_empty() => return Some((Test::Exists, None)),
        ("endsWith", [text]) if text.is_empty() => return Some((Test::Exists, None)),
        ("stringContains", [text]) if text.is_empty() => return Some((Test::Never, None)),
        ("startsWith", [text]) => Pattern::Prefix(text.clone()),
        ("endsWith", [text]) => Pattern::Suffix(text.clone()),
        ("stringContains", [text]) => Pattern::Contains(text.clone()),
        _ => return None,
    };
    Some(of_patterns(vec![pattern], call.insensitive))
}
