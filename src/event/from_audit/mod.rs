//! From an audit event to ECS fields: one file a family of fields.
//!
//! Each file answers for its fields from the records when asked; [`AuditDocument`] keeps what was
//! answered. Nothing here trusts what a process wrote over what the kernel wrote.

mod auditd;
pub(crate) mod data;
mod event;
pub(crate) mod file;
pub(crate) mod keys;
mod network;
pub(crate) mod parts;
mod process;
mod relative;
mod user;

pub(crate) use event::{MODULES, always, always_shown, datasets_of};
pub(crate) use process::{CAPABILITIES, name_of_exec};

use super::audit_document::AuditDocument;
use super::document::Values;
use super::schema::table::FIELDS;
use super::schema::{Family, FieldId, ROWS, row};

/// The family of each field: in a few cache lines, where the whole schema would not be.
static FAMILIES: [Family; FIELDS] = {
    let mut families = [Family::Absent; FIELDS];
    let mut at = 0;
    while at < FIELDS {
        families[at] = ROWS[at].family;
        at += 1;
    }
    families
};

/// The values of a field as matching sees them; nothing for a field that has no source.
pub(crate) fn values<'e>(doc: &AuditDocument<'e>, id: FieldId) -> Values<'e> {
    match FAMILIES.get(usize::from(id.0)).copied().unwrap_or(Family::Absent) {
        Family::Absent | Family::Account => Values::None,
        Family::Event => event::values(doc, id),
        Family::Host => event::host(doc, id),
        Family::Process => process::values(doc, id),
        Family::Parent => relative::values(doc, doc.parent, id),
        Family::Ancestors => relative::ancestors(doc),
        Family::EntryLeader => relative::values(doc, doc.leaders()[2], id),
        Family::SessionLeader => relative::values(doc, doc.leaders()[0], id),
        Family::GroupLeader => relative::values(doc, doc.leaders()[1], id),
        Family::User => user::values(doc, id),
        Family::File => file::values(doc, id),
        Family::Network => network::values(doc, id),
        Family::Auditd => auditd::values(doc, id),
        Family::Data => data::values(doc, name(id)),
        Family::Paths => data::paths(doc, name(id)),
    }
}

fn name(id: FieldId) -> &'static str {
    row(id).map_or("", |row| row.name)
}
