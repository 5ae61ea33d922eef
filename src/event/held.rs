//! The values of some fields of a document, kept after the document itself is gone.

use bumpalo::Bump;

use super::document::{Document, Order, Value, Values};
use super::schema::FieldId;

/// As much of a document as was wanted, in an arena.
#[derive(Debug)]
pub struct Held<'a> {
    /// In order of the ids; each with at least one value.
    values: Box<[(FieldId, &'a [Value<'a>])]>,
    order: Order,
}

impl<'a> Held<'a> {
    /// Keeps the `wanted` fields of `document`.
    pub fn copy<D: Document + ?Sized>(document: &D, wanted: &[FieldId], arena: &'a Bump) -> Self {
        let copied = |field: &FieldId| {
            let values = document.values(*field);
            let values = values.as_slice().iter().map(|value| copy(value, arena));
            let values = bumpalo::collections::Vec::from_iter_in(values, arena);
            (*field, values.into_bump_slice() as &[_])
        };
        Self::new(wanted.iter().map(copied).collect(), document.order())
    }

    pub(super) fn new(mut values: Vec<(FieldId, &'a [Value<'a>])>, order: Order) -> Self {
        values.retain(|(_, values)| !values.is_empty());
        values.sort_unstable_by_key(|(field, _)| *field);
        values.dedup_by_key(|(field, _)| *field);
        Held { values: values.into(), order }
    }

    /// Puts it in another place in time.
    pub fn set_order(&mut self, order: Order) {
        self.order = order;
    }
}

fn copy<'a>(value: &Value<'_>, arena: &'a Bump) -> Value<'a> {
    match value {
        Value::Text(text) => Value::Text(arena.alloc_slice_copy(text)),
        Value::Long(number) => Value::Long(*number),
        Value::Double(number) => Value::Double(*number),
        Value::Bool(truth) => Value::Bool(*truth),
        Value::Date(millis) => Value::Date(*millis),
        Value::Ip(address) => Value::Ip(*address),
    }
}

impl Document for Held<'_> {
    fn values(&self, field: FieldId) -> Values<'_> {
        match self.values.binary_search_by_key(&field, |(id, _)| *id) {
            Ok(at) => match self.values[at].1 {
                [] => Values::None,
                [one] => Values::One(*one),
                many => Values::Many(many),
            },
            Err(_) => Values::None,
        }
    }

    fn order(&self) -> Order {
        self.order
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_copied_answers_as_the_document_did() {
        let arena = Bump::new();
        let order = Order { millis: 5, tiebreaker: 7 };
        let values: [Value<'_>; 2] = [Value::Text(b"a"), Value::Text(b"b")];
        let document = Held::new(vec![(FieldId(3), &values), (FieldId(1), &values[..1])], order);
        let copy = Held::copy(&document, &[FieldId(1), FieldId(2), FieldId(3)], &arena);
        for field in [1, 2, 3].map(FieldId) {
            assert_eq!(copy.values(field), document.values(field));
        }
        assert_eq!(copy.order(), order);
    }
}
