//! Expressions without fields, worked out when the query is compiled.

use std::borrow::Cow;

use super::ast::{Call, Comparison, Expr, ExprKind, Literal, Sign};
use super::functions::{Kind, lookup};
use super::pattern::{Pattern, PatternSet};
use super::regex::{Dialect, Regex};
use super::text::Case;
use super::value::{Val, arithmetic, compare, negate};

/// What is known of an expression before there is an event.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Folded {
    /// It has no fields in it and always comes to this.
    Constant(Val<'static>),
    /// It depends on the event.
    Open,
}

/// Works `expr` out if it names no field, not even an optional one.
pub(crate) fn fold(expr: &Expr) -> Folded {
    constant(expr).map_or(Folded::Open, |value| Folded::Constant(value.into_owned()))
}

/// The value of an expression without fields.
pub(crate) fn constant(expr: &Expr) -> Option<Val<'_>> {
    Some(match &expr.kind {
        ExprKind::Unreadable | ExprKind::Field(_) => return None,
        ExprKind::Literal(literal) => match literal {
            Literal::Null => Val::Null,
            Literal::Bool(truth) => Val::Bool(*truth),
            Literal::Long(number) => Val::Long(*number),
            Literal::Double(number) => Val::Double(*number),
            Literal::Text(text) => Val::Text(Cow::Borrowed(text.as_bytes())),
        },
        ExprKind::Unary(Sign::Plus, inner) => constant(inner)?,
        ExprKind::Unary(Sign::Minus, inner) => negate(&constant(inner)?),
        ExprKind::Arithmetic(operator, left, right) => {
            arithmetic(*operator, &constant(left)?, &constant(right)?)
        }
        ExprKind::Compare(operator, left, right) => {
            comparison(*operator, &constant(left)?, &constant(right)?)
        }
        ExprKind::Call(call) => function(call)?,
        ExprKind::Not(inner) => match constant(inner)? {
            Val::Bool(truth) => Val::Bool(!truth),
            _ => Val::Null,
        },
        ExprKind::And(operands) => chain(operands, false)?,
        ExprKind::Or(operands) => chain(operands, true)?,
        ExprKind::In(membership) => {
            let value = constant(&membership.value)?;
            let list: Vec<Val<'_>> = membership.list.iter().map(constant).collect::<Option<_>>()?;
            if value == Val::Null {
                return Some(Val::Null);
            }
            let found = list.iter().any(|element| match (element, &value) {
                (Val::Text(l), Val::Text(r)) if membership.insensitive => l.eq_ignore_ascii_case(r),
                _ => compare(Comparison::Equal, element, &value) == Some(true),
            });
            Val::Bool(found != membership.negated)
        }
        ExprKind::Match(matching) => {
            let value = constant(&matching.value)?;
            let Val::Text(value) = value else { return Some(Val::Null) };
            let insensitive = matching.operator.insensitive();
            let patterns = matching.patterns.iter().filter_map(|pattern| match &pattern.kind {
                ExprKind::Literal(Literal::Text(text)) => Some(text.as_str()),
                _ => None,
            });
            if matching.operator.regex() {
                let patterns: Vec<&str> = patterns.collect();
                // One that cannot be used is told where the query is compiled.
                let regex = Regex::new(&patterns, Dialect::Java, insensitive);
                regex.map_or(Val::Null, |regex| Val::Bool(regex.is_match(&value)))
            } else {
                let patterns = patterns.map(|pattern| Pattern::wildcard(pattern.as_bytes()));
                Val::Bool(PatternSet::new(patterns, insensitive).is_match(&value))
            }
        }
    })
}

/// `==` and `!=` against null ask whether the other side is null; all else compares.
fn comparison(operator: Comparison, left: &Val<'_>, right: &Val<'_>) -> Val<'static> {
    let null = [left, right].map(|side| *side == Val::Null);
    match operator {
        Comparison::Equal if null[0] || null[1] => Val::Bool(null[0] && null[1]),
        Comparison::NotEqual if null[0] || null[1] => Val::Bool(null[0] != null[1]),
        _ => compare(operator, left, right).map_or(Val::Null, Val::Bool),
    }
}

fn function(call: &Call) -> Option<Val<'static>> {
    let arguments: Vec<Val<'_>> = call.arguments.iter().map(constant).collect::<Option<_>>()?;
    let case = if call.insensitive { Case::Ignored } else { Case::Sensitive };
    lookup(&call.name).map(|function| function.apply(&arguments, case).into_owned())
}

fn chain(operands: &[Expr], decides: bool) -> Option<Val<'static>> {
    let values: Vec<Val<'_>> = operands.iter().map(constant).collect::<Option<_>>()?;
    let decided = values.contains(&Val::Bool(decides));
    let open = values.iter().any(|value| !matches!(value, Val::Bool(_)));
    Some(match (decided, open) {
        (true, _) => Val::Bool(decides),
        (false, true) => Val::Null,
        (false, false) => Val::Bool(!decides),
    })
}

/// Whether a field is named anywhere in `expr`, be it known or not.
pub(crate) fn names_a_field(expr: &Expr) -> bool {
    matches!(expr.kind, ExprKind::Field(_)) || expr.parts().any(names_a_field)
}

/// Whether `expr` is a condition by itself, and no field.
pub(crate) fn is_condition(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Call(call) => lookup(&call.name).is_some_and(|function| function.result == Kind::Bool),
        ExprKind::Compare(..)
        | ExprKind::In(_)
        | ExprKind::Match(_)
        | ExprKind::Not(_)
        | ExprKind::And(_)
        | ExprKind::Or(_) => true,
        _ => false,
    }
}
