//! Expressions to [`Term`]s, their fields numbered.

use crate::event::{FieldId, FieldType};

use super::super::ast::{Comparison, Expr, ExprKind, Membership, Sign};
use super::super::fold::constant;
use super::super::functions::lookup;
use super::super::pattern::Pattern;
use super::super::regex::Dialect;
use super::super::script::Term;
use super::super::text::Case;
use super::super::value::Val;
use super::Compiler;
use super::literals::{number, numbers, of_patterns, text_list};

/// The fields of one expression; the same field is one value at a time, wherever it stands.
#[derive(Default)]
pub(super) struct Slots {
    pub(super) fields: Vec<FieldId>,
}

impl Slots {
    fn of(&mut self, field: FieldId) -> usize {
        self.fields.iter().position(|known| *known == field).unwrap_or_else(|| {
            self.fields.push(field);
            self.fields.len() - 1
        })
    }
}

impl Compiler<'_> {
    pub(super) fn term(&mut self, expr: &Expr, slots: &mut Slots) -> Term {
        if let Some(value) = constant(expr) {
            return Term::Constant(value.into_owned());
        }
        match &expr.kind {
            ExprKind::Field(_) => match self.field(expr) {
                Some((field, _)) => Term::Field(slots.of(field)),
                None => Term::Constant(Val::Null),
            },
            ExprKind::Unary(Sign::Plus, inner) => self.term(inner, slots),
            ExprKind::Unary(Sign::Minus, inner) => Term::Negate(Box::new(self.term(inner, slots))),
            ExprKind::Arithmetic(operator, left, right) => {
                let (left, right) = (self.term(left, slots), self.term(right, slots));
                Term::Arithmetic(*operator, Box::new(left), Box::new(right))
            }
            ExprKind::Compare(operator, left, right) => self.compare_terms(*operator, left, right, slots),
            ExprKind::In(membership) => {
                let found = self.membership_term(membership, slots);
                if membership.negated { Term::Not(Box::new(found)) } else { found }
            }
            ExprKind::Match(matching) => {
                let (test, _) = self.pattern_test(matching, Dialect::Java);
                Term::Test(Box::new(self.term(&matching.value, slots)), test)
            }
            ExprKind::Not(inner) => Term::Not(Box::new(self.term(inner, slots))),
            ExprKind::And(operands) => Term::And(operands.iter().map(|e| self.term(e, slots)).collect()),
            ExprKind::Or(operands) => Term::Or(operands.iter().map(|e| self.term(e, slots)).collect()),
            ExprKind::Call(call) => match lookup(&call.name) {
                Some(function) => {
                    let case = if call.insensitive { Case::Ignored } else { Case::Sensitive };
                    let arguments = call.arguments.iter().map(|e| self.term(e, slots)).collect();
                    Term::Call(function, case, arguments)
                }
                None => Term::Constant(Val::Null),
            },
            ExprKind::Literal(_) | ExprKind::Unreadable => Term::Constant(Val::Null),
        }
    }

    pub(super) fn compare_terms(
        &mut self,
        operator: Comparison,
        left: &Expr,
        right: &Expr,
        slots: &mut Slots,
    ) -> Term {
        if operator == Comparison::NotEqual {
            return Term::Not(Box::new(self.compare_terms(Comparison::Equal, left, right, slots)));
        }
        for (side, other) in [(left, right), (right, left)] {
            let null = constant(side) == Some(Val::Null) || self.absent(side);
            if null && operator == Comparison::Equal {
                return Term::IsNull(Box::new(self.term(other, slots)));
            }
        }
        // A field that is no text and no number reads the constant by its type.
        for (field, other, operator) in [(left, right, operator), (right, left, operator.flipped())] {
            let ExprKind::Field(name) = &field.kind else { continue };
            let (Some(value), Some(field_type)) = (constant(other), self.type_of(&name.path)) else {
                continue;
            };
            if value != Val::Null {
                let (test, _) = self.test(operator, field_type, &value, other.span, true);
                return Term::Test(Box::new(self.term(field, slots)), test);
            }
        }
        let versions = [left, right].iter().any(|side| match &side.kind {
            ExprKind::Field(name) => self.type_of(&name.path) == Some(FieldType::Version),
            _ => false,
        });
        let (left, right) = (Box::new(self.term(left, slots)), Box::new(self.term(right, slots)));
        if versions {
            Term::CompareVersions(operator, left, right)
        } else {
            Term::Compare(operator, left, right)
        }
    }

    /// `value in (…)`, not negated.
    pub(super) fn membership_term(&mut self, membership: &Membership, slots: &mut Slots) -> Term {
        if let ExprKind::Field(name) = &membership.value.kind
            && let Some(field_type) = self.type_of(&name.path)
        {
            let (test, _) = self.list_test(field_type, membership);
            return Term::Test(Box::new(self.term(&membership.value, slots)), test);
        }
        let value = self.term(&membership.value, slots);
        let mut constants: Vec<Val<'_>> = membership.list.iter().filter_map(constant).collect();
        constants.retain(|constant| *constant != Val::Null);
        if let Some(texts) = text_list(&constants) {
            let patterns = texts.into_iter().map(Pattern::Exact).collect();
            return Term::Test(Box::new(value), of_patterns(patterns, membership.insensitive).0);
        }
        let all: Option<Vec<_>> = constants
            .iter()
            .map(|value| if matches!(value, Val::Text(_)) { None } else { number(value) })
            .collect();
        if let Some(all) = all {
            return Term::Test(Box::new(value), numbers(all));
        }
        // Truth values: few.
        let each = constants.into_iter().map(|constant| {
            let value = Box::new(self.term(&membership.value, slots));
            Term::Compare(Comparison::Equal, value, Box::new(Term::Constant(constant.into_owned())))
        });
        Term::Or(each.collect())
    }
}
