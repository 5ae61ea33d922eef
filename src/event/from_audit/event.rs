//! `@timestamp`, `event.*`, `tags`, `data_stream.*`, `agent.*`, `ecs.version` and `host.*`.

use super::super::audit_document::{AuditDocument, long_or_none, text_or_none};
use super::super::document::{Value, Values};
use super::super::schema::{FieldId, field};
use crate::audit::value::{self, Keys};
use crate::audit::{RecordType, fields};

pub(super) fn values<'e>(doc: &AuditDocument<'e>, id: FieldId) -> Values<'e> {
    match id {
        field::TIMESTAMP => date(doc.event.stamp.millis),
        field::EVENT_CREATED => date(doc.created),
        field::EVENT_ACTION => actions(doc),
        field::EVENT_CATEGORY => categories(doc),
        field::EVENT_TYPE => types(doc),
        field::EVENT_MODULE => Values::Many(&MODULES),
        field::EVENT_OUTCOME => doc.one_text(outcome(doc)),
        field::EVENT_SEQUENCE => long_or_none(i64::try_from(doc.event.stamp.serial).ok()),
        field::EVENT_ID => event_id(doc),
        field::EVENT_CODE => doc.number_text(doc.parts.lead.kind.0),
        field::EVENT_DATASET | field::DATA_STREAM_DATASET => datasets(doc),
        field::TAGS => tags(doc),
        _ => always_shown(id),
    }
}

/// What a field shows in every event; rules may know it by other words beside.
pub(crate) fn always(id: FieldId) -> Option<&'static str> {
    Some(match id {
        field::AGENT_TYPE | field::EVENT_MODULE => "auditward",
        field::AGENT_VERSION => env!("CARGO_PKG_VERSION"),
        field::DATA_STREAM_DATASET | field::EVENT_DATASET => "auditward.event",
        field::DATA_STREAM_NAMESPACE => "default",
        field::DATA_STREAM_TYPE => "logs",
        field::ECS_VERSION => crate::event::ECS_VERSION,
        field::EVENT_KIND => "event",
        field::HOST_OS_TYPE => "linux",
        _ => return None,
    })
}

/// The same as values.
pub(crate) fn always_shown<'e>(id: FieldId) -> Values<'e> {
    text_or_none(always(id).map(str::as_bytes))
}

pub(crate) static MODULES: [Value<'static>; 3] =
    [Value::Text(b"auditd"), Value::Text(b"auditward"), Value::Text(b"endpoint")];

fn date<'e>(millis: u64) -> Values<'e> {
    Values::One(Value::Date(i64::try_from(millis).unwrap_or(i64::MAX)))
}

/// Every producer's words for the acts; a system call that failed has changed nothing, so it answers to
/// the word that is shown and to no other's.
fn actions<'e>(doc: &AuditDocument<'e>) -> Values<'e> {
    let shown = doc.shown(field::EVENT_ACTION);
    if doc.parts.failed && !doc.parts.attempts() {
        return shown;
    }
    match doc.parts.kind.acts() {
        [act] if !act.row().action.is_empty() => Values::Many(act.row().actions),
        acts => {
            let words = acts.iter().flat_map(|act| act.row().actions).copied();
            let words = words.filter(|word| *word != Value::Text(b""));
            match shown {
                Values::One(own) => doc.many(std::iter::once(own).chain(words.filter(move |w| *w != own))),
                _ => doc.many(words),
            }
        }
    }
}

fn categories<'e>(doc: &AuditDocument<'e>) -> Values<'e> {
    match doc.parts.kind.acts() {
        [act] => Values::Many(act.row().categories),
        acts => unique(doc, acts.iter().flat_map(|act| act.row().categories)),
    }
}

fn types<'e>(doc: &AuditDocument<'e>) -> Values<'e> {
    if doc.parts.failed && !doc.parts.attempts() {
        return doc.one_text(b"info");
    }
    match doc.parts.kind.acts() {
        [act] => Values::Many(act.row().types),
        acts => unique(doc, acts.iter().flat_map(|act| act.row().types)),
    }
}

fn unique<'e>(doc: &AuditDocument<'e>, values: impl Iterator<Item = &'static Value<'static>>) -> Values<'e> {
    let mut seen = Vec::new();
    for value in values {
        if !seen.contains(value) {
            seen.push(*value);
        }
    }
    doc.many(seen.into_iter())
}

/// What the record that names the act says of it, and what the kernel says of the system call. Where the one failed the
/// other was only how it was asked for: `auditctl -e 0` sends its message also where auditing is locked (`kernel/audit.c`,
/// `audit_do_config_change`), and so does a program that reports a login which was refused.
pub(super) fn outcome(doc: &AuditDocument<'_>) -> &'static [u8] {
    let (lead, call) = (doc.parts.lead, doc.parts.who.success);
    let told = match lead.kind {
        RecordType::SYSCALL | RecordType::URINGOP => None,
        _ => fields::user(lead.body)
            .chain(fields::kernel(lead.body))
            .find(|f| matches!(f.key, b"res" | b"result"))
            .map(|f| f.raw),
    };
    match (told, call) {
        (Some(b"failed" | b"0" | b"no" | b"fail"), _) | (_, b"no") => b"failure",
        (Some(b"success" | b"1" | b"yes"), _) | (_, b"yes") => b"success",
        _ => b"unknown",
    }
}

/// HOST/SECONDS.MILLIS:SERIAL.
fn event_id<'e>(doc: &AuditDocument<'e>) -> Values<'e> {
    let stamp = doc.event.stamp;
    let host = String::from_utf8_lossy(doc.around.common.host.id_of(doc.event.node));
    let (seconds, millis) = (stamp.millis / 1000, stamp.millis % 1000);
    let mut number = itoa::Buffer::new();
    let mut id = bumpalo::collections::String::with_capacity_in(host.len() + 40, doc.arena);
    id.push_str(&host);
    id.push('/');
    id.push_str(number.format(seconds));
    id.push('.');
    // Four digits, of which the first only keeps the zeros.
    id.push_str(number.format(1000 + millis).get(1..).unwrap_or_default());
    id.push(':');
    id.push_str(number.format(stamp.serial));
    doc.one_text(id.into_bump_str().as_bytes())
}

fn datasets<'e>(doc: &AuditDocument<'e>) -> Values<'e> {
    doc.many(datasets_of(categories(doc).as_slice()))
}

/// The data sets in which other producers keep an event of these categories.
pub(crate) fn datasets_of<'e>(categories: &[Value<'_>]) -> impl Iterator<Item = Value<'e>> + use<'e> {
    let own: &[u8] = b"auditd_manager.auditd";
    let endpoint = categories.iter().find_map(|category| match category {
        Value::Text(b"process") => Some(&b"endpoint.events.process"[..]),
        Value::Text(b"file") => Some(b"endpoint.events.file"),
        Value::Text(b"network") => Some(b"endpoint.events.network"),
        _ => None,
    });
    std::iter::once(own).chain(endpoint).map(Value::Text)
}

/// The keys of the kernel rules, of every record that has some.
fn tags<'e>(doc: &AuditDocument<'e>) -> Values<'e> {
    let mut tags: Vec<&'e [u8]> = Vec::new();
    for record in doc.event.records() {
        let field = match record.kind {
            RecordType::SYSCALL | RecordType::URINGOP => doc.parts.who.key,
            RecordType::CONFIG_CHANGE => fields::find(record.body, b"key"),
            _ => None,
        };
        if let Some(field) = field.filter(|f| !value::is_absent(f)) {
            for key in Keys::of(&field).iter() {
                if !tags.contains(&key) {
                    tags.push(doc.keep(key));
                }
            }
        }
    }
    doc.many(tags.into_iter().map(Value::Text))
}

pub(super) fn host<'e>(doc: &AuditDocument<'e>, id: FieldId) -> Values<'e> {
    let host = &doc.around.common.host;
    let node = doc.event.node;
    let own =
        |text: &'e Option<String>| text_or_none(text.as_deref().filter(|_| host.is(node)).map(str::as_bytes));
    match id {
        field::HOST_ID => doc.one_text(host.id_of(node)),
        field::HOST_NAME | field::HOST_HOSTNAME => text_or_none(host.name_of(node)),
        field::HOST_OS_KERNEL => own(&host.kernel),
        field::HOST_ARCHITECTURE => own(&host.architecture),
        _ => always_shown(id),
    }
}
