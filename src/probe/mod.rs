//! The probe: a second process that reads what the daemon may not, and answers only a closed protocol.
//!
//! The daemon holds no capability and reads hostile bytes; some of what its rules ask (the program of a running
//! process, its environment, whether an account has a password, how many records the kernel lost) needs one. The
//! probe holds three (CAP_SYS_PTRACE, CAP_DAC_READ_SEARCH, CAP_AUDIT_CONTROL), reads nothing but requests of
//! [`request::LENGTH`] bytes from the daemon's own user, changes nothing, and answers in at most
//! [`answer::LONGEST`] bytes. It is to be treated as root.
//!
//! It knows `audit::control` (AUDIT_GET and the list of kernel rules), and nothing of records, fields and detection
//! rules.
//!
//! - [`request`] and [`answer`] are the protocol, pure;
//! - [`process`], [`digest`], [`accounts`] and [`auditing`] read what is asked;
//! - [`sandbox`] is what the process may still call, [`server`] its life, [`client`] the daemon's side.

pub mod accounts;
pub mod answer;
pub mod auditing;
pub mod client;
pub mod digest;
pub mod process;
pub mod request;
pub mod sandbox;
pub mod server;
mod words;

pub use answer::{Answer, Known};
pub use client::{Client, Counts, NotReadable};
pub use request::{Question, Request, Target};
pub use words::Text;

/// Where the socket unit (`systemd/auditward-probe.socket`) listens.
pub const SOCKET: &str = "/run/auditward-probe.socket";
