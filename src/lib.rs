//! auditward: the Linux kernel's audit stream, asked by detection rules, answered in syslog.
//!
//! # Layout
//!
//! The house is the path of a record; each room may know only the rooms above it in this list.
//!
//! | room | turns | into |
//! |---|---|---|
//! | [`audit`] | bytes from the kernel or a log | an [`audit::AuditEvent`]: all records of one event |
//! | [`probe`] | a closed question | what only privilege may read, in a process of its own |
//! | [`event`] | an audit event | an event in ECS terms, which answers by field |
//! | [`account`] | the account files as they are | what changed in them, as events |
//! | [`eql`] | the text of a query | a compiled condition over events |
//! | [`rule`] | rule files | metadata and compiled queries |
//! | [`detect`] | events and rules | matches |
//! | [`alert`] | a match | an alert document and its one readable line |
//! | [`store`] | alerts | rows on disk, and how far each destination is |
//! | [`triage`] | an alert | what an analyst would ask this host about it |
//! | [`output`] | alerts | syslog, standard output, a file |
//! | [`daemon`] | all of the above | `auditward run` |
//! | [`cli`] | arguments | calls into the rooms |
//!
//! Beside them stand [`diagnostic`], how a fault in a rule, a query or a setting is shown,
//! [`toml_file`], how a rule file or the configuration is read so that all its faults are told,
//! [`clean`], how text that comes from outside is made fit to be shown, [`secret`], what stands in it in place
//! of a password, and [`shares`], who gives up what where there is no more room.

pub mod account;
pub mod alert;
pub mod audit;
pub mod clean;
pub mod cli;
pub mod daemon;
pub mod detect;
pub mod diagnostic;
pub mod eql;
pub mod event;
pub mod output;
pub mod probe;
pub mod rule;
pub mod secret;
pub mod shares;
pub mod store;
pub mod toml_file;
pub mod triage;
#[cfg(test)]
mod waiting;
