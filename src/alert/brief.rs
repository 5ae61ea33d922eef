//! As much of an alert's document as its line tells, made of the event itself.

use std::borrow::Cow;
use std::sync::Arc;

use serde_json::{Map, Value as Json};
use smallvec::SmallVec;

use super::document::{push_audit_id, rfc3339, time_of};
use super::source::account;
use super::telling::{Parent, Telling};
use super::{harmless, site, target, text};
use crate::audit::Stamp;
use crate::event::ancestry::Image;
use crate::event::schema::{FieldId, field};
use crate::event::{AuditDocument, Value, Values};
use crate::rule::Rule;
use crate::secret::{self, Masker};

/// The fields that the line has of an event as they are, in the order of the first of [`slot`].
const TOLD: [FieldId; 24] = [
    field::AUDITD_DATA_TTY,
    field::AUDITD_MESSAGE_TYPE,
    field::AUDITD_SESSION,
    field::CONTAINER_ID,
    field::EVENT_ACTION,
    field::EVENT_OUTCOME,
    field::FILE_PATH,
    field::HOST_NAME,
    field::PROCESS_EXECUTABLE,
    field::PROCESS_NAME,
    field::PROCESS_PARENT_EXECUTABLE,
    field::PROCESS_PARENT_NAME,
    field::PROCESS_PARENT_PID,
    field::PROCESS_PID,
    field::PROCESS_WORKING_DIRECTORY,
    field::USER_AUDIT_ID,
    field::USER_AUDIT_NAME,
    field::USER_EFFECTIVE_ID,
    field::USER_EFFECTIVE_NAME,
    field::USER_ID,
    field::USER_NAME,
    field::USER_TARGET_ID,
    field::AUDITD_SUMMARY_ACTOR_PRIMARY,
    field::FILE_EXT_ORIGINAL_PATH,
];

/// How many texts there are, and where each has its place, by its name.
const SLOTS: usize = 40;

/// The slots of numbers, times and ids.
const NUMBERS: [usize; 7] = [12, 13, 24, 26, 27, 28, 33];

fn slot(name: &str) -> Option<usize> {
    Some(match name {
        "auditd.data.tty" => 0,
        "auditd.message_type" => 1,
        "auditd.session" => 2,
        "container.id" => 3,
        "event.action" => 4,
        "event.outcome" => 5,
        "file.path" => 6,
        "host.name" => 7,
        "process.executable" => 8,
        "process.name" => 9,
        "process.parent.executable" => 10,
        "process.parent.name" => 11,
        "process.parent.pid" => 12,
        "process.pid" => 13,
        "process.working_directory" => 14,
        "user.audit.id" => 15,
        "user.audit.name" => 16,
        "user.effective.id" => 17,
        "user.effective.name" => 18,
        "user.id" => 19,
        "user.name" => 20,
        "user.target.id" => 21,
        "auditd.summary.actor.primary" => 22,
        "file.Ext.original.path" => 23,
        "@timestamp" => 24,
        "auditward.target.user.name" => 25,
        "event.id" => 26,
        "event.risk_score" => 27,
        "event.severity" => 28,
        "process.command_line" => 29,
        "rule.id" => 30,
        "rule.name" => 31,
        "rule.uuid" => 32,
        "rule.version" => 33,
        "user.target.name" => 34,
        "auditward.ruleset.hash" => 35,
        "labels.environment" => 36,
        "labels.owner" => 37,
        "labels.role" => 38,
        "labels.runbook" => 39,
        _ => return None,
    })
}

/// [`super::text::line`] of the document that [`super::document::build`] makes. None where a text is not UTF-8 or
/// stands for one that is not: how that is written, the whole document knows.
pub(super) fn line(rule: &Rule, event: &AuditDocument<'_>, stamps: &[Stamp], id: &str) -> Option<String> {
    Some(text::line(rule.severity, &Brief::of(rule, event, stamps, id)?))
}

/// What the line tells, by dotted names.
struct Brief<'a> {
    texts: Texts<'a>,
    lists: [(&'static str, Cow<'a, str>); 4],
    args: Vec<Cow<'a, str>>,
    parents: Vec<Parent<'a>>,
}

/// Single texts, each in its [`slot`].
struct Texts<'a>([Option<Cow<'a, str>>; SLOTS]);

impl<'a> Texts<'a> {
    fn put(&mut self, name: &str, text: Cow<'a, str>) {
        if let Some(place) = slot(name).and_then(|at| self.0.get_mut(at)) {
            *place = Some(text);
        }
    }

    fn get(&self, name: &str) -> Option<&Cow<'a, str>> {
        self.0.get(slot(name)?)?.as_ref()
    }
}

impl<'a> Brief<'a> {
    fn of<'e: 'a>(rule: &'a Rule, event: &AuditDocument<'e>, stamps: &[Stamp], id: &'a str) -> Option<Self> {
        let mut texts = Texts([const { None }; SLOTS]);
        let number = |number: u64| kept(event, itoa::Buffer::new().format(number));
        let time = rfc3339(time_of(event.event.stamp));
        // A year of more than four digits is written in another way.
        texts.put("@timestamp", Cow::Owned(Some(time).filter(|time| time.len() == 24)?));
        for (place, field) in texts.0.iter_mut().zip(TOLD) {
            *place = told(event, &event.shown(field))?;
        }
        let args = all(&event.shown(field::PROCESS_ARGS))?;
        if args.is_empty()
            && let Some(line) = told(event, &event.shown(field::PROCESS_COMMAND_LINE))?
        {
            texts.put("process.command_line", line);
        }
        texts.put("event.id", Cow::Borrowed(id));
        texts.put("event.severity", number(rule.severity.number().into()));
        texts.put("event.risk_score", number(rule.risk_score.into()));
        texts.put("rule.name", Cow::Borrowed(rule.name.as_str()));
        texts.put("rule.id", Cow::Borrowed(rule.id.as_str()));
        texts.put("rule.uuid", Cow::Borrowed(rule.uuid.as_str()));
        texts.put("rule.version", number(rule.version));
        if let Some(site) = site::told() {
            for (name, path) in site::IN_LINE {
                if let Some(value) = site.labels.get(name) {
                    texts.put(path, kept(event, value));
                }
            }
            if let Some(hash) = &site.ruleset {
                texts.put("auditward.ruleset.hash", kept(event, hash));
            }
        }
        let target = told(event, &event.shown(field::USER_TARGET_NAME))?;
        let named = target.as_ref().is_some_and(|name| !name.is_empty());
        let tool = texts.get("process.name").filter(|name| !named && !name.is_empty());
        let words: SmallVec<[&[u8]; 16]> = args.iter().map(|arg| arg.as_bytes()).collect();
        let executable = texts.get("process.executable").map_or("", |path| path);
        let guess = match tool.and_then(|tool| target::from_arguments(tool, executable, &words).map(utf8)) {
            Some(name) => Some(name?.to_owned()),
            None => account(event),
        };
        if let Some(name) = guess {
            texts.put("auditward.target.user.name", Cow::Owned(name));
        }
        if let Some(name) = target {
            texts.put("user.target.name", name);
        }
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

    /// Whether there may be a secret anywhere in it; numbers, times and ids are none.
    fn may_hold(&self, masker: &Arc<Masker>) -> bool {
        let told = self.texts.0.iter().enumerate().filter(|(at, _)| !NUMBERS.contains(at));
        let texts = told.filter_map(|(_, text)| text.as_deref());
        let names = self.parents.iter().filter_map(|parent| parent.name.as_deref());
        // The first is of ids.
        let lists = self.lists.iter().skip(1).map(|(_, text)| &**text);
        let all = self.args.iter().map(|text| &**text).chain(texts).chain(names).chain(lists);
        harmless::may_hold(masker, all)
    }

    /// Replaces the secrets in all of it.
    fn mask(&mut self, masker: &Arc<Masker>) {
        if !self.may_hold(masker) {
            return;
        }
        if let Some(masked) = masker.arguments(&self.args) {
            self.args = masked.into_iter().map(Cow::Owned).collect();
        }
        let line = slot("process.command_line");
        let texts = self.texts.0.iter_mut().enumerate();
        for (at, text) in texts.filter_map(|(at, text)| Some((at, text.as_mut()?))) {
            let masked = if Some(at) == line { masker.text(text) } else { masker.look(text) };
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
        self.texts.get(path).map(|text| Cow::Borrowed(&**text)).filter(|text| !text.is_empty())
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
fn parents<'a, 'e: 'a>(event: &AuditDocument<'e>, texts: &Texts<'a>) -> Option<Vec<Parent<'a>>> {
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
        let pid = kept(event, itoa::Buffer::new().format(process.pid));
        parents.push(Parent { name: name.map(Cow::Borrowed), pid: Some(pid) });
        next = process.ppid;
    }
    if !parents.is_empty() {
        if next != 0 {
            parents.push(Parent { name: None, pid: Some(kept(event, itoa::Buffer::new().format(next))) });
        }
        return Some(parents);
    }
    let [name, executable, pid] = ["process.parent.name", "process.parent.executable", "process.parent.pid"]
        .map(|name| texts.get(name));
    if name.or(executable).or(pid).is_some() {
        let filled = |text: Option<&Cow<'a, str>>| text.filter(|text| !text.is_empty()).cloned();
        parents.push(Parent { name: filled(name).or_else(|| filled(executable)), pid: filled(pid) });
    }
    Some(parents)
}

/// With commas between; what is empty is left out.
fn each_once<'a>(ids: impl Iterator<Item = &'a str>) -> Cow<'a, str> {
    let mut seen: SmallVec<[&str; 4]> = SmallVec::new();
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

/// A text in the event's own memory.
fn kept<'a, 'e: 'a>(event: &AuditDocument<'e>, text: &str) -> Cow<'a, str> {
    std::str::from_utf8(event.keep(text.as_bytes()))
        .map_or_else(|_| Cow::Owned(text.to_owned()), Cow::Borrowed)
}

/// The first of some values, as the document has it; the outer none where it is not UTF-8.
#[expect(clippy::option_option, reason = "two ways to be missing")]
fn told<'a, 'e: 'a>(event: &AuditDocument<'e>, values: &Values<'e>) -> Option<Option<Cow<'a, str>>> {
    Some(Some(match values.as_slice().first() {
        None => return Some(None),
        Some(Value::Text(text)) => Cow::Borrowed(utf8(text)?),
        Some(Value::Long(number)) => kept(event, itoa::Buffer::new().format(*number)),
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
