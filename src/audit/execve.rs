//! The argument list of an exec, put together from its EXECVE records.

use super::reassembler::AuditEvent;

/// The arguments of an exec: one buffer, and where each argument lies in it.
///
/// Reused from event to event, so that a steady stream allocates nothing.
#[derive(Debug, Default)]
pub struct Arguments {
    bytes: Vec<u8>,
    ends: Vec<usize>,
    /// What `argc=` said.
    pub argc: u64,
    /// Arguments that argc announces and no record brought, or that were cut at the bound.
    pub missing: u64,
}

impl Arguments {
    /// Reads the EXECVE records of `event`, replacing what was here.
    pub fn read(&mut self, _event: &AuditEvent<'_>) {
        todo!("audit helper")
    }

    /// The arguments in order, as the exact bytes given to execve.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        let _ = &self.bytes;
        (0..self.ends.len()).map(|_| &[] as &[u8])
    }
}
