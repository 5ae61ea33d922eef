//! Evaluation by walking the syntax tree, rule by rule as the language is defined.

use crate::event::date;
use crate::event::{Document, FieldId, FieldType, Schema, Value};

use super::super::ast::{Comparison, Expr, ExprKind, Literal, Match, Membership, Sign};
use super::super::fold::{constant, is_condition, names_a_field};
use super::super::functions::{lookup, network, write_text};
use super::super::regex::{Dialect, Regex};
use super::super::script::MAX_COMBINATIONS;
use super::super::text::{Case, char_len};
use super::super::value::{Val, address_bits, arithmetic, compare, holds, negate};
use super::super::version;

pub(super) struct Walker<'a, D: ?Sized> {
    pub(super) schema: &'a dyn Schema,
    pub(super) document: &'a D,
}

/// One value for each field of a leaf; none for one that is missing.
type Assignment<'a> = [(FieldId, Option<Value<'a>>)];

impl<D: Document + ?Sized> Walker<'_, D> {
    /// Whether some value of the field is this text.
    pub(super) fn has_text(&self, field: &str, text: &str) -> bool {
        let Some((field, _)) = self.schema.resolve(field) else { return false };
        self.document.values(field).as_slice().contains(&Value::Text(text.as_bytes()))
    }

    /// Whether a condition holds.
    pub(super) fn truth(&self, expr: &Expr) -> bool {
        if !names_a_field(expr) {
            return constant(expr) == Some(Val::Bool(true));
        }
        match &expr.kind {
            ExprKind::And(operands) => operands.iter().all(|operand| self.truth(operand)),
            ExprKind::Or(operands) => operands.iter().any(|operand| self.truth(operand)),
            ExprKind::Not(inner) => !self.truth(inner),
            ExprKind::Compare(Comparison::NotEqual, left, right) => !self.equal(left, right, expr),
            ExprKind::Compare(Comparison::Equal, left, right) => self.equal(left, right, expr),
            ExprKind::In(membership) if membership.negated => {
                let positive = Membership { negated: false, ..membership.clone() };
                !self.leaf(&Expr { kind: ExprKind::In(positive), span: expr.span })
            }
            _ => self.leaf(expr),
        }
    }

    /// `left == right` as a condition.
    fn equal(&self, left: &Expr, right: &Expr, whole: &Expr) -> bool {
        for (side, other) in [(left, right), (right, left)] {
            if let (Some(Val::Bool(wanted)), true) = (constant(side), is_condition(other)) {
                return self.truth(other) == wanted;
            }
        }
        let kind = ExprKind::Compare(Comparison::Equal, Box::new(left.clone()), Box::new(right.clone()));
        self.leaf(&Expr { kind, span: whole.span })
    }

    /// Whether some combination of values makes a leaf true.
    fn leaf(&self, expr: &Expr) -> bool {
        let mut fields = Vec::new();
        self.fields(expr, &mut fields);
        let mut combinations: Vec<Vec<(FieldId, Option<Value<'_>>)>> = vec![Vec::new()];
        // The last field changes slowest, as in the compiled form, so that the bound cuts alike.
        for field in fields.iter().rev() {
            let values = self.document.values(*field);
            let values: Vec<Option<Value<'_>>> = match values.as_slice() {
                [] => vec![None],
                many => many.iter().copied().map(Some).collect(),
            };
            combinations = combinations
                .iter()
                .flat_map(|known| {
                    values.iter().map(|value| {
                        let mut longer = known.clone();
                        longer.push((*field, *value));
                        longer
                    })
                })
                .take(MAX_COMBINATIONS)
                .collect();
        }
        combinations.iter().any(|assignment| match self.top(expr, assignment) {
            Val::Bool(truth) => truth,
            _ => false,
        })
    }

    /// A leaf: a field compared with constants is asked as an index is, all else is an expression.
    fn top<'b>(&self, expr: &Expr, assignment: &Assignment<'b>) -> Val<'b> {
        let plain = match &expr.kind {
            ExprKind::Compare(_, left, right) => is_plain(left, right) || is_plain(right, left),
            ExprKind::Match(matching) => matches!(matching.value.kind, ExprKind::Field(_)),
            ExprKind::Call(call) => match call.arguments.as_slice() {
                [field, text] => is_plain(field, text),
                _ => false,
            },
            _ => false,
        };
        self.eval(expr, assignment, plain)
    }

    /// An expression in three values. `index` says that texts are compared as an index does it.
    fn eval<'b>(&self, expr: &Expr, assignment: &Assignment<'b>, index: bool) -> Val<'b> {
        let inner = |expr: &Expr| self.eval(expr, assignment, false);
        match &expr.kind {
            ExprKind::Literal(_) => constant(expr).map_or(Val::Null, Val::into_owned),
            ExprKind::Unreadable => Val::Null,
            ExprKind::Field(name) => {
                let field = self.schema.resolve(&name.path).map(|(field, _)| field);
                let value = assignment.iter().find(|(known, _)| Some(*known) == field);
                value.and_then(|(_, value)| *value).map_or(Val::Null, Val::from)
            }
            ExprKind::Unary(Sign::Plus, operand) => inner(operand),
            ExprKind::Unary(Sign::Minus, operand) => negate(&inner(operand)),
            ExprKind::Arithmetic(operator, left, right) => arithmetic(*operator, &inner(left), &inner(right)),
            ExprKind::Compare(Comparison::NotEqual, left, right) => {
                let equal = self.comparison(Comparison::Equal, left, right, assignment, index);
                truth_value(equal.map(|equal| !equal))
            }
            ExprKind::Compare(operator, left, right) => {
                truth_value(self.comparison(*operator, left, right, assignment, index))
            }
            ExprKind::In(membership) => truth_value(self.membership(membership, assignment)),
            ExprKind::Match(matching) => match inner(&matching.value) {
                Val::Text(text) => Val::Bool(matched(matching, &text, index)),
                _ => Val::Null,
            },
            ExprKind::Not(operand) => match inner(operand) {
                Val::Bool(truth) => Val::Bool(!truth),
                _ => Val::Null,
            },
            ExprKind::And(operands) => chain(operands.iter().map(inner).collect(), false),
            ExprKind::Or(operands) => chain(operands.iter().map(inner).collect(), true),
            ExprKind::Call(call) => {
                let arguments: Vec<Val<'b>> = call.arguments.iter().map(inner).collect();
                let case = if call.insensitive { Case::Ignored } else { Case::Sensitive };
                if let (true, Case::Ignored, [Val::Text(text), Val::Text(part)]) =
                    (index, case, &arguments[..])
                {
                    return index_call(&call.name, text, part);
                }
                lookup(&call.name).map_or(Val::Null, |function| function.apply(&arguments, case))
            }
        }
    }

    fn comparison(
        &self,
        operator: Comparison,
        left: &Expr,
        right: &Expr,
        assignment: &Assignment<'_>,
        index: bool,
    ) -> Option<bool> {
        let values = (self.eval(left, assignment, false), self.eval(right, assignment, false));
        let nulls = [(left, &values.0), (right, &values.1)];
        // `== null` asks for existence; a field that is only missing here is another matter.
        let literal_null =
            nulls.iter().any(|(side, _)| constant(side) == Some(Val::Null) || self.absent(side));
        if literal_null && operator == Comparison::Equal {
            return Some(values.0 == Val::Null && values.1 == Val::Null);
        }
        if values.0 == Val::Null || values.1 == Val::Null {
            return None;
        }
        for (field, other, value, literal, operator) in [
            (left, right, &values.0, &values.1, operator),
            (right, left, &values.1, &values.0, operator.flipped()),
        ] {
            if let (Some(field_type), true) = (self.type_of(field), constant(other).is_some()) {
                return Some(against_literal(operator, field_type, value, literal, index));
            }
        }
        let versions = [left, right].iter().any(|side| self.type_of(side) == Some(FieldType::Version));
        match values {
            (Val::Text(left), Val::Text(right)) if versions => {
                Some(holds(operator, version::compare(&left, &right)))
            }
            (left, right) => compare(operator, &left, &right),
        }
    }

    fn membership(&self, membership: &Membership, assignment: &Assignment<'_>) -> Option<bool> {
        let value = self.eval(&membership.value, assignment, false);
        if value == Val::Null {
            return None;
        }
        let field_type = self.type_of(&membership.value);
        let found = membership.list.iter().filter_map(constant).any(|element| {
            if element == Val::Null {
                return false;
            }
            match (&value, &element, field_type) {
                (Val::Text(l), Val::Text(r), _) if membership.insensitive => l.eq_ignore_ascii_case(r),
                (_, _, Some(field_type)) => {
                    against_literal(Comparison::Equal, field_type, &value, &element, true)
                }
                _ => compare(Comparison::Equal, &value, &element) == Some(true),
            }
        });
        Some(found != membership.negated)
    }

    /// The type of `expr`, if it is a field that is known and nothing else.
    fn type_of(&self, expr: &Expr) -> Option<FieldType> {
        let ExprKind::Field(name) = &expr.kind else { return None };
        self.schema.resolve(&name.path).map(|(_, field_type)| field_type)
    }

    fn absent(&self, expr: &Expr) -> bool {
        matches!(&expr.kind, ExprKind::Field(_)) && self.type_of(expr).is_none()
    }

    /// The fields in `expr`, each once, in the order in which they are named.
    fn fields(&self, expr: &Expr, found: &mut Vec<FieldId>) {
        match &expr.kind {
            ExprKind::Literal(_) | ExprKind::Unreadable => {}
            ExprKind::Field(name) => {
                let field = self.schema.resolve(&name.path).map(|(field, _)| field);
                found.extend(field.filter(|field| !found.contains(field)));
            }
            ExprKind::Call(call) => call.arguments.iter().for_each(|e| self.fields(e, found)),
            ExprKind::Unary(_, inner) | ExprKind::Not(inner) => self.fields(inner, found),
            ExprKind::Arithmetic(_, left, right) | ExprKind::Compare(_, left, right) => {
                self.fields(left, found);
                self.fields(right, found);
            }
            ExprKind::In(membership) => self.fields(&membership.value, found),
            ExprKind::Match(matching) => self.fields(&matching.value, found),
            ExprKind::And(operands) | ExprKind::Or(operands) => {
                operands.iter().for_each(|e| self.fields(e, found));
            }
        }
    }

    /// The fields in `expr` with their values as text.
    pub(super) fn values(&self, expr: &Expr) -> Vec<(FieldId, Vec<String>)> {
        let mut fields = Vec::new();
        self.fields(expr, &mut fields);
        let text = |value: &Value<'_>| {
            let mut text = Vec::new();
            write_text(&Val::from(*value), &mut text);
            String::from_utf8_lossy(&text).into_owned()
        };
        let values = |field: FieldId| self.document.values(field).as_slice().iter().map(text).collect();
        fields.into_iter().map(|field| (field, values(field))).collect()
    }
}

/// `field` is a field and nothing else, `other` a constant.
fn is_plain(field: &Expr, other: &Expr) -> bool {
    matches!(field.kind, ExprKind::Field(_)) && constant(other).is_some()
}

/// What an index answers to `startsWith~` and its sisters: case is ignored in ASCII only.
fn index_call(name: &str, text: &[u8], part: &[u8]) -> Val<'static> {
    let at = |start: Option<usize>| {
        let found = start.and_then(|start| text.get(start..start + part.len()));
        found.is_some_and(|found| found.eq_ignore_ascii_case(part))
    };
    Val::Bool(match name.to_ascii_lowercase().as_str() {
        "startswith" => at(Some(0)),
        "endswith" => at(text.len().checked_sub(part.len())),
        _ => !part.is_empty() && (0..text.len()).any(|start| at(Some(start))),
    })
}

/// A field's value against a literal, which is read by the field's type.
fn against_literal(
    operator: Comparison,
    field_type: FieldType,
    value: &Val<'_>,
    literal: &Val<'_>,
    index: bool,
) -> bool {
    let mut written = Vec::new();
    write_text(literal, &mut written);
    let spelt = String::from_utf8_lossy(&written).into_owned();
    match (field_type, value) {
        (
            FieldType::Keyword | FieldType::Wildcard | FieldType::ConstantKeyword | FieldType::Text,
            Val::Text(text),
        ) => {
            if index || operator == Comparison::Equal {
                holds(operator, (**text).cmp(&written[..]))
            } else {
                compare(operator, value, &Val::text(written)) == Some(true)
            }
        }
        (FieldType::Version, Val::Text(text)) => holds(operator, version::compare(text, &written)),
        (FieldType::Long | FieldType::Double, Val::Long(_) | Val::Double(_)) => {
            let number = match literal {
                Val::Text(_) => match (spelt.parse(), spelt.parse::<f64>()) {
                    (Ok(whole), _) => Val::Long(whole),
                    (_, Ok(number)) if spelt.bytes().any(|b| b.is_ascii_digit()) => Val::Double(number),
                    _ => return false,
                },
                Val::Bool(_) => return false,
                other => other.borrowed(),
            };
            compare(operator, value, &number) == Some(true)
        }
        (FieldType::Boolean, Val::Bool(truth)) => operator == Comparison::Equal && spelt == truth.to_string(),
        (FieldType::Date, Val::Date(millis)) => {
            let span = match literal {
                Val::Long(literal) => Some((*literal, *literal)),
                Val::Double(literal) => Some((*literal as i64, *literal as i64)),
                Val::Text(_) => date::parse(&spelt),
                _ => None,
            };
            span.is_some_and(|(first, last)| match operator {
                Comparison::Less => *millis < first,
                Comparison::LessOrEqual => *millis <= last,
                Comparison::Greater => *millis > last,
                Comparison::GreaterOrEqual => *millis >= first,
                _ => first <= *millis && *millis <= last,
            })
        }
        (FieldType::Ip, Val::Ip(address)) => {
            let bits = address_bits(*address);
            match spelt.parse().map(address_bits) {
                Ok(literal) => holds(operator, bits.cmp(&literal)),
                Err(_) if operator == Comparison::Equal => {
                    network(spelt.as_bytes()).is_some_and(|blocks| blocks.iter().any(|b| b.contains(bits)))
                }
                Err(_) => false,
            }
        }
        _ => false,
    }
}

/// Whether any of the patterns takes the whole text.
fn matched(matching: &Match, text: &[u8], index: bool) -> bool {
    let insensitive = matching.operator.insensitive();
    let dialect = if index { Dialect::Lucene } else { Dialect::Java };
    matching.patterns.iter().any(|pattern| {
        let ExprKind::Literal(Literal::Text(pattern)) = &pattern.kind else { return false };
        if matching.operator.regex() {
            Regex::new(&[pattern], dialect, insensitive).is_ok_and(|regex| regex.is_match(text))
        } else {
            wildcard(pattern.as_bytes(), text, insensitive)
        }
    })
}

/// `*` and `?` by a table: row by row of the pattern, which places of the text can be reached.
fn wildcard(pattern: &[u8], text: &[u8], insensitive: bool) -> bool {
    let mut reached = vec![false; text.len() + 1];
    reached[0] = true;
    for wanted in pattern {
        let mut next = vec![false; text.len() + 1];
        for at in 0..=text.len() {
            let here = reached[at] || *wanted == b'*' && next[at];
            match wanted {
                _ if !here => {}
                b'*' => {
                    next[at] = true;
                    if at < text.len() {
                        next[at + char_len(text, at)] = true;
                    }
                }
                _ if at == text.len() => {}
                b'?' => next[at + char_len(text, at)] = true,
                byte if text[at] == *byte => next[at + 1] = true,
                byte => next[at + 1] |= insensitive && text[at].eq_ignore_ascii_case(byte),
            }
        }
        reached = next;
    }
    reached[text.len()]
}

fn truth_value(truth: Option<bool>) -> Val<'static> {
    truth.map_or(Val::Null, Val::Bool)
}

fn chain(operands: Vec<Val<'_>>, decides: bool) -> Val<'static> {
    if operands.contains(&Val::Bool(decides)) {
        Val::Bool(decides)
    } else if operands.iter().all(|operand| *operand == Val::Bool(!decides)) {
        Val::Bool(!decides)
    } else {
        Val::Null
    }
}
