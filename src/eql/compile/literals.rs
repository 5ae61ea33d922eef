//! Constants to tests, by the type of the field that they are compared with.

use crate::diagnostic::Span;
use crate::event::FieldType;
use crate::event::date;

use super::super::ast::{Comparison, Membership};
use super::super::fault::{Fault, What};
use super::super::fold::constant;
use super::super::functions::{Network, address_of, network, write_text};
use super::super::pattern::{Pattern, PatternSet};
use super::super::requirement::{Literal, Place};
use super::super::test::{Number, Test, networks};
use super::super::value::{Val, address_bits};
use super::Compiler;

/// A test, and the literals of which one takes every value that it lets through, where there are such.
pub(super) type Tested = (Test, Option<Vec<Literal>>);

/// `field == text`
pub(super) fn equal_text(text: &[u8]) -> (Test, Vec<Literal>) {
    let literal = Literal { bytes: text.to_vec(), insensitive: false, place: Place::Whole };
    (Test::Equal(text.into()), vec![literal])
}

/// A list of patterns.
pub(super) fn of_patterns(patterns: Vec<Pattern>, insensitive: bool) -> Tested {
    let literal = |(place, bytes): (Place, &[u8])| Literal { bytes: bytes.to_vec(), insensitive, place };
    let literals = patterns
        .iter()
        .map(|pattern| {
            Some(literal(match pattern {
                Pattern::Exact(text) => (Place::Whole, text),
                Pattern::Prefix(text) => (Place::Start, text),
                Pattern::Suffix(text) => (Place::End, text),
                Pattern::Contains(text) => (Place::Inside, text),
                Pattern::General(shape) => (Place::Pattern, shape.source()),
                Pattern::Any => return None,
            }))
        })
        .collect::<Option<Vec<_>>>()
        .filter(|literals| !literals.is_empty());
    let test = match patterns.as_slice() {
        [Pattern::Exact(text)] if insensitive => Test::EqualIgnoringCase(text.as_slice().into()),
        [Pattern::Exact(text)] => Test::Equal(text.as_slice().into()),
        [Pattern::Any] => Test::Exists,
        _ => Test::Patterns(Box::new(PatternSet::new(patterns, insensitive))),
    };
    (test, literals)
}

/// The texts, if all of them are.
pub(super) fn text_list(constants: &[Val<'_>]) -> Option<Vec<Vec<u8>>> {
    let text = |value: &Val<'_>| match value {
        Val::Text(text) => Some(text.to_vec()),
        _ => None,
    };
    constants.iter().map(text).collect()
}

/// A constant as text, however it was written.
fn as_text(value: &Val<'_>) -> Vec<u8> {
    let mut text = Vec::new();
    write_text(value, &mut text);
    text
}

impl Compiler<'_> {
    /// `field operator value`; `units` orders texts by UTF-16, as inside expressions.
    pub(super) fn test(
        &mut self,
        operator: Comparison,
        field_type: FieldType,
        value: &Val<'_>,
        span: Span,
        units: bool,
    ) -> Tested {
        let equal = operator == Comparison::Equal;
        let test = match field_type {
            FieldType::Keyword | FieldType::Wildcard | FieldType::ConstantKeyword | FieldType::Text => {
                let text = as_text(value);
                if equal {
                    let (test, literals) = equal_text(&text);
                    return (test, Some(literals));
                }
                Some(Test::TextOrder { operator, text: text.into(), units })
            }
            FieldType::Long | FieldType::Double => number(value).map(|number| match number {
                Number::Long(number) => Test::Long(operator, number),
                Number::Double(number) => Test::Double(operator, number),
            }),
            FieldType::Boolean => truth(value).filter(|_| equal).map(Test::Bool),
            FieldType::Date => date_of(value).map(|(first, last)| Test::Date { operator, first, last }),
            FieldType::Ip if equal => networks_of(value).map(|list| Test::Networks(networks(list))),
            FieldType::Ip => {
                address_of(value).map(|address| Test::AddressOrder(operator, address_bits(address)))
            }
            FieldType::Version => Some(Test::Version(operator, as_text(value).into())),
        };
        (test.unwrap_or_else(|| self.never(field_type, value, span)), None)
    }

    fn never(&mut self, field_type: FieldType, value: &Val<'_>, span: Span) -> Test {
        let literal = String::from_utf8_lossy(&as_text(value)).into_owned();
        self.warnings.push(Fault::new(span, What::NeverTrue { literal, field_type: field_type.name() }));
        Test::Never
    }

    /// `field in (…)`
    pub(super) fn list_test(&mut self, field_type: FieldType, membership: &Membership) -> Tested {
        let mut values = Vec::new();
        for element in &membership.list {
            // A missing optional field and null are in no list.
            if let Some(value) = constant(element).filter(|value| *value != Val::Null) {
                values.push((value, element.span));
            }
        }
        let test = match field_type {
            FieldType::Keyword | FieldType::Wildcard | FieldType::ConstantKeyword | FieldType::Text => {
                let patterns = values.iter().map(|(value, _)| Pattern::Exact(as_text(value))).collect();
                return of_patterns(patterns, membership.insensitive);
            }
            FieldType::Long | FieldType::Double => {
                self.keep_known(&mut values, field_type, |value| number(value).is_some());
                numbers(values.iter().filter_map(|(value, _)| number(value)).collect())
            }
            FieldType::Boolean => {
                self.keep_known(&mut values, field_type, |value| truth(value).is_some());
                let has = |wanted| values.iter().any(|(value, _)| truth(value) == Some(wanted));
                match (has(true), has(false)) {
                    (true, true) => Test::Exists,
                    (false, false) => Test::Never,
                    (only, _) => Test::Bool(only),
                }
            }
            FieldType::Date => {
                self.keep_known(&mut values, field_type, |value| date_of(value).is_some());
                Test::Dates(values.iter().filter_map(|(value, _)| date_of(value)).collect())
            }
            FieldType::Ip => {
                self.keep_known(&mut values, field_type, |value| networks_of(value).is_some());
                let each = values.iter().filter_map(|(value, _)| networks_of(value));
                Test::Networks(networks(each.flatten().collect()))
            }
            FieldType::Version => {
                Test::Versions(values.iter().map(|(value, _)| as_text(value).into()).collect())
            }
        };
        (test, None)
    }

    /// Leaves out, with a warning, what no value of the field's type can be equal to.
    fn keep_known(
        &mut self,
        values: &mut Vec<(Val<'_>, Span)>,
        field_type: FieldType,
        known: fn(&Val<'_>) -> bool,
    ) {
        values.retain(|(value, span)| {
            let keep = known(value);
            if !keep {
                self.never(field_type, value, *span);
            }
            keep
        });
    }

    /// The type of a field by its name.
    pub(super) fn type_of(&self, path: &str) -> Option<FieldType> {
        self.schema.resolve(path).map(|(_, field_type)| field_type)
    }
}

/// A list of numbers; whole ones are looked up.
pub(super) fn numbers(numbers: Vec<Number>) -> Test {
    let whole = numbers.iter().map(|number| match number {
        Number::Long(number) => Some(*number),
        Number::Double(_) => None,
    });
    match whole.collect::<Option<Vec<i64>>>() {
        Some(mut whole) => {
            whole.sort_unstable();
            Test::Longs(whole.into())
        }
        None => Test::Numbers(numbers.into()),
    }
}

/// A number, or text that spells one.
pub(super) fn number(value: &Val<'_>) -> Option<Number> {
    match value {
        Val::Long(number) => Some(Number::Long(*number)),
        Val::Double(number) => Some(Number::Double(*number)),
        Val::Text(text) => {
            let text = std::str::from_utf8(text).ok()?;
            let spelt = text.bytes().all(|b| b.is_ascii_digit() || b"+-.eE".contains(&b));
            let whole = || text.parse().ok().map(Number::Long);
            spelt.then(|| whole().or_else(|| text.parse().ok().map(Number::Double))).flatten()
        }
        _ => None,
    }
}

fn truth(value: &Val<'_>) -> Option<bool> {
    match value {
        Val::Bool(truth) => Some(*truth),
        Val::Text(text) if **text == *b"true" => Some(true),
        Val::Text(text) if **text == *b"false" => Some(false),
        _ => None,
    }
}

fn date_of(value: &Val<'_>) -> Option<(i64, i64)> {
    match value {
        Val::Long(millis) => Some((*millis, *millis)),
        Val::Double(millis) => Some((*millis as i64, *millis as i64)),
        Val::Text(text) => date::parse(std::str::from_utf8(text).ok()?),
        _ => None,
    }
}

/// An address, or a network, which an address equals if it lies in it.
fn networks_of(value: &Val<'_>) -> Option<Vec<Network>> {
    let single = address_of(value).map(address_bits);
    single.map(|bits| vec![Network { first: bits, last: bits }]).or_else(|| match value {
        Val::Text(text) => network(text),
        _ => None,
    })
}
