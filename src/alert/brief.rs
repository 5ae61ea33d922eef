//! As much of an alert's document as its line tells, made of the event itself.

use std::borrow::Cow;

use serde_json::{Map, Value as Json};

use super::document::{push_audit_id, rfc3339, time_of};
use super::source::account;
use super::telling::{Parent, Telling};
use super::{target, text};
use crate::audit::Stamp;
use crate::event::ancestry::Image;
use crate::event::schema::{FieldId, field};
use crate::event::{AuditDocument, Value, Values};
use crate::rule::Rule;
use crate::secret::{self, Masker};

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

/// [`super::text::line`] of the document that [`super::document::build`] makes. None where a text is not UTF-8 or
/// stands for one that is not: how that is written, the whole document knows.
pub(super) fn line(rule: &Rule, event: &AuditDocument<'_>, stamps: &[Stamp], id: &str) -> Option<String> {
    Some(text::line(rule.severity, &Brief::of(rule, event, stamps, id)?))
}

/// What the line tells, by dotted names.
struct Brief<'a> {
    texts: Vec<(&'static str, Cow<'a, str>)>,
    lists: [(&'static str, Cow<'a, str>); 4],
    args: Vec<Cow<'a, str>>,
    parents: Vec<Parent<'a>>,
}

impl<'a> Brief<'a> {
    fn of<'e: 'a>(rule: &'a Rule, event: &AuditDocument<'e>, stamps: &[Stamp], id: &'a str) -> Option<Self> {
        let mut texts: Vec<(&'static str, Cow<'a, str>)> = Vec::with_capacity(40);
        let time = rfc3339(time_of(event.event.stamp));
        // A year of more than four digits is written in another way.
        texts.push(("@timestamp", Cow::Owned(Some(time).filter(|time| time.len() == 24)?)));
        for (name, field) in TOLD {
            if let Some(value) = told(&event.shown(field))? {
                texts.push((name, value));
            }
        }
        let args = all(&event.shown(field::PROCESS_ARGS))?;
        if args.is_empty()
            && let Some(line) = told(&event.shown(field::PROCESS_COMMAND_LINE))?
        {
            texts.push(("process.command_line", line));
        }
        texts.extend([
            ("event.id", Cow::Borrowed(id)),
            ("event.severity", Cow::Owned(rule.severity.number().to_string())),
            ("event.risk_score", Cow::Owned(rule.risk_score.to_string())),
            ("rule.name", Cow::Borrowed(rule.name.as_str())),
            ("rule.id", Cow::Borrowed(rule.id.as_str())),
            ("rule.uuid", Cow::Borrowed(rule.uuid.as_str())),
            ("rule.version", Cow::Owned(rule.version.to_string())),
        ]);
        let target = told(&event.shown(field::USER_TARGET_NAME))?;
        let find = |name| texts.iter().find(|(known, _)| *known == name).map(|(_, text)| &**text);
        let named = target.as_ref().is_some_and(|name| !name.is_empty());
        let tool = find("process.name").filter(|name| !named && !name.is_empty());
        let words: Vec<&[u8]> = args.iter().map(|arg| arg.as_bytes()).collect();
        let guess = match tool.and_then(|tool| target::from_arguments(tool, &words).map(utf8)) {
            Some(name) => Some(name?.to_owned()),
            None => account(event),
        };
        texts.extend(guess.map(|name| ("auditward.target.user.name", Cow::Owned(name))));
        texts.extend(target.map(|name| ("user.target.name", name)));
        let parents = parents(event, &texts)?;
        let techniques = || rule.threat.iter().flat_map(|threat| &threat.technique);
        let subtechniques = techniques().flat_map(|technique| &technique.subtechnique);
        let mut ids = String::with_capacity(24 * stamps.len());
        for (n, stamp) in stamps.iter().enumerate() {
            ids.push_str(if n == 0 { "" } else { "," });
            push_audit_id(&mut ids, *stamp);
        }
        let lists = [
            ("auditward.audit_id", Cow::Owned(ids)),
            ("threat.tactic.id", each_once(rule.threat.iter().map(|threat| &*threat.tactic.id))),
            ("threat.technique.id", each_once(techniques().map(|technique| &*technique.id))),
            ("threat.technique.subtechnique.id", each_once(subtechniques.map(|item| &*item.id))),
        ];
        let args = args.into_iter().map(Cow::Borrowed).collect();
        let mut brief = Self { texts, lists, args, parents };
        if let Some(masker) = secret::masker() {
            brief.mask(&masker);
        }
        Some(brief)
    }

    /// Replaces the secrets in all of it.
    fn mask(&mut self, masker: &Masker) {
        if let Some(masked) = masker.arguments(&self.args) {
            self.args = masked.into_iter().map(Cow::Owned).collect();
        }
        for (name, text) in &mut self.texts {
            let masked = if *name == "process.command_line" { masker.text(text) } else { masker.look(text) };
            if let Some(masked) = masked {
                *text = Cow::Owned(masked);
            }
        }
        let parts = self.parents.iter_mut().filter_map(|parent| parent.name.as_mut());
        for text in parts.chain(self.lists.iter_mut().map(|(_, text)| text)) {
            if let Some(masked) = masker.look(text) {
                *text = Cow::Owned(masked);
            }
        }
    }
}

impl Telling for Brief<'_> {
    fn text(&self, path: &str) -> Option<Cow<'_, str>> {
        let known = self.texts.iter().find(|(name, _)| *name == path);
        known.map(|(_, text)| Cow::Borrowed(&**text)).filter(|text| !text.is_empty())
    }

    fn joined(&self, path: &str) -> Option<Cow<'_, str>> {
        let known = self.lists.iter().find(|(name, _)| *name == path);
        known.map(|(_, text)| Cow::Borrowed(&**text)).filter(|text| !text.is_empty())
    }

    fn args(&self) -> Vec<Cow<'_, [u8]>> {
        self.args.iter().map(|arg| Cow::Borrowed(arg.as_bytes())).collect()
    }

    fn parents(&self) -> Cow<'_, [Parent<'_>]> {
        Cow::Borrowed(&self.parents)
    }

    fn objects(&self, _path: &str) -> Vec<&Map<String, Json>> {
        Vec::new()
    }

    fn texts(&self, _path: &str) -> Vec<&str> {
        Vec::new()
    }
}

/// The line of parents, with the one that only its child knows; where none is known, what the event itself has.
fn parents<'a, 'e: 'a>(
    event: &AuditDocument<'e>,
    texts: &[(&'static str, Cow<'a, str>)],
) -> Option<Vec<Parent<'a>>> {
    let mut parents = Vec::with_capacity(8);
    let mut next = 0;
    for process in event.ancestors() {
        let image = process.image.as_ref();
        let text = |of: fn(&'e Image) -> Option<&'e [u8]>| match image.and_then(of) {
            Some(text) => Some(Some(utf8(text)?)),
            None => Some(None),
        };
        let (name, executable) = (text(Image::name)?, text(Image::executable)?);
        let name = name.filter(|name| !name.is_empty()).or(executable).filter(|name| !name.is_empty());
        let pid = Some(Cow::Owned(process.pid.to_string()));
        parents.push(Parent { name: name.map(Cow::Borrowed), pid });
        next = process.ppid;
    }
    if !parents.is_empty() {
        if next != 0 {
            parents.push(Parent { name: None, pid: Some(Cow::Owned(next.to_string())) });
        }
        return Some(parents);
    }
    let known = |name| texts.iter().find(|(known, _)| *known == name).map(|(_, text)| text);
    let [name, executable, pid] =
        ["process.parent.name", "process.parent.executable", "process.parent.pid"].map(known);
    if name.or(executable).or(pid).is_some() {
        let filled = |text: Option<&Cow<'a, str>>| text.filter(|text| !text.is_empty()).cloned();
        parents.push(Parent { name: filled(name).or_else(|| filled(executable)), pid: filled(pid) });
    }
    Some(parents)
}

/// With commas between; what is empty is left out.
fn each_once<'a>(ids: impl Iterator<Item = &'a str>) -> Cow<'a, str> {
    let mut seen: Vec<&str> = Vec::new();
    for id in ids.filter(|id| !id.is_empty()) {
        if !seen.contains(&id) {
            seen.push(id);
        }
    }
    match seen.as_slice() {
        [one] => Cow::Borrowed(one),
        all => Cow::Owned(all.join(",")),
    }
}

/// The first of some values, as the document has it; the outer none where it is not UTF-8.
#[expect(clippy::option_option, reason = "two ways to be missing")]
fn told<'a>(values: &Values<'a>) -> Option<Option<Cow<'a, str>>> {
    Some(Some(match values.as_slice().first() {
        None => return Some(None),
        Some(Value::Text(text)) => Cow::Borrowed(utf8(text)?),
        Some(Value::Long(number)) => Cow::Owned(number.to_string()),
        Some(Value::Bool(truth)) => Cow::Borrowed(if *truth { "true" } else { "false" }),
        Some(Value::Double(_) | Value::Date(_) | Value::Ip(_)) => return None,
    }))
}

fn all<'a>(values: &Values<'a>) -> Option<Vec<&'a str>> {
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
