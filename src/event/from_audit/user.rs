//! `user.*` and `group.*`: the ids of the process, the person who logged in, the account that was changed.

use super::super::around::Common;
use super::super::audit_document::{AuditDocument, text_or_none};
use super::super::document::Values;
use super::super::kind::{Act, operation};
use super::super::schema::{FieldId, field};
use super::parts::{UNSET, number};
use crate::audit::{Record, RecordType, fields, value};

pub(super) fn values<'e>(doc: &AuditDocument<'e>, id: FieldId) -> Values<'e> {
    let who = &doc.parts.who;
    match id {
        field::USER_ID | field::USER_EXT_REAL_ID => number_of(who.uid),
        field::USER_NAME | field::USER_EXT_REAL_NAME => user_name(doc, who.uid, b"UID"),
        field::USER_EFFECTIVE_ID => number_of(who.euid),
        field::USER_EFFECTIVE_NAME => user_name(doc, who.euid, b"EUID"),
        field::USER_SAVED_ID => number_of(who.suid),
        field::USER_SAVED_NAME => user_name(doc, who.suid, b"SUID"),
        field::USER_FILESYSTEM_ID => number_of(who.fsuid),
        field::USER_FILESYSTEM_NAME => user_name(doc, who.fsuid, b"FSUID"),
        field::USER_AUDIT_ID => number_of(auid(doc)),
        field::USER_AUDIT_NAME => user_name(doc, auid(doc), b"AUID"),
        field::GROUP_ID | field::USER_GROUP_ID | field::GROUP_EXT_REAL_ID => number_of(who.gid),
        field::GROUP_NAME | field::USER_GROUP_NAME | field::GROUP_EXT_REAL_NAME => {
            group_name(doc, who.gid, b"GID")
        }
        field::USER_EFFECTIVE_GROUP_ID => number_of(who.egid),
        field::USER_EFFECTIVE_GROUP_NAME => group_name(doc, who.egid, b"EGID"),
        field::USER_SAVED_GROUP_ID => number_of(who.sgid),
        field::USER_SAVED_GROUP_NAME => group_name(doc, who.sgid, b"SGID"),
        field::USER_FILESYSTEM_GROUP_ID => number_of(who.fsgid),
        field::USER_FILESYSTEM_GROUP_NAME => group_name(doc, who.fsgid, b"FSGID"),
        _ => target(doc, id),
    }
}

/// The login uid after the event: a LOGIN record's own one.
fn auid<'e>(doc: &AuditDocument<'e>) -> &'e [u8] {
    if let Some(record) = doc.parts.login
        && let Some(field) = fields::find(record.body, b"auid")
    {
        return field.raw;
    }
    if doc.parts.who.auid.is_empty() {
        // CONFIG_CHANGE and the like beside a record without it.
        return fields::find(doc.parts.lead.body, b"auid").map_or(b"", |f| f.raw);
    }
    doc.parts.who.auid
}

/// An id as text; nothing when it is unset.
fn number_of(raw: &[u8]) -> Values<'_> {
    text_or_none(number(raw).filter(|n| *n != UNSET).map(|_| raw))
}

/// The name of an id: what auditd looked up when it wrote the record, else what this host's file says.
/// Both are the host's view, so a process in a container or in namespaces of its own is given none.
fn user_name<'e>(doc: &AuditDocument<'e>, raw: &[u8], key: &[u8]) -> Values<'e> {
    let Some(uid) = number(raw).filter(|n| *n != UNSET) else { return Values::None };
    let Common { host, names } = &**doc.around.common;
    let own = || names.user(uid).filter(|_| host.is(doc.event.node));
    text_or_none(enriched(doc, doc.parts.who_record, key).or_else(own).filter(|_| doc.host_view()))
}

fn group_name<'e>(doc: &AuditDocument<'e>, raw: &[u8], key: &[u8]) -> Values<'e> {
    let Some(gid) = number(raw).filter(|n| *n != UNSET) else { return Values::None };
    let Common { host, names } = &**doc.around.common;
    let own = || names.group(gid).filter(|_| host.is(doc.event.node));
    text_or_none(enriched(doc, doc.parts.who_record, key).or_else(own).filter(|_| doc.host_view()))
}

/// What an ENRICHED record has for a key; `unset` and `unknown(4242)` are no names.
pub(super) fn enriched<'e>(doc: &AuditDocument<'e>, record: Record<'e>, key: &[u8]) -> Option<&'e [u8]> {
    let found = fields::enriched(record.enriched).find(|f| f.key == key)?;
    let name = if found.quoted { found.raw } else { doc.decode(&found)? };
    let none = name.is_empty() || name == b"unset" || name.starts_with(b"unknown(");
    (!none).then_some(name)
}

/// The account or group that a message of shadow's tools, PAM or sudo is about. `id=` names a number only
/// where there is no name.
fn target<'e>(doc: &AuditDocument<'e>, id: FieldId) -> Values<'e> {
    if doc.parts.lead.kind == RecordType::SYSCALL {
        return Values::None;
    }
    let groups = [
        Act::ADDED_GROUP,
        Act::DELETED_GROUP,
        Act::MODIFIED_GROUP,
        Act::CHANGED_GROUP_PASSWORD,
        Act::CHANGED_GROUP_ID,
    ];
    let act = doc.parts.kind.lead();
    let body = doc.parts.lead.body;
    if let Some(member) = operation::member_of_group(body) {
        // gpasswd: its `acct=` is the group.
        return match id {
            field::USER_TARGET_NAME => text_or_none(Some(member.user)),
            field::USER_TARGET_GROUP_NAME => text_or_none(Some(member.group)),
            _ => Values::None,
        };
    }
    let of_group = groups.contains(&act);
    let keys: &[&[u8]] = match id {
        field::USER_TARGET_ID if !of_group => &[b"id"],
        field::USER_TARGET_NAME if !of_group => &[b"acct"],
        field::USER_CHANGES_ID if act == Act::CHANGED_USER_ID => &[b"id"],
        field::USER_CHANGES_NAME if operation::is_new_name(body) => &[b"acct"],
        field::USER_TARGET_GROUP_ID if of_group => &[b"id"],
        field::USER_TARGET_GROUP_NAME if of_group => &[b"grp", b"acct"],
        field::USER_TARGET_GROUP_NAME => &[b"grp"],
        _ => return Values::None,
    };
    let found = keys
        .iter()
        .find_map(|key| fields::user(body).find(|f| f.key == *key && !value::is_absent(f)))
        .filter(|f| f.raw != b"4294967295");
    // A number is decimal digits, never hexadecimal ones; a name may be encoded.
    text_or_none(found.and_then(|f| if f.key == b"id" { Some(f.raw) } else { doc.decode(&f) }))
}
