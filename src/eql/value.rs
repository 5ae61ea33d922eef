//! A value inside an expression, and what operators do with values.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::net::IpAddr;

use crate::event::Value;

use super::ast::{Arithmetic, Comparison};
use super::text::compare_units;

/// What an expression comes to. Unlike [`Value`] it may be null, and its text may be made on the way.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Val<'a> {
    Null,
    Bool(bool),
    Long(i64),
    Double(f64),
    Text(Cow<'a, [u8]>),
    Date(i64),
    Ip(IpAddr),
}

impl<'a> From<Value<'a>> for Val<'a> {
    fn from(value: Value<'a>) -> Self {
        match value {
            Value::Text(text) => Val::Text(Cow::Borrowed(text)),
            Value::Long(number) => Val::Long(number),
            Value::Double(number) => Val::Double(number),
            Value::Bool(truth) => Val::Bool(truth),
            Value::Date(millis) => Val::Date(millis),
            Value::Ip(address) => Val::Ip(address),
        }
    }
}

impl Val<'_> {
    pub(crate) fn text(text: impl Into<Vec<u8>>) -> Self {
        Val::Text(Cow::Owned(text.into()))
    }

    /// Without what it borrows.
    pub(crate) fn into_owned(self) -> Val<'static> {
        match self {
            Val::Text(text) => Val::Text(Cow::Owned(text.into_owned())),
            Val::Null => Val::Null,
            Val::Bool(truth) => Val::Bool(truth),
            Val::Long(number) => Val::Long(number),
            Val::Double(number) => Val::Double(number),
            Val::Date(millis) => Val::Date(millis),
            Val::Ip(address) => Val::Ip(address),
        }
    }

    /// The same value, its text borrowed.
    pub(crate) fn borrowed(&self) -> Val<'_> {
        match self {
            Val::Text(text) => Val::Text(Cow::Borrowed(text)),
            Val::Null => Val::Null,
            Val::Bool(truth) => Val::Bool(*truth),
            Val::Long(number) => Val::Long(*number),
            Val::Double(number) => Val::Double(*number),
            Val::Date(millis) => Val::Date(*millis),
            Val::Ip(address) => Val::Ip(*address),
        }
    }
}

/// The order of two numbers by value; none for what is no number.
pub(crate) fn compare_numbers(left: i64, right: f64) -> Option<Ordering> {
    // 2^63 is exact as a double; the largest i64 is not.
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    if right.is_nan() {
        None
    } else if right >= LIMIT {
        Some(Ordering::Less)
    } else if right < -LIMIT {
        Some(Ordering::Greater)
    } else {
        let whole = right.trunc();
        let by_fraction = || 0.0_f64.partial_cmp(&(right - whole)).unwrap_or(Ordering::Equal);
        Some(left.cmp(&(whole as i64)).then_with(by_fraction))
    }
}

/// The order of two values of one kind; none where there is none.
pub(crate) fn order(left: &Val<'_>, right: &Val<'_>) -> Option<Ordering> {
    match (left, right) {
        (Val::Long(l), Val::Long(r)) | (Val::Date(l), Val::Date(r)) => Some(l.cmp(r)),
        (Val::Date(l), Val::Long(r)) | (Val::Long(l), Val::Date(r)) => Some(l.cmp(r)),
        (Val::Double(l), Val::Double(r)) => l.partial_cmp(r),
        (Val::Long(l), Val::Double(r)) => compare_numbers(*l, *r),
        (Val::Double(l), Val::Long(r)) => compare_numbers(*r, *l).map(Ordering::reverse),
        (Val::Text(l), Val::Text(r)) => Some(compare_units(l, r)),
        (Val::Ip(l), Val::Ip(r)) => Some(address_bits(*l).cmp(&address_bits(*r))),
        (Val::Bool(l), Val::Bool(r)) => Some(l.cmp(r)),
        _ => None,
    }
}

/// An address as 128 bits; IPv4 as IPv6 maps it.
pub(crate) fn address_bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().to_bits(),
        IpAddr::V6(v6) => v6.to_bits(),
    }
}

/// A comparison in three values: none if either side is null. Values that have no order are unequal.
pub(crate) fn compare(operator: Comparison, left: &Val<'_>, right: &Val<'_>) -> Option<bool> {
    if *left == Val::Null || *right == Val::Null {
        return None;
    }
    let order = order(left, right);
    Some(match operator {
        Comparison::Equal => order == Some(Ordering::Equal),
        Comparison::NotEqual => order != Some(Ordering::Equal),
        _ => order.is_some_and(|order| holds(operator, order)),
    })
}

/// Whether `operator` holds for two values of this order.
pub(crate) fn holds(operator: Comparison, order: Ordering) -> bool {
    match operator {
        Comparison::Equal => order.is_eq(),
        Comparison::NotEqual => order.is_ne(),
        Comparison::Less => order.is_lt(),
        Comparison::LessOrEqual => order.is_le(),
        Comparison::Greater => order.is_gt(),
        Comparison::GreaterOrEqual => order.is_ge(),
    }
}

/// A sum and the like. Whole numbers stay whole; null where a side is no number, at overflow and at a
/// whole division by zero (Elasticsearch gives up the query there).
pub(crate) fn arithmetic(operator: Arithmetic, left: &Val<'_>, right: &Val<'_>) -> Val<'static> {
    if let (Val::Long(l), Val::Long(r)) = (left, right) {
        let result = match operator {
            Arithmetic::Add => l.checked_add(*r),
            Arithmetic::Subtract => l.checked_sub(*r),
            Arithmetic::Multiply => l.checked_mul(*r),
            Arithmetic::Divide => l.checked_div(*r),
            // Whatever is divided by -1 leaves nothing, the smallest number too, whose quotient has no room.
            Arithmetic::Modulo => (*r != 0).then(|| l.wrapping_rem(*r)),
        };
        return result.map_or(Val::Null, Val::Long);
    }
    let (Some(l), Some(r)) = (double(left), double(right)) else { return Val::Null };
    Val::Double(match operator {
        Arithmetic::Add => l + r,
        Arithmetic::Subtract => l - r,
        Arithmetic::Multiply => l * r,
        Arithmetic::Divide => l / r,
        Arithmetic::Modulo => l % r,
    })
}

/// `-x`
pub(crate) fn negate(value: &Val<'_>) -> Val<'static> {
    match value {
        Val::Long(number) => number.checked_neg().map_or(Val::Null, Val::Long),
        Val::Double(number) => Val::Double(-number),
        _ => Val::Null,
    }
}

fn double(value: &Val<'_>) -> Option<f64> {
    match value {
        Val::Long(number) => Some(*number as f64),
        Val::Double(number) => Some(*number),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_and_other_numbers_compare_by_value() {
        assert_eq!(compare_numbers(4, 4.5), Some(Ordering::Less));
        assert_eq!(compare_numbers(-4, -4.5), Some(Ordering::Greater));
        assert_eq!(compare_numbers(i64::MAX, 9.3e18), Some(Ordering::Less));
        // Both are 2^53 when rounded to doubles.
        assert_eq!(compare_numbers(9_007_199_254_740_993, 9_007_199_254_740_992.0), Some(Ordering::Greater));
        assert_eq!(compare_numbers(1, f64::NAN), None);
    }

    #[test]
    fn division_and_overflow() {
        let divide = |l, r| arithmetic(Arithmetic::Divide, &l, &r);
        assert_eq!(divide(Val::Long(7), Val::Long(-2)), Val::Long(-3));
        assert_eq!(divide(Val::Long(7), Val::Long(0)), Val::Null);
        assert_eq!(divide(Val::Long(7), Val::Double(2.0)), Val::Double(3.5));
        assert_eq!(arithmetic(Arithmetic::Add, &Val::Long(i64::MAX), &Val::Long(1)), Val::Null);
    }
}
