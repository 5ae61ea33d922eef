//! Decoding of values: quoted text, hex, numbers, `?` and `(null)`.

use std::borrow::Cow;

use super::fields::Field;

/// The bytes of a field that the kernel encodes as "untrusted string" (comm, exe, cwd, name,
/// proctitle, key, aN of EXECVE): quoted text as it is, else hex; an unquoted value that is no hex
/// is taken as it is; `(null)` is absent.
#[must_use]
pub fn untrusted<'a>(_field: &Field<'a>) -> Option<Cow<'a, [u8]>> {
    todo!("audit helper")
}
