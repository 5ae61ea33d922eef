//! The kernel's side: audit records as bytes, and the events they belong to.
//!
//! Knows nothing of ECS, rules or alerts. `netlink`, `log` and `control` touch the world; everything
//! else here is pure and takes the time as an argument.

pub mod auditd_conf;
mod boots;
pub mod bprm_fcaps;
pub mod control;
pub mod datagrams;
pub mod errno;
pub mod execve;
pub mod fields;
pub mod follow;
mod input;
pub mod kernel_rules;
mod line_buffer;
pub mod log;
pub mod netlink;
pub mod path;
pub mod reassembler;
pub mod record;
pub(crate) mod sockopt;
pub mod syscall;
pub mod syscalls;
pub mod types;
pub mod value;
mod zstd;

pub use boots::Boots;
pub use bprm_fcaps::BprmFcaps;
pub use path::Path;
pub use reassembler::{AuditEvent, OwnedEvent, Reassembler, Shelf, Shelved};
pub use record::{LastStamp, Malformed, Record, Stamp};
pub(crate) use sockopt::take_listen_fds;
pub use syscall::Syscall;
pub use types::RecordType;
