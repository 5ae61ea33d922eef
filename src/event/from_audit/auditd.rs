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
        field::AUDITD_SUMMARY_ACTOR_PRIMARY => match named(doc, field::USER_AUDIT_NAME, field::USER_AUDIT_ID)
        {
            Values::None if !doc.parts.who.auid.is_empty() => doc.one_text(b"unset"),
            actor => actor,
        },
        field::AUDITD_SUMMARY_ACTOR_SECONDARY => named(doc, field::USER_NAME, field::USER_ID),
        field::AUDITD_SUMMARY_HOW => doc.ask(field::PROCESS_EXECUTABLE),
        _ => object(doc, id),
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

fn named<'e>(doc: &AuditDocument<'e>, name: FieldId, id: FieldId) -> Values<'e> {
    match doc.ask(name) {
        Values::None => doc.ask(id),
        name => name,
    }
}

/// What it was done to: a file, a socket, an account, a program.
fn object<'e>(doc: &AuditDocument<'e>, id: FieldId) -> Values<'e> {
    let kind = doc.parts.kind;
    let has = |category: &[u8]| kind.lead().row().categories.contains(&Value::Text(category));
    if id == field::AUDITD_SUMMARY_OBJECT_SECONDARY && doc.parts.is_exec() {
        return Values::None;
    }
    let (what, primary, secondary): (&[u8], _, _) =
        if kind.is(Act::EXECUTED) || kind.is(Act::EXECUTION_FAILED) {
            let asked = if id == field::AUDITD_SUMMARY_OBJECT_PRIMARY { asked_for(doc) } else { None };
            (b"file", text_or_none(asked), Values::None)
        } else if has(b"file") {
            let path = match doc.ask(field::FILE_PATH) {
                Values::None => doc.ask(field::FILE_NAME),
                path => path,
            };
            (b"file", path, doc.ask(field::FILE_EXT_ORIGINAL_PATH))
        } else if has(b"network") {
            let either = |a, b| if doc.ask(a) == Values::None { doc.ask(b) } else { doc.ask(a) };
            let address = match either(field::DESTINATION_ADDRESS, field::SOURCE_ADDRESS) {
                Values::None => either(field::AUDITD_DATA_SOCKET_ADDR, field::AUDITD_DATA_SOCKET_PATH),
                address => address,
            };
            let port = doc.ask(field::AUDITD_DATA_SOCKET_PORT);
            (b"socket", address, port)
        } else if has(b"iam") || has(b"authentication") || has(b"session") {
            let account = [
                field::USER_TARGET_NAME,
                field::USER_TARGET_GROUP_NAME,
                field::USER_TARGET_ID,
                field::USER_TARGET_GROUP_ID,
            ];
            let account = account.into_iter().map(|id| doc.ask(id)).find(|v| *v != Values::None);
            let what: &[u8] = if has(b"session") { b"user-session" } else { b"user-account" };
            (what, account.unwrap_or(Values::None), Values::None)
        } else {
            return Values::None;
        };
    match id {
        field::AUDITD_SUMMARY_OBJECT_PRIMARY => primary,
        field::AUDITD_SUMMARY_OBJECT_SECONDARY => secondary,
        field::AUDITD_SUMMARY_OBJECT_TYPE => doc.one_text(what),
        _ => Values::None,
    }
}

/// The name that an exec asked for.
fn asked_for<'e>(doc: &AuditDocument<'e>) -> Option<&'e [u8]> {
    let first = doc.event.records().find(|r| r.kind == RecordType::PATH)?;
    let field = fields::find(first.body, b"name").filter(|f| !value::is_absent(f))?;
    doc.decode(&field).filter(|name| !name.is_empty())
}
