//! From an audit event to ECS fields: one file a family of fields.
//!
//! Each file answers for its fields from the records when asked; [`AuditDocument`] keeps what was
//! answered. Nothing here trusts what a process wrote over what the kernel wrote.

mod auditd;
pub(crate) mod data;
mod event;
pub(crate) mod file;
mod network;
pub(crate) mod parts;
mod process;
mod relative;
mod user;

pub(crate) use process::{CAPABILITIES, name_of_exec};

use super::audit_document::AuditDocument;
use super::document::Values;
use super::schema::{Family, FieldId, row};

/// The values of a field as matching sees them; nothing for a field that has no source.
pub(crate) fn values<'e>(doc: &AuditDocument<'e>, id: FieldId) -> Values<'e> {
    let Some(row) = row(id) else { return Values::None };
    match row.family {
        Family::Absent => Values::None,
        Family::Event => event::values(doc, id),
        Family::Host => event::host(doc, id),
        Family::Process => process::values(doc, id),
        Family::Parent => relative::values(doc, doc.parent, id),
        Family::EntryLeader => relative::values(doc, doc.leaders()[2], id),
        Family::SessionLeader => relative::values(doc, doc.leaders()[0], id),
        Family::GroupLeader => relative::values(doc, doc.leaders()[1], id),
        Family::User => user::values(doc, id),
        Family::File => file::values(doc, id),
        Family::Network => network::values(doc, id),
        Family::Auditd => auditd::values(doc, id),
        Family::Data => data::values(doc, row.name),
        Family::Paths => data::paths(doc, row.name),
    }
}
