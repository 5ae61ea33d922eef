//! `auditd.*`: type, result, session, and the summary "who did what to what, by which program".

use super::super::audit_document::{AuditDocument, long_or_none, text_or_none};
use super::super::document::{Value, Values};
use super::super::kind::Act;
use super::super::schema::{FieldId, field};
use super::event::outcome;
use super::parts::{UNSET, number};
use crate::audit::{RecordType, fields, value};

pub(super) fn values<'e>(doc: &AuditDocument<'e>, id: FieldId) -> Values<'e> {
    match id {
        field::AUDITD_MESSAGE_TYPE => message_type(doc),
        field::AUDITD_RESULT => match outcome(doc) {
            b"success" => doc.one_text(b"success"),
            b"failure" => doc.one_text(b"fail"),
            _ => Values::None,
        },
        field::AUDITD_SESSION => session(doc),
        field::AUDITD_INCOMPLETE if doc.event.incomplete => Values::One(Value::Bool(true)),
        field::AUDITD_ARGS_MISSING if doc.parts.execve && doc.around.arguments.missing > 0 => {
            long_or_none(i64::try_from(doc.around.arguments.missing).ok())
        }
        field::AUDITD_SUMMARY_ACTOR_PRIMARY => {
            match either(doc, &[field::USER_AUDIT_NAME, field::USER_AUDIT_ID]) {
                Values::None if number(doc.parts.who.auid) == Some(UNSET) => doc.one_text(b"unset"),
                actor => actor,
            }
        }
        field::AUDITD_SUMMARY_ACTOR_SECONDARY => either(doc, &[field::USER_NAME, field::USER_ID]),
        field::AUDITD_SUMMARY_HOW => doc.ask(field::PROCESS_EXECUTABLE),
        field::AUDITD_SUMMARY_OBJECT_PRIMARY => {
            Object::of(doc).map_or(Values::None, |object| primary(doc, object))
        }
        field::AUDITD_SUMMARY_OBJECT_SECONDARY => {
            Object::of(doc).map_or(Values::None, |object| secondary(doc, object))
        }
        field::AUDITD_SUMMARY_OBJECT_TYPE => text_or_none(Object::of(doc).map(Object::word)),
        _ => Values::None,
    }
}

/// The name of the leading record's type in lower case; `unknown[1420]` for one that nobody has named.
fn message_type<'e>(doc: &AuditDocument<'e>) -> Values<'e> {
    let kind = doc.parts.lead.kind;
    match kind.name() {
        Some(name) => {
            let name = doc.arena.alloc_slice_copy(name.as_bytes());
            name.make_ascii_lowercase();
            doc.one_text(name)
        }
        None => doc.number_text(format_args!("unknown[{}]", kind.0)),
    }
}

fn session<'e>(doc: &AuditDocument<'e>) -> Values<'e> {
    let of = |body: &'e [u8]| fields::find(body, b"ses").map(|f| f.raw);
    let raw = doc
        .parts
        .login
        .and_then(|r| of(r.body))
        .or_else(|| Some(doc.parts.who.ses).filter(|s| !s.is_empty()));
    let raw = raw.or_else(|| of(doc.parts.lead.body));
    text_or_none(raw.filter(|raw| number(raw).is_some_and(|n| n != UNSET)))
}

/// What something was done to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Object {
    /// The file that an exec asked for.
    Program,
    File,
    Socket,
    Account,
    Session,
}

impl Object {
    fn of(doc: &AuditDocument<'_>) -> Option<Self> {
        let kind = doc.parts.kind;
        if kind.is(Act::EXECUTED) || kind.is(Act::EXECUTION_FAILED) {
            return Some(Self::Program);
        }
        let categories = kind.lead().row().categories;
        let has = |category: &[u8]| categories.contains(&Value::Text(category));
        Some(match () {
            () if has(b"file") => Self::File,
            () if has(b"network") => Self::Socket,
            () if has(b"session") => Self::Session,
            () if has(b"iam") || has(b"authentication") => Self::Account,
            () => return None,
        })
    }

    fn word(self) -> &'static [u8] {
        match self {
            Self::Program | Self::File => b"file",
            Self::Socket => b"socket",
            Self::Account => b"user-account",
            Self::Session => b"user-session",
        }
    }
}

/// The first of some fields that has a value.
fn either<'e>(doc: &AuditDocument<'e>, fields: &[FieldId]) -> Values<'e> {
    fields.iter().map(|id| doc.ask(*id)).find(|values| *values != Values::None).unwrap_or(Values::None)
}

fn primary<'e>(doc: &AuditDocument<'e>, object: Object) -> Values<'e> {
    match object {
        Object::Program => text_or_none(asked_for(doc)),
        Object::File => either(doc, &[field::FILE_PATH, field::FILE_NAME]),
        Object::Socket => {
            let addresses = [
                field::DESTINATION_ADDRESS,
                field::SOURCE_ADDRESS,
                field::AUDITD_DATA_SOCKET_ADDR,
                field::AUDITD_DATA_SOCKET_PATH,
            ];
            either(doc, &addresses)
        }
        Object::Account | Object::Session => {
            let account = [
                field::USER_TARGET_NAME,
                field::USER_TARGET_GROUP_NAME,
                field::USER_TARGET_ID,
                field::USER_TARGET_GROUP_ID,
            ];
            either(doc, &account)
        }
    }
}

fn secondary<'e>(doc: &AuditDocument<'e>, object: Object) -> Values<'e> {
    match object {
        Object::File => doc.ask(field::FILE_EXT_ORIGINAL_PATH),
        Object::Socket => doc.ask(field::AUDITD_DATA_SOCKET_PORT),
        Object::Program | Object::Account | Object::Session => Values::None,
    }
}

/// The name that an exec asked for.
fn asked_for<'e>(doc: &AuditDocument<'e>) -> Option<&'e [u8]> {
    let first = doc.event.records().find(|r| r.kind == RecordType::PATH)?;
    let field = fields::find(first.body, b"name").filter(|f| !value::is_absent(f))?;
    doc.decode(&field).filter(|name| !name.is_empty())
}
