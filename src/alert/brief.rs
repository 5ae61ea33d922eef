//! As much of an alert's document as its line tells, made of the event itself.

use std::collections::HashSet;

use serde_json::{Map, Value as Json, json};

use super::document::{audit_id, rfc3339, time_of};
use super::source::account;
use super::{read, target};
use crate::audit::Stamp;
use crate::event::ancestry::Image;
use crate::event::schema::{FieldId, field};
use crate::event::{AuditDocument, Value, Values};
use crate::rule::Rule;
use crate::secret;

/// The fields that the line has of an event as they are, by their names.
const TOLD: [(&str, FieldId); 22] = [
    ("auditd.data.tty", field::AUDITD_DATA_TTY),
    ("auditd.message_type", field::AUDITD_MESSAGE_TYPE),
    ("auditd.session", field::AUDITD_SESSION),
    ("container.id", field::CONTAINER_ID),
    ("event.action", field::EVENT_ACTION),
    ("event.outcome", field::EVENT_OUTCOME),
    ("file.path", field::FILE_PATH),
    ("host.name", field::HOST_NAME),
    ("process.executable", field::PROCESS_EXECUTABLE),
    ("process.name", field::PROCESS_NAME),
    ("process.parent.executable", field::PROCESS_PARENT_EXECUTABLE),
    ("process.parent.name", field::PROCESS_PARENT_NAME),
    ("process.parent.pid", field::PROCESS_PARENT_PID),
    ("process.pid", field::PROCESS_PID),
    ("process.working_directory", field::PROCESS_WORKING_DIRECTORY),
    ("user.audit.id", field::USER_AUDIT_ID),
    ("user.audit.name", field::USER_AUDIT_NAME),
    ("user.effective.id", field::USER_EFFECTIVE_ID),
    ("user.effective.name", field::USER_EFFECTIVE_NAME),
    ("user.id", field::USER_ID),
    ("user.name", field::USER_NAME),
    ("user.target.id", field::USER_TARGET_ID),
];

/// The parts that [`super::text::line`] tells of the document that [`super::document::build`] makes, under
/// their dotted names. None where a text is not UTF-8 or stands for one that is not: how that is written,
/// the whole document knows.
pub(super) fn of(
    rule: &Rule,
    event: &AuditDocument<'_>,
    stamps: &[Stamp],
    id: &str,
) -> Option<Map<String, Json>> {
    let mut brief = Map::with_capacity(40);
    let mut put = |name: &str, value: Json| drop(brief.insert(name.to_owned(), value));
    let time = rfc3339(time_of(event.event.stamp));
    // A year of more than four digits is written in another way.
    put("@timestamp", Json::from(Some(time).filter(|time| time.len() == 24)?));
    for (name, field) in TOLD {
        if let Some(value) = told(&event.shown(field))? {
            put(name, value);
        }
    }
    let target = told(&event.shown(field::USER_TARGET_NAME))?;
    let args = texts(&event.shown(field::PROCESS_ARGS))?;
    if args.is_empty()
        && let Some(line) = told(&event.shown(field::PROCESS_COMMAND_LINE))?
    {
        put("process.command_line", line);
    }
    let mut ancestors: Vec<Json> = Vec::new();
    let mut next = 0;
    for process in event.ancestors() {
        let image = process.image.as_ref();
        let text = |of: fn(&Image) -> Option<&[u8]>| image.and_then(of).map(utf8);
        let (name, executable) = (text(Image::name), text(Image::executable));
        if [&name, &executable].into_iter().flatten().any(Option::is_none) {
            return None;
        }
        let mut ancestor = Map::new();
        ancestor.insert("pid".to_owned(), process.pid.into());
        if let Some(name) = name.flatten().filter(|name| !name.is_empty()) {
            ancestor.insert("name".to_owned(), name.into());
        } else if let Some(executable) = executable.flatten() {
            ancestor.insert("executable".to_owned(), executable.into());
        }
        ancestors.push(ancestor.into());
        next = process.ppid;
    }
    if !ancestors.is_empty() && next != 0 {
        ancestors.push(json!({ "pid": next }));
    }
    put("auditward.ancestors", ancestors.into());
    put("auditward.audit_id", stamps.iter().map(|stamp| Json::from(audit_id(*stamp))).collect());
    put("event.id", id.into());
    put("event.severity", rule.severity.number().into());
    put("event.risk_score", json!(rule.risk_score));
    put("rule.name", rule.name.as_str().into());
    put("rule.id", rule.id.as_str().into());
    put("rule.uuid", rule.uuid.as_str().into());
    put("rule.version", rule.version.to_string().into());
    let techniques = || rule.threat.iter().flat_map(|threat| &threat.technique);
    put("threat.tactic.id", each_once(rule.threat.iter().map(|threat| &*threat.tactic.id)));
    put("threat.technique.id", each_once(techniques().map(|technique| &*technique.id)));
    let subtechniques = techniques().flat_map(|technique| &technique.subtechnique);
    put("threat.technique.subtechnique.id", each_once(subtechniques.map(|item| &*item.id)));

    let unnamed = target.as_ref().and_then(read::scalar).is_none();
    let words: Vec<&[u8]> = args.iter().map(|arg| arg.as_bytes()).collect();
    let tool = read::text(&brief, "process.name");
    let guess = tool.filter(|_| unnamed).and_then(|tool| target::from_arguments(&tool, &words).map(utf8));
    let guess = match guess {
        Some(name) => Some(name?.to_owned()),
        None => account(event),
    };
    brief.extend(guess.map(|name| ("auditward.target.user.name".to_owned(), name.into())));
    brief.extend(target.map(|name| ("user.target.name".to_owned(), name)));
    if !args.is_empty() {
        brief.insert("process.args".to_owned(), args.into());
    }
    if let Some(parent) = parent(&brief) {
        brief.insert("process.parent".to_owned(), parent);
    }
    if let Some(masker) = secret::masker() {
        masker.brief(&mut brief);
    }
    Some(brief)
}

/// What is known of the parent, as one object.
fn parent(brief: &Map<String, Json>) -> Option<Json> {
    let part = |key: &str| Some((key.to_owned(), brief.get(&format!("process.parent.{key}"))?.clone()));
    let parts: Map<String, Json> = ["pid", "name", "executable"].into_iter().filter_map(part).collect();
    (!parts.is_empty()).then(|| parts.into())
}

fn each_once<'a>(ids: impl Iterator<Item = &'a str>) -> Json {
    let mut seen = HashSet::new();
    ids.filter(|id| seen.insert(*id)).collect()
}

/// The first of some values, as the document has it; the outer none where it is not UTF-8.
#[expect(clippy::option_option, reason = "two ways to be missing")]
fn told(values: &Values<'_>) -> Option<Option<Json>> {
    Some(Some(match values.as_slice().first() {
        None => return Some(None),
        Some(Value::Text(text)) => utf8(text)?.into(),
        Some(Value::Long(number)) => (*number).into(),
        Some(Value::Bool(truth)) => (*truth).into(),
        Some(Value::Double(_) | Value::Date(_) | Value::Ip(_)) => return None,
    }))
}

fn texts<'a>(values: &Values<'a>) -> Option<Vec<&'a str>> {
    let text = |value: &Value<'a>| match value {
        Value::Text(text) => utf8(text),
        _ => None,
    };
    values.as_slice().iter().map(text).collect()
}

/// The text, unless some of it is not UTF-8 or looks as if it were not.
fn utf8(text: &[u8]) -> Option<&str> {
    std::str::from_utf8(text).ok().filter(|text| text.is_ascii() || !text.contains('\u{FFFD}'))
}
