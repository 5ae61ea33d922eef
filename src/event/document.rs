//! What a condition can ask of an event: the values of a field.

use std::net::IpAddr;

use super::origin::{Number, Origin};
use super::schema::FieldId;

/// One value of a field, borrowed from the event.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value<'a> {
    /// Text; bytes, since what a process writes need not be UTF-8.
    Text(&'a [u8]),
    /// An integer.
    Long(i64),
    /// A floating-point number.
    Double(f64),
    /// A truth value.
    Bool(bool),
    /// Milliseconds since the Unix epoch.
    Date(i64),
    /// An address.
    Ip(IpAddr),
}

/// The values of one field: none (missing, null and an empty list are one), one, or many.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Values<'a> {
    /// The field is missing.
    None,
    /// One value.
    One(Value<'a>),
    /// At least one value.
    Many(&'a [Value<'a>]),
}

impl<'a> Values<'a> {
    /// The values as a slice.
    #[must_use]
    pub fn as_slice(&self) -> &[Value<'a>] {
        match self {
            Values::None => &[],
            Values::One(v) => std::slice::from_ref(v),
            Values::Many(v) => v,
        }
    }
}

/// Where an event stands in the total order that sequences follow: time, then tiebreaker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub struct Order {
    /// Milliseconds since the Unix epoch.
    pub millis: i64,
    /// The serial, or the position in the input.
    pub tiebreaker: u64,
}

/// An event, as conditions see it. Audit events and documents answer the same question.
pub trait Document {
    /// The values of `field`, as matching sees them (all producers' words for an act).
    fn values(&self, field: FieldId) -> Values<'_>;

    /// Its place in time.
    fn order(&self) -> Order;

    /// What kind of event it is, where that is known in so few bytes: events of one kind answer alike to
    /// `event.{category,type,action,kind,module,dataset}`, `data_stream.*` and `host.os.type`.
    fn kind(&self) -> Option<[u8; 16]> {
        None
    }

    /// What stands for the values of all fields of `origin` (see [`Origin::of`]); the outer none where only they
    /// themselves will do.
    fn origin(&self, _origin: Origin) -> Option<Number> {
        None
    }
}
