//! The record types of the kernel's `include/uapi/linux/audit.h` and of audit-userspace's
//! `lib/audit-records.h`: number and name, both ways.

/// The number of a record type (`nlmsg_type`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RecordType(pub u16);

impl RecordType {
    /// System call event.
    pub const SYSCALL: Self = Self(1300);
    /// File name information.
    pub const PATH: Self = Self(1302);
    /// Current working directory.
    pub const CWD: Self = Self(1307);
    /// Arguments of an execve.
    pub const EXECVE: Self = Self(1309);
    /// End of a multi-record event.
    pub const EOE: Self = Self(1320);
    /// Process title.
    pub const PROCTITLE: Self = Self(1327);

    /// The name as auditd writes it (`SYSCALL`), or `None` for a number nobody has named.
    #[must_use]
    pub fn name(self) -> Option<&'static str> {
        todo!("audit helper")
    }

    /// The type of a name, also of `UNKNOWN[1420]` and of a bare number.
    #[must_use]
    pub fn from_name(_name: &[u8]) -> Option<Self> {
        todo!("audit helper")
    }
}
