//! A condition on one value: what a comparison of a field with constants comes down to.

use std::borrow::Cow;
use std::cmp::Ordering;

use crate::event::Value;

use super::ast::Comparison;
use super::functions::{Network, address_of};
use super::pattern::PatternSet;
use super::regex::Regex;
use super::requirement::Place;
use super::text::compare_units;
use super::value::{Val, address_bits, compare_numbers, holds};
use super::version;

/// A condition on one value. A field satisfies it if any of its values does.
#[derive(Debug)]
pub(crate) enum Test {
    /// Any value does: the field exists.
    Exists,
    /// None does.
    Never,
    Bool(bool),
    /// Text, byte by byte.
    Equal(Box<[u8]>),
    /// Text, without regard to the case of ASCII letters.
    EqualIgnoringCase(Box<[u8]>),
    Patterns(Box<PatternSet>),
    Regex(Box<Regex>),
    /// The order of texts: by bytes on fields, by UTF-16 on the results of functions.
    TextOrder {
        operator: Comparison,
        text: Box<[u8]>,
        units: bool,
    },
    Long(Comparison, i64),
    Double(Comparison, f64),
    /// One of these, in order.
    Longs(Box<[i64]>),
    /// One of these.
    Numbers(Box<[Number]>),
    /// A date against the first and last millisecond that a literal stands for.
    Date {
        operator: Comparison,
        first: i64,
        last: i64,
    },
    /// A date in one of these spans.
    Dates(Box<[(i64, i64)]>),
    /// An address in one of these networks, which are in order and do not touch.
    Networks(Box<[Network]>),
    AddressOrder(Comparison, u128),
    Version(Comparison, Box<[u8]>),
    Versions(Box<[Box<[u8]>]>),
}

/// A number of a list.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Number {
    Long(i64),
    Double(f64),
}

impl Test {
    /// Whether `value` satisfies it.
    pub(crate) fn holds(&self, value: &Value<'_>) -> bool {
        match self {
            Test::Exists => true,
            Test::Never => false,
            Test::Bool(wanted) => *value == Value::Bool(*wanted),
            Test::Equal(_)
            | Test::EqualIgnoringCase(_)
            | Test::Patterns(_)
            | Test::Regex(_)
            | Test::TextOrder { .. }
            | Test::Version(..)
            | Test::Versions(_) => matches!(value, Value::Text(text) if self.holds_text(text)),
            Test::Long(operator, wanted) => holds_opt(*operator, against_long(value, *wanted)),
            Test::Double(operator, wanted) => holds_opt(*operator, against_double(value, *wanted)),
            Test::Longs(wanted) => match value {
                Value::Long(number) => wanted.binary_search(number).is_ok(),
                _ => wanted.iter().any(|wanted| against_long(value, *wanted) == Some(Ordering::Equal)),
            },
            Test::Numbers(wanted) => wanted.iter().any(|wanted| {
                let order = match wanted {
                    Number::Long(wanted) => against_long(value, *wanted),
                    Number::Double(wanted) => against_double(value, *wanted),
                };
                order == Some(Ordering::Equal)
            }),
            Test::Date { operator, first, last } => {
                matches!(value, Value::Date(date) if holds_date(*operator, *date, *first, *last))
            }
            Test::Dates(spans) => {
                matches!(value, Value::Date(date) if spans.iter().any(|(f, l)| (f..=l).contains(&date)))
            }
            Test::Networks(networks) => address(value).is_some_and(|bits| in_networks(networks, bits)),
            Test::AddressOrder(operator, wanted) => {
                address(value).is_some_and(|bits| holds(*operator, bits.cmp(wanted)))
            }
        }
    }

    fn holds_text(&self, text: &[u8]) -> bool {
        match self {
            Test::Equal(wanted) => text == &**wanted,
            Test::EqualIgnoringCase(wanted) => text.eq_ignore_ascii_case(wanted),
            Test::Patterns(patterns) => patterns.is_match(text),
            Test::Regex(regex) => regex.is_match(text),
            Test::TextOrder { operator, text: wanted, units } => {
                let order = if *units { compare_units(text, wanted) } else { text.cmp(wanted) };
                holds(*operator, order)
            }
            Test::Version(operator, wanted) => holds(*operator, version::compare(text, wanted)),
            Test::Versions(wanted) => wanted.iter().any(|wanted| version::compare(text, wanted).is_eq()),
            _ => false,
        }
    }

    /// Literals of which one takes every text that satisfies it, if the case of ASCII letters makes no difference; none
    /// where that is not known, or what satisfies it need be no text.
    pub(crate) fn literals(&self) -> Option<Vec<(Place, Cow<'_, [u8]>)>> {
        match self {
            Test::Equal(text) | Test::EqualIgnoringCase(text) => {
                Some(vec![(Place::Whole, Cow::Borrowed(text))])
            }
            Test::Patterns(patterns) => patterns.literals(),
            _ => None,
        }
    }

    /// The same of a value inside an expression; none of null.
    pub(crate) fn holds_val(&self, value: &Val<'_>) -> Option<bool> {
        let value = match value {
            Val::Null => return None,
            Val::Bool(truth) => Value::Bool(*truth),
            Val::Long(number) => Value::Long(*number),
            Val::Double(number) => Value::Double(*number),
            Val::Text(text) => Value::Text(text),
            Val::Date(date) => Value::Date(*date),
            Val::Ip(address) => Value::Ip(*address),
        };
        Some(self.holds(&value))
    }

    /// How dear it is, to ask the cheap ones first.
    pub(crate) fn cost(&self) -> u32 {
        match self {
            Test::Regex(_) => 20,
            Test::Patterns(_) => 6,
            Test::Networks(_) | Test::Versions(_) | Test::Numbers(_) => 4,
            Test::Equal(_) | Test::EqualIgnoringCase(_) => 2,
            _ => 1,
        }
    }
}

/// Networks in order, without overlaps, for [`Test::Networks`].
pub(crate) fn networks(mut networks: Vec<Network>) -> Box<[Network]> {
    networks.sort_unstable();
    let mut merged: Vec<Network> = Vec::with_capacity(networks.len());
    for network in networks {
        match merged.last_mut() {
            Some(last) if network.first <= last.last => last.last = last.last.max(network.last),
            _ => merged.push(network),
        }
    }
    merged.into()
}

fn in_networks(networks: &[Network], bits: u128) -> bool {
    let behind = networks.partition_point(|network| network.first <= bits);
    behind.checked_sub(1).and_then(|i| networks.get(i)).is_some_and(|network| network.contains(bits))
}

fn address(value: &Value<'_>) -> Option<u128> {
    address_of(&Val::from(*value)).map(address_bits)
}

fn holds_opt(operator: Comparison, order: Option<Ordering>) -> bool {
    order.is_some_and(|order| holds(operator, order))
}

fn against_long(value: &Value<'_>, wanted: i64) -> Option<Ordering> {
    match value {
        Value::Long(number) => Some(number.cmp(&wanted)),
        Value::Double(number) => compare_numbers(wanted, *number).map(Ordering::reverse),
        _ => None,
    }
}

fn against_double(value: &Value<'_>, wanted: f64) -> Option<Ordering> {
    match value {
        Value::Long(number) => compare_numbers(*number, wanted),
        Value::Double(number) => number.partial_cmp(&wanted),
        _ => None,
    }
}

/// A literal that stands for a span is equal to all of it, less than what comes behind it.
fn holds_date(operator: Comparison, date: i64, first: i64, last: i64) -> bool {
    match operator {
        Comparison::Equal => (first..=last).contains(&date),
        Comparison::NotEqual => !(first..=last).contains(&date),
        Comparison::Less => date < first,
        Comparison::LessOrEqual => date <= last,
        Comparison::Greater => date > last,
        Comparison::GreaterOrEqual => date >= first,
    }
}
