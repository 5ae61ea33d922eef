//! One audit record, borrowed from the buffer it arrived in.
//!
//! Two shapes carry the same record: a netlink payload (the type stands in the header) and a line of
//! auditd's log (`type=NAME msg=audit(…): …`, raw or ENRICHED, maybe with `node=NAME ` in front).

use super::types::RecordType;

/// When and as which number the kernel wrote a record: `audit(SECONDS.MILLIS:SERIAL)`.
///
/// All records of one event carry the same stamp. It is the time at which the system call was
/// *entered*, so it may lie before stamps that were seen earlier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Stamp {
    /// Milliseconds since the Unix epoch.
    pub millis: u64,
    /// The kernel's event serial.
    pub serial: u64,
}

/// One audit record. Everything is borrowed; nothing is decoded yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record<'a> {
    /// The host that wrote it, from `node=` (may hold blanks); `None` where the source names none.
    pub node: Option<&'a [u8]>,
    /// The record type, e.g. [`RecordType::SYSCALL`].
    pub kind: RecordType,
    /// Time and serial.
    pub stamp: Stamp,
    /// What follows `audit(…): `, without surrounding blanks: the kernel's `key=value` text.
    pub body: &'a [u8],
    /// What auditd added after 0x1d in ENRICHED logs (`UID="root" …`); empty in raw ones.
    pub enriched: &'a [u8],
}

/// Why a line or a payload is no record. Counted, never fatal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Malformed {
    /// The line does not begin with `type=` (or `node=… type=`).
    #[error("no type= at the start")]
    NoType,
    /// The type is neither a known name nor `UNKNOWN[n]` nor a number.
    #[error("unknown record type name")]
    UnknownType,
    /// `audit(SECONDS.MILLIS:SERIAL):` is absent or cut short.
    #[error("no audit(seconds.millis:serial) stamp")]
    NoStamp,
    /// A netlink header whose length does not fit the datagram.
    #[error("netlink header does not fit the datagram")]
    BadHeader,
}

impl<'a> Record<'a> {
    /// Parses one line of an audit log (line end included or not).
    ///
    /// # Errors
    /// [`Malformed`] says what is missing; an empty line is [`Malformed::NoType`].
    pub fn from_log_line(_line: &'a [u8]) -> Result<Self, Malformed> {
        todo!("audit helper")
    }

    /// Parses the text of a netlink audit message of type `kind`.
    ///
    /// # Errors
    /// [`Malformed::NoStamp`] when the text does not begin with `audit(…)`.
    pub fn from_payload(_kind: RecordType, _payload: &'a [u8]) -> Result<Self, Malformed> {
        todo!("audit helper")
    }
}
