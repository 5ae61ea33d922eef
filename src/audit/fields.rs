//! The `key=value` pairs of a record's body, in order, borrowed and undecoded.
//!
//! Trust: what stands before `msg='` was written by the kernel; what stands inside it was written by
//! a process. The two come from two iterators and are never mixed.

/// One `key=value` of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field<'a> {
    /// The key as it stands (`a0`, `a1[2]`, `old-auid`).
    pub key: &'a [u8],
    /// The value without its quotes, still encoded.
    pub raw: &'a [u8],
    /// Whether it stood in double quotes (then it is text, never hex).
    pub quoted: bool,
}

/// Iterator over the fields of a body, see [`kernel`] and [`user`].
#[derive(Clone, Debug)]
pub struct Fields<'a> {
    /// What is left.
    rest: &'a [u8],
}

/// The fields that the kernel wrote: everything up to `msg='`.
#[must_use]
pub fn kernel(body: &[u8]) -> Fields<'_> {
    Fields { rest: body }
}

/// The fields that a process wrote: the inside of `msg='…'`; empty where there is none.
#[must_use]
pub fn user(body: &[u8]) -> Fields<'_> {
    Fields { rest: body }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Field<'a>;
    fn next(&mut self) -> Option<Field<'a>> {
        let _ = self.rest;
        todo!("audit helper")
    }
}
