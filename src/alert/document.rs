//! The ECS document of an alert.
//!
//! Field meanings are those of the Elastic Common Schema's field reference; what ECS has no field for
//! stands under `auditward.*`. The order of the keys is the order of their worth, since receivers
//! cut: time and `message` first, then who and what, the rule's prose last.

use std::borrow::Cow;

use jiff::Timestamp;
use jiff::fmt::temporal::DateTimePrinter;
use serde_json::{Map, Value, json};

use super::case::{Matched, Told};
use super::source::text_of;
use super::{json, read, site, target, text};
use crate::audit::Stamp;
use crate::detect::Source;
use crate::event::{ECS_VERSION, data_stream};
use crate::rule::{Rule, Severity, Threat, ThreatItem};
use crate::secret;

/// Fields of the source event's `event` that the alert has its own values for; the event's stand
/// under `auditward.original_event`.
const OWN_EVENT_FIELDS: [&str; 7] = ["kind", "id", "created", "module", "dataset", "severity", "risk_score"];

/// Top-level keys that stand first, in this order; the rest of the source event follows.
const FIRST: [&str; 7] = ["@timestamp", "message", "event", "user", "process", "host", "auditd"];

/// What an alert's document is made of.
pub(super) struct Parts<'a> {
    pub(super) rule: &'a Rule,
    /// The alert's rank.
    pub(super) severity: Severity,
    /// The event that is merged into the document.
    pub(super) source: Map<String, Value>,
    /// Its stamp; none of the daemon's own alerts.
    pub(super) stamp: Option<Stamp>,
    /// All events, in order.
    pub(super) events: &'a [Map<String, Value>],
    pub(super) stamps: &'a [Stamp],
    pub(super) id: &'a str,
    pub(super) created: Timestamp,
    /// Of a rule with a group.
    pub(super) case: Option<&'a Told<'a>>,
}

/// Builds the document; see [`super::Alert::new`].
pub(super) fn build(mut parts: Parts<'_>) -> Map<String, Value> {
    mask(&mut parts.source);
    of_masked(parts)
}

/// The same where the source has no secrets.
fn of_masked(parts: Parts<'_>) -> Map<String, Value> {
    let Parts { rule, severity, mut source, stamp, events, stamps, id, created, case } = parts;
    let source_event = object(source.shift_remove("event"));
    let mut own = own_fields(events, stamps, &source, &source_event);
    let site = site::told();
    if let Some(hash) = site.as_ref().and_then(|site| site.ruleset.as_ref()) {
        own.insert("ruleset".to_owned(), json!({ "version": env!("CARGO_PKG_VERSION"), "hash": hash }));
    }
    if let Some(case) = case {
        own.insert("case".to_owned(), case_fields(severity, case));
        own.insert("rules".to_owned(), case.rules.iter().map(brief).collect());
    }

    if let Some(time) = stamp.map(time_of) {
        source.entry("@timestamp").or_insert_with(|| rfc3339(time).into());
    }
    let mut document = Map::new();
    for key in FIRST {
        document.insert(key.to_owned(), source.shift_remove(key).unwrap_or(Value::Null));
    }
    document.insert("event".to_owned(), event_fields(rule, severity, source_event, id, created).into());
    document.insert("auditward".to_owned(), merge(object(source.shift_remove("auditward")), own).into());
    document.insert("tags".to_owned(), tags(rule, source.shift_remove("tags")));
    source.shift_remove("rule");
    source.shift_remove("threat");
    document.extend(source);
    document.entry("ecs").or_insert_with(|| json!({ "version": ECS_VERSION }));
    document
        .entry("agent")
        .or_insert_with(|| json!({ "type": "auditward", "version": env!("CARGO_PKG_VERSION") }));
    document.insert("data_stream".to_owned(), data_stream("auditward.alert"));
    if let Some(site) = site.filter(|site| !site.labels.is_empty()) {
        document.insert("labels".to_owned(), json!(site.labels));
    }
    if !rule.threat.is_empty() {
        document.insert("threat".to_owned(), threat_fields(&rule.threat).into());
    }
    document.insert("rule".to_owned(), rule_fields(rule).into());
    // The message, in the second place, is made of the otherwise finished document.
    let message = text::headline(severity, &document);
    document.insert("message".to_owned(), message.into());
    document.retain(|_, value| !value.is_null());
    document
}

/// `auditward.case`: the id of its first alert, and the rank that this one raises.
fn case_fields(severity: Severity, case: &Told<'_>) -> Value {
    let mut fields = json!({ "id": case.id, "group": case.group, "matches": case.matches });
    if let Some(from) = case.raised_from {
        let raised = json!({ "from": from.word(), "to": severity.word() });
        fields.as_object_mut().map(|fields| fields.insert("raised".to_owned(), raised));
    }
    fields
}

/// Adds to `auditward.*` of a finished document.
pub(super) fn add_own(document: &mut Map<String, Value>, key: &str, value: Value) {
    let own = document.entry("auditward").or_insert_with(|| Map::new().into());
    if let Some(own) = own.as_object_mut() {
        own.insert(key.to_owned(), value);
    }
}

/// A rule in the list of those that matched one act.
fn brief(matched: &Matched) -> Value {
    let Matched { rule, severity } = matched;
    json!({
        "id": rule.id,
        "uuid": rule.uuid,
        "name": rule.name,
        "version": rule.version.to_string(),
        "severity": severity.number(),
    })
}

/// What the execution tells of a process and a later event of it does not.
const OF_THE_EXECUTION: [&str; 5] = ["args", "args_count", "command_line", "tty", "working_directory"];

/// Fills into `event` what `other`, an event of the same process in the same program, tells of how that was
/// started; nothing that `event` tells itself is changed.
pub(super) fn complete(event: &mut Map<String, Value>, other: &Map<String, Value>) {
    let same = |path| {
        let (this, other) = (read::text(event, path), read::text(other, path));
        this.is_some() && this == other
    };
    if !same("process.entity_id") || !same("process.executable") {
        return;
    }
    let Some(known) = other.get("process").and_then(Value::as_object) else { return };
    if let Some(process) = event.get_mut("process").and_then(Value::as_object_mut) {
        for key in OF_THE_EXECUTION {
            if let (None, Some(value)) = (process.get(key), known.get(key)) {
                process.insert(key.to_owned(), value.clone());
            }
        }
    }
}

/// The account that an event is about: as a record names it, else as the arguments do.
pub(super) fn account(event: &Map<String, Value>) -> Option<String> {
    read::text(event, "user.target.name")
        .or_else(|| read::text(event, "auditward.target.user.name"))
        .map(std::borrow::Cow::into_owned)
        .or_else(|| target_from_arguments(event))
}

/// [`build`] of what was kept of the events, and of several events their texts: `auditward.events` is still
/// missing, which these make.
pub(super) fn of_sources<'s>(
    rule: &Rule,
    events: &'s [Source],
    stamps: &[Stamp],
    id: &str,
    created: Timestamp,
) -> (Map<String, Value>, Vec<Cow<'s, str>>) {
    let mut texts: Vec<Cow<'_, str>> = Vec::with_capacity(events.len());
    // An event that stands twice is written once.
    for (at, event) in events.iter().enumerate() {
        let before = events.iter().take(at).position(|before| before.is(event));
        let known = before.and_then(|before| texts.get(before).cloned());
        texts.push(known.unwrap_or_else(|| text_of(event)));
    }
    let last = texts.last().map_or("", |text| text);
    // They were written by this program, or came with a checksum out of the state file.
    let mut source: Map<String, Value> = serde_json::from_str(last).unwrap_or_default();
    if let Some(masker) = secret::masker().filter(|masker| masker.may_hold(last.as_bytes())) {
        masker.event(&mut source);
    }
    let texts = if texts.len() > 1 { texts.into_iter().map(masked).collect() } else { Vec::new() };
    let stamp = stamps.last().copied();
    let parts =
        Parts { rule, severity: rule.severity, source, stamp, events: &[], stamps, id, created, case: None };
    (of_masked(parts), texts)
}

/// Takes the secrets out of an event, as the process's policy says.
fn mask(event: &mut Map<String, Value>) {
    if let Some(masker) = secret::masker() {
        masker.event(event);
    }
}

/// A document of anybody's as one line: without its secrets, as the process's policy says, and without control
/// characters.
#[must_use]
pub fn on_one_line(text: &str) -> Cow<'_, str> {
    let text = masked(text.into());
    if text.bytes().all(|byte| (0x20..0x7f).contains(&byte)) {
        return text;
    }
    let event: Map<String, Value> = serde_json::from_str(&text).unwrap_or_default();
    let mut line = Vec::new();
    json::push_object(&mut line, &event, json::Charset::Utf8);
    String::from_utf8_lossy(&line).into_owned().into()
}

/// A written event without its secrets.
fn masked(text: Cow<'_, str>) -> Cow<'_, str> {
    let Some(masker) = secret::masker().filter(|masker| masker.may_hold(text.as_bytes())) else {
        return text;
    };
    let mut event: Map<String, Value> = serde_json::from_str(&text).unwrap_or_default();
    if !masker.event(&mut event) {
        return text;
    }
    let mut text = Vec::new();
    json::push_object(&mut text, &event, json::Charset::Utf8);
    // What is pushed is UTF-8 throughout.
    Cow::Owned(String::from_utf8(text).unwrap_or_default())
}

/// `event.*`: the alert's own values first, then what the source says of the act.
fn event_fields(
    rule: &Rule,
    severity: Severity,
    source: Map<String, Value>,
    id: &str,
    created: Timestamp,
) -> Map<String, Value> {
    // Of a lower rank than the rule's, the risk is no higher than that rank's.
    let risk_score = match severity < rule.severity {
        true => rule.risk_score.min(severity.number()),
        false => rule.risk_score,
    };
    let own = json!({
        "kind": "alert",
        "severity": severity.number(),
        "risk_score": risk_score,
        "id": id,
        "created": rfc3339(created),
        "module": "auditward",
        "dataset": "auditward.alert",
    });
    let mut event = object(Some(own));
    event.extend(source.into_iter().filter(|(key, _)| !OWN_EVENT_FIELDS.contains(&key.as_str())));
    event
}

/// `auditward.*`: what an alert tells beyond ECS.
fn own_fields(
    events: &[Map<String, Value>],
    stamps: &[Stamp],
    source: &Map<String, Value>,
    source_event: &Map<String, Value>,
) -> Map<String, Value> {
    let mut own = Map::new();
    // A change of the account files has a stamp and no record. Where only the last event is at hand, the others are of records.
    let of_record = |n: usize| {
        let last = || (n + 1 == stamps.len()).then_some(source);
        events.get(n).or_else(last).is_none_or(|event| read::get(event, "auditward.account").is_none())
    };
    let of_records = stamps.iter().enumerate().filter(|(n, _)| of_record(*n));
    let ids: Vec<String> = of_records.map(|(_, stamp)| audit_ids(&[*stamp])).collect();
    if !ids.is_empty() {
        own.insert("audit_id".to_owned(), ids.into());
    }
    if read::text(source, "user.target.name").is_none()
        && read::text(source, "auditward.target.user.name").is_none()
        && let Some(name) = target_from_arguments(source)
    {
        own.insert("target".to_owned(), json!({ "user": { "name": name }, "source": "arguments" }));
    }
    let mut original: Map<String, Value> = OWN_EVENT_FIELDS
        .iter()
        .filter_map(|key| Some(((*key).to_owned(), source_event.get(*key)?.clone())))
        .collect();
    if let Some(message) = source.get("message") {
        original.insert("message".to_owned(), message.clone());
    }
    if !original.is_empty() {
        own.insert("original_event".to_owned(), original.into());
    }
    if events.len() > 1 {
        let masked = |mut event: Map<String, Value>| {
            mask(&mut event);
            event
        };
        own.insert("events".to_owned(), events.iter().cloned().map(masked).map(Value::Object).collect());
    }
    own
}

/// The account that the command line names, where the program is an account tool.
fn target_from_arguments(source: &Map<String, Value>) -> Option<String> {
    let args = read::args(source);
    let name = read::text(source, "process.name")?;
    let executable = read::text(source, "process.executable").unwrap_or_default();
    let account = target::from_arguments(&name, &executable, &args)?;
    Some(String::from_utf8_lossy(account).into_owned())
}

/// `rule.*`. `rule.reference` is every reference of the file, and absent when it has none.
fn rule_fields(rule: &Rule) -> Map<String, Value> {
    let mut fields = object(Some(json!({
        "name": rule.name,
        "uuid": rule.uuid,
        "id": rule.id,
        "version": rule.version.to_string(),
        "ruleset": rule.ruleset,
        "author": rule.author,
        "license": rule.license,
        "reference": rule.references,
        "description": rule.description,
    })));
    fields.retain(|_, value| !matches!(value, Value::Array(list) if list.is_empty()));
    fields
}

/// `threat.*` as ECS has it: parallel lists of ids, names and references, each tactic and technique
/// once.
fn threat_fields(threats: &[Threat]) -> Map<String, Value> {
    let techniques = || threats.iter().flat_map(|t| &t.technique);
    let mut fields = Map::new();
    if let Some(first) = threats.first() {
        fields.insert("framework".to_owned(), first.framework.clone().into());
    }
    fields.insert("tactic".to_owned(), columns(threats.iter().map(|t| row(&t.tactic))).into());
    let mut technique = columns(techniques().map(|t| (&*t.id, &*t.name, &*t.reference)));
    let subtechnique = columns(techniques().flat_map(|t| &t.subtechnique).map(row));
    if !subtechnique.is_empty() {
        technique.insert("subtechnique".to_owned(), subtechnique.into());
    }
    if !technique.is_empty() {
        fields.insert("technique".to_owned(), technique.into());
    }
    fields
}

/// Id, name, reference.
type Row<'a> = (&'a str, &'a str, &'a str);

fn row(item: &ThreatItem) -> Row<'_> {
    (&item.id, &item.name, &item.reference)
}

/// Rows as three parallel lists; a row whose id was seen is left out; empty for no rows.
fn columns<'a>(rows: impl Iterator<Item = Row<'a>>) -> Map<String, Value> {
    let mut seen: Vec<Row<'a>> = Vec::new();
    for row in rows {
        if !seen.iter().any(|s| s.0 == row.0) {
            seen.push(row);
        }
    }
    if seen.is_empty() {
        return Map::new();
    }
    let column = |pick: fn(&Row<'a>) -> &'a str| seen.iter().map(pick).collect::<Value>();
    object(Some(json!({
        "id": column(|r| r.0),
        "name": column(|r| r.1),
        "reference": column(|r| r.2),
    })))
}

/// The rule's tags, then those of the source event, each once.
fn tags(rule: &Rule, source: Option<Value>) -> Value {
    let mut tags: Vec<Value> = rule.tags.iter().map(|t| Value::from(t.as_str())).collect();
    let more = match source {
        Some(Value::Array(list)) => list,
        Some(one @ Value::String(_)) => vec![one],
        _ => Vec::new(),
    };
    for tag in more {
        if !tags.contains(&tag) {
            tags.push(tag);
        }
    }
    if tags.is_empty() { Value::Null } else { tags.into() }
}

fn object(value: Option<Value>) -> Map<String, Value> {
    match value {
        Some(Value::Object(map)) => map,
        _ => Map::new(),
    }
}

/// `over` laid over `base`, object by object.
fn merge(mut base: Map<String, Value>, over: Map<String, Value>) -> Map<String, Value> {
    for (key, value) in over {
        match (base.get_mut(&key), value) {
            (Some(Value::Object(inner)), Value::Object(more)) => *inner = merge(std::mem::take(inner), more),
            (_, value) => {
                base.insert(key, value);
            }
        }
    }
    base
}

/// `1790000100.181:581`, as `ausearch -a` and the records themselves write it, of each with commas between.
pub(super) fn audit_ids(stamps: &[Stamp]) -> String {
    let mut ids = Vec::with_capacity(24 * stamps.len());
    let (mut second, mut serial) = (itoa::Buffer::new(), itoa::Buffer::new());
    let digit = |number: u64| b'0' + u8::try_from(number % 10).unwrap_or_default();
    // The events of a sequence are mostly of a few seconds.
    for stamps in stamps.chunk_by(|one, next| one.millis / 1000 == next.millis / 1000) {
        let second = second.format(stamps.first().map_or(0, |stamp| stamp.millis / 1000));
        for Stamp { millis, serial: number } in stamps {
            ids.extend_from_slice(second.as_bytes());
            ids.extend_from_slice(&[b'.', digit(millis / 100), digit(millis / 10), digit(*millis), b':']);
            ids.extend_from_slice(serial.format(*number).as_bytes());
            ids.push(b',');
        }
    }
    ids.pop();
    // Digits and what stands between them.
    String::from_utf8(ids).unwrap_or_default()
}

/// A stamp's time; times beyond the calendar are its last day.
pub(super) fn time_of(stamp: Stamp) -> Timestamp {
    i64::try_from(stamp.millis)
        .ok()
        .and_then(|ms| Timestamp::from_millisecond(ms).ok())
        .unwrap_or(Timestamp::MAX)
}

/// RFC 3339 in UTC with milliseconds.
pub(crate) fn rfc3339(time: Timestamp) -> String {
    const PRINTER: DateTimePrinter = DateTimePrinter::new().precision(Some(3));
    PRINTER.timestamp_to_string(&time)
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    #[test]
    fn the_document_is_the_source_event_and_the_rule() {
        let alert = sample::plain();
        let expected = json!({
            "@timestamp": "2026-09-21T14:15:00.181Z",
            "message": "MEDIUM Potential Linux Backdoor User Account Creation: usermod -u 0 -o bob, account bob \
                        (from arguments), by login user alice (1000) in session 3 as root (0) on web1",
            "event": {
                "kind": "alert", "severity": 47, "risk_score": 47, "id": alert.id,
                "created": "2026-09-21T14:15:00.681Z", "module": "auditward", "dataset": "auditward.alert",
                "category": ["process"], "type": ["start"], "action": "executed", "outcome": "success",
                "sequence": 581,
            },
            "user": {
                "id": "0", "name": "root", "audit": { "id": "1000", "name": "alice" },
                "effective": { "id": "0", "name": "root" },
            },
            "process": {
                "pid": 4711, "name": "usermod", "executable": "/usr/sbin/usermod",
                "args": ["usermod", "-u", "0", "-o", "bob"], "args_count": 5, "working_directory": "/root",
                "parent": { "pid": 4700, "name": "bash", "executable": "/usr/bin/bash" },
            },
            "host": { "name": "web1", "id": "7e0b37f5f03fca0d1d0448ebc1ce866c", "os": { "type": "linux" } },
            "auditd": { "session": "3", "data": { "tty": "pts0" } },
            "auditward": {
                "audit_id": ["1790000100.181:581"],
                "target": { "user": { "name": "bob" }, "source": "arguments" },
                "original_event": { "kind": "event", "module": "auditd" },
            },
            "tags": ["Domain: Endpoint", "OS: Linux", "exec"],
            "ecs": { "version": ECS_VERSION },
            "agent": { "type": "auditward", "version": env!("CARGO_PKG_VERSION") },
            "data_stream": data_stream("auditward.alert"),
            "threat": {
                "framework": "MITRE ATT&CK",
                "tactic": {
                    "id": ["TA0003"], "name": ["Persistence"],
                    "reference": ["https://attack.mitre.org/TA0003/"],
                },
                "technique": {
                    "id": ["T1136"], "name": ["Create Account"],
                    "reference": ["https://attack.mitre.org/techniques/T1136/"],
                    "subtechnique": {
                        "id": ["T1136.001"], "name": ["Local Account"],
                        "reference": ["https://attack.mitre.org/T1136.001/"],
                    },
                },
            },
            "rule": {
                "name": "Potential Linux Backdoor User Account Creation",
                "uuid": "494ebba4-ecb7-4be4-8c6f-654c686549ad", "id": "uid0-account-usermod", "version": "7",
                "ruleset": "embedded", "author": ["Elastic"], "license": "Elastic License v2",
                "description": "An account is given the user id of root.",
            },
        });
        assert_eq!(Value::Object(alert.document()), expected);
        let keys = |v: &Value| v.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
        assert_eq!(keys(&Value::Object(alert.document())), keys(&expected), "the order of worth");
    }

    #[test]
    fn a_sequence_keeps_every_event() {
        let mut first = sample::usermod(&["useradd", "eve"]);
        first.insert(
            "process".to_owned(),
            json!({ "pid": 4710, "name": "useradd", "args": ["useradd", "eve"] }),
        );
        let last = sample::usermod(&["usermod", "-u", "0", "-o", "eve"]);
        let earlier = Stamp { millis: sample::STAMP.millis - 1_000, serial: 580 };
        let stamps = [earlier, sample::STAMP];
        let rule = std::sync::Arc::new(sample::rule());
        let alert =
            super::super::Alert::new(&rule, &[first.clone(), last.clone()], &stamps, "h", sample::created());
        assert_eq!(alert.stamp, sample::STAMP);
        assert_eq!(alert.document()["process"], last["process"]);
        assert_eq!(alert.document()["auditward"]["events"], json!([first, last]));
        assert_eq!(
            alert.document()["auditward"]["audit_id"],
            json!(["1790000099.181:580", "1790000100.181:581"])
        );
        assert!(alert.line.contains(" event=1790000099.181:580,1790000100.181:581 "), "{}", alert.line);
    }

    #[test]
    fn what_the_source_said_of_itself_is_kept_aside() {
        let mut source = sample::usermod(&["usermod", "-u", "0", "-o", "bob"]);
        source.insert("message".to_owned(), "as it came".into());
        source.insert("rule".to_owned(), json!({ "name": "not ours" }));
        source.insert("auditward".to_owned(), json!({ "ancestors": [{ "pid": 1 }] }));
        source["event"]["id"] = "abc".into();
        let rule = std::sync::Arc::new(sample::rule());
        let alert = super::super::Alert::new(&rule, &[source], &[sample::STAMP], "h", sample::created());
        assert_eq!(alert.document()["event"]["id"], alert.id);
        let original = json!({ "kind": "event", "id": "abc", "module": "auditd", "message": "as it came" });
        assert_eq!(alert.document()["auditward"]["original_event"], original);
        assert_eq!(alert.document()["auditward"]["ancestors"], json!([{ "pid": 1 }]));
        assert_eq!(alert.document()["rule"]["name"], rule.name);
    }

    #[test]
    fn each_tactic_and_technique_stands_once() {
        let mut rule = sample::rule();
        rule.threat.extend(rule.threat.clone());
        let fields = threat_fields(&rule.threat);
        assert_eq!(fields["tactic"]["id"], json!(["TA0003"]));
        assert_eq!(fields["technique"]["subtechnique"]["id"], json!(["T1136.001"]));
    }

    #[test]
    fn no_event_and_no_stamp_still_make_an_alert() {
        let rule = std::sync::Arc::new(sample::rule());
        let alert = super::super::Alert::new(&rule, &[], &[], "h", sample::created());
        assert_eq!(alert.document()["event"]["kind"], "alert");
        assert!(alert.line.starts_with("MEDIUM Potential"));
    }
}
