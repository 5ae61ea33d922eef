//! What a condition can ask of an event: the values of a field.

use std::net::IpAddr;

use super::circumstances::Circumstances;
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

    /// Whether `process.env_vars` may have a value.
    fn has_environment(&self) -> bool {
        true
    }

    /// Whether `auditd.data.syscall` is the name of a system call that [`Document::kind`] tells, and nothing else.
    fn kind_tells_call(&self) -> bool {
        false
    }

    /// Writes what the values of all fields of the files that the event was about (`file.{path,name,extension}`,
    /// `file.Ext.original.{path,name,extension}`) follow from, beside its kind; false, having written anything,
    /// where only they themselves will do.
    fn push_files(&self, _key: &mut Vec<u8>) -> bool {
        false
    }

    /// The same of the program of an event that has not started it, `process.{name,executable,args,command_line}`, and
    /// with `directory` of `process.working_directory`.
    fn push_program(&self, _directory: bool, _key: &mut Vec<u8>) -> bool {
        false
    }

    /// Writes what the values of the fields that are `circumstances` follow from; false, having written anything, where
    /// only they themselves will do.
    fn push_circumstances(&self, _circumstances: Circumstances, _key: &mut Vec<u8>) -> bool {
        false
    }

    /// What stands for the values of all fields of `origin` (see [`Origin::of`]); the outer none where only they
    /// themselves will do.
    fn origin(&self, _origin: Origin) -> Option<Number> {
        None
    }
}
