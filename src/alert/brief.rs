//! As much of an alert's document as its line tells, made of the event itself.

use std::borrow::Cow;
use std::sync::Arc;

use bumpalo::Bump;
use bumpalo::collections::Vec as BumpVec;
use serde_json::{Map, Value as Json};
use smallvec::SmallVec;

use super::document::{audit_ids, rfc3339, time_of};
use super::source::account;
use super::telling::{Item, Parent, Telling};
use super::{harmless, in_line, site, target, text};
use crate::audit::Stamp;
use crate::event::ancestry::Image;
use crate::event::schema::{FieldId, field};
use crate::event::{AuditDocument, Value, Values};
use crate::rule::{InLine, Rule};
use crate::secret::{self, Masker};

/// The fields that the line has of every event as they are.
const TOLD: [(Item, FieldId); 18] = [
    (Item::Tty, field::AUDITD_DATA_TTY),
    (Item::Session, field::AUDITD_SESSION),
    (Item::Container, field::CONTAINER_ID),
    (Item::Outcome, field::EVENT_OUTCOME),
    (Item::HostName, field::HOST_NAME),
    (Item::Executable, field::PROCESS_EXECUTABLE),
    (Item::ProcessName, field::PROCESS_NAME),
    (Item::ParentPid, field::PROCESS_PARENT_PID),
    (Item::Pid, field::PROCESS_PID),
    (Item::WorkingDirectory, field::PROCESS_WORKING_DIRECTORY),
    (Item::LoginId, field::USER_AUDIT_ID),
    (Item::LoginName, field::USER_AUDIT_NAME),
    (Item::EffectiveId, field::USER_EFFECTIVE_ID),
    (Item::EffectiveName, field::USER_EFFECTIVE_NAME),
    (Item::UserId, field::USER_ID),
    (Item::UserName, field::USER_NAME),
    (Item::TargetId, field::USER_TARGET_ID),
    (Item::TargetName, field::USER_TARGET_NAME),
];

/// Those that it has only where no arguments say what was done.
const OF_THE_ACT: [(Item, FieldId); 5] = [
    (Item::CommandLine, field::PROCESS_COMMAND_LINE),
    (Item::EventAction, field::EVENT_ACTION),
    (Item::MessageType, field::AUDITD_MESSAGE_TYPE),
    (Item::FilePath, field::FILE_PATH),
    (Item::OriginalPath, field::FILE_EXT_ORIGINAL_PATH),
];

/// Those that tell whether nobody has logged in, or nobody knows who.
const WITHOUT_LOGIN: [(Item, FieldId); 2] = [
    (Item::MessageType, field::AUDITD_MESSAGE_TYPE),
    (Item::ActorPrimary, field::AUDITD_SUMMARY_ACTOR_PRIMARY),
];

/// Numbers, times and ids, in which there is no secret, and what [`InLine::texts`] has.
const UNSUSPECTED: [Item; 10] = [
    Item::ParentPid,
    Item::Pid,
    Item::Time,
    Item::AlertId,
    Item::Risk,
    Item::Severity,
    Item::RuleVersion,
    Item::RuleName,
    Item::RuleId,
    Item::RuleUuid,
];

/// Of each item whether it is to be looked at for a secret.
const SUSPECTS: [bool; Item::COUNT] = {
    let mut suspects = [true; Item::COUNT];
    let mut at = 0;
    while at < UNSUSPECTED.len() {
        suspects[UNSUSPECTED[at] as usize] = false;
        at += 1;
    }
    suspects
};

/// [`super::text::line`] of the document that [`super::document::build`] makes. None where a text is not UTF-8 or
/// stands for one that is not: how that is written, the whole document knows.
pub(super) fn line(rule: &Rule, event: &AuditDocument<'_>, stamps: &[Stamp], id: &str) -> Option<String> {
    let own = rule.in_line.get_or_init(|| in_line::of(rule));
    let mut brief = Brief::of_rule(rule, own);
    brief.in_line = Some(own);
    brief.tell(event, stamps, id)?;
    Some(text::line(rule.severity, &brief))
}

/// What the line tells.
pub(super) struct Brief<'a> {
    texts: Texts<'a>,
    /// Of tactics, techniques and subtechniques.
    threat: [Cow<'a, str>; 3],
    /// What is written of the rule, unless there is a secret anywhere.
    in_line: Option<&'a InLine>,
    audit_ids: String,
    /// In the event's own memory, as the parents are: nothing in them is owned.
    args: &'a [Cow<'a, [u8]>],
    parents: &'a [Parent<'a>],
}

/// Single texts, each at the place of its item.
struct Texts<'a>([Option<&'a str>; Item::COUNT]);

impl<'a> Texts<'a> {
    fn put(&mut self, item: Item, text: &'a str) {
        if let Some(place) = self.0.get_mut(item as usize) {
            *place = Some(text);
        }
    }

    fn get(&self, item: Item) -> Option<&'a str> {
        self.0.get(item as usize).copied().flatten()
    }

    /// Puts what the event has of `items`; none where that is not UTF-8.
    fn tell<'e: 'a>(&mut self, event: &AuditDocument<'e>, items: &[(Item, FieldId)]) -> Option<()> {
        for (item, field) in items {
            if let Some(text) = told(event, &event.shown(*field))? {
                self.put(*item, text);
            }
        }
        Some(())
    }
}

impl<'a> Brief<'a> {
    /// Only what is to be told of the rule.
    pub(super) fn of_rule(rule: &'a Rule, own: &'a InLine) -> Self {
        let mut texts = Texts([None; Item::COUNT]);
        let [severity, risk, version] = &own.numbers;
        texts.put(Item::Severity, severity);
        texts.put(Item::Risk, risk);
        texts.put(Item::RuleVersion, version);
        texts.put(Item::RuleName, &rule.name);
        texts.put(Item::RuleId, &rule.id);
        texts.put(Item::RuleUuid, &rule.uuid);
        let threat = own.threat.each_ref().map(|ids| Cow::Borrowed(ids.as_str()));
        Self { texts, threat, in_line: None, audit_ids: String::new(), args: &[], parents: &[] }
    }

    /// And what is to be told of the event.
    fn tell<'e: 'a>(&mut self, event: &AuditDocument<'e>, stamps: &[Stamp], id: &'a str) -> Option<()> {
        let texts = &mut self.texts;
        let time = rfc3339(time_of(event.event.stamp));
        // A year of more than four digits is written in another way.
        texts.put(Item::Time, kept(event, Some(&time).filter(|time| time.len() == 24)?));
        texts.put(Item::AlertId, id);
        texts.tell(event, &TOLD)?;
        let mut args = all(event, &event.shown(field::PROCESS_ARGS))?;
        if args.is_empty() {
            texts.tell(event, &OF_THE_ACT)?;
        }
        if texts.get(Item::LoginId).is_none() {
            texts.tell(event, &WITHOUT_LOGIN)?;
        }
        if let Some(site) = site::told() {
            for (name, item) in site::IN_LINE {
                if let Some(value) = site.labels.get(name) {
                    texts.put(item, kept(event, value));
                }
            }
            if let Some(hash) = &site.ruleset {
                texts.put(Item::Ruleset, kept(event, hash));
            }
        }
        if let Some(name) = guess(event, texts, args)? {
            texts.put(Item::GuessedTarget, name);
        }
        self.parents = parents(event)?;
        self.audit_ids = audit_ids(stamps);
        if let Some(masker) = secret::masker() {
            self.mask(event, &masker, &mut args);
        }
        self.args = event.arena.alloc_slice_fill_iter(args.iter().map(|arg| Cow::Borrowed(arg.as_bytes())));
        Some(())
    }

    /// Whether there may be a secret anywhere in it; numbers, times and ids are none.
    fn may_hold(&self, masker: &Arc<Masker>, args: &[&str]) -> bool {
        let told = self.texts.0.iter().zip(SUSPECTS).filter(|(_, suspect)| *suspect);
        let texts = told.filter_map(|(text, _)| *text);
        let names = self.parents.iter().filter_map(|parent| parent.name.as_deref());
        let of_rule = self.in_line.map_or("", |rule| &rule.texts);
        harmless::may_hold(masker, args, texts.chain(names), of_rule)
    }

    /// Replaces the secrets in all of it.
    fn mask<'e: 'a>(&mut self, event: &AuditDocument<'e>, masker: &Arc<Masker>, args: &mut &'a [&'a str]) {
        if !self.may_hold(masker, args) {
            return;
        }
        let arena: &'a Bump = event.arena;
        self.in_line = None;
        if let Some(masked) = masker.arguments(args) {
            *args = arena.alloc_slice_fill_iter(masked.iter().map(|arg| kept(event, arg)));
        }
        for (at, text) in self.texts.0.iter_mut().enumerate() {
            let Some(text) = text else { continue };
            let is_line = at == Item::CommandLine as usize;
            if let Some(masked) = if is_line { masker.text(text) } else { masker.look(text) } {
                *text = kept(event, &masked);
            }
        }
        let masked = |parent: &Parent<'a>| {
            let name = parent.name.as_deref().and_then(|name| masker.look(name));
            let name = name.map(|name| Cow::Borrowed(kept(event, &name)));
            Parent { name: name.or_else(|| parent.name.clone()), pid: parent.pid.clone() }
        };
        self.parents = arena.alloc_slice_fill_iter(self.parents.iter().map(masked));
        for text in &mut self.threat {
            if let Some(masked) = masker.look(text) {
                *text = Cow::Owned(masked);
            }
        }
        if let Some(masked) = masker.look(&self.audit_ids) {
            self.audit_ids = masked;
        }
    }
}

impl Telling for Brief<'_> {
    fn text(&self, item: Item) -> Option<Cow<'_, str>> {
        self.texts.get(item).filter(|text| !text.is_empty()).map(Cow::Borrowed)
    }

    fn audit_ids(&self) -> Option<Cow<'_, str>> {
        Some(&*self.audit_ids).filter(|ids| !ids.is_empty()).map(Cow::Borrowed)
    }

    fn threat(&self) -> Option<Cow<'_, str>> {
        let ids: SmallVec<[&str; 3]> =
            self.threat.iter().map(|ids| &**ids).filter(|ids| !ids.is_empty()).collect();
        (!ids.is_empty()).then(|| ids.join(",").into())
    }

    fn in_line(&self) -> Option<&InLine> {
        self.in_line
    }

    fn args(&self) -> Cow<'_, [Cow<'_, [u8]>]> {
        Cow::Borrowed(self.args)
    }

    fn parents(&self) -> Cow<'_, [Parent<'_>]> {
        Cow::Borrowed(self.parents)
    }

    fn objects(&self, _path: &str) -> Vec<&Map<String, Json>> {
        Vec::new()
    }

    fn texts(&self, _path: &str) -> Vec<&str> {
        Vec::new()
    }
}

/// The account that the arguments name, where nothing else names one; the outer none where that is not UTF-8.
#[expect(clippy::option_option, reason = "two ways to be missing")]
fn guess<'a, 'e: 'a>(event: &AuditDocument<'e>, texts: &Texts<'a>, args: &[&str]) -> Option<Option<&'a str>> {
    let named = texts.get(Item::TargetName).is_some_and(|name| !name.is_empty());
    let tool = texts.get(Item::ProcessName).filter(|name| !named && !name.is_empty());
    let executable = texts.get(Item::Executable).unwrap_or_default();
    match tool.and_then(|tool| target::from_arguments(tool, executable, args)) {
        Some(name) => Some(Some(kept(event, utf8(name)?))),
        None => Some(account(event).map(|name| kept(event, &name))),
    }
}

/// The line of parents, with the one that only its child knows; where none is known, what the event itself has.
fn parents<'e>(event: &AuditDocument<'e>) -> Option<&'e [Parent<'e>]> {
    let mut parents = BumpVec::with_capacity_in(8, event.arena);
    let mut next = 0;
    for process in event.ancestors() {
        let image = process.image.as_ref();
        let text = |of: fn(&'e Image) -> Option<&'e [u8]>| match image.and_then(of) {
            Some(text) => Some(Some(utf8(text)?)),
            None => Some(None),
        };
        let (name, executable) = (text(Image::name)?, text(Image::executable)?);
        let name = name.filter(|name| !name.is_empty()).or(executable).filter(|name| !name.is_empty());
        let pid = number(event, process.pid).into();
        parents.push(Parent { name: name.map(Cow::Borrowed), pid: Some(pid) });
        next = process.ppid;
    }
    if !parents.is_empty() {
        if next != 0 {
            parents.push(Parent { name: None, pid: Some(number(event, next).into()) });
        }
        return Some(parents.into_bump_slice());
    }
    let parent = [field::PROCESS_PARENT_NAME, field::PROCESS_PARENT_EXECUTABLE, field::PROCESS_PARENT_PID];
    let mut texts = [None; 3];
    for (text, field) in texts.iter_mut().zip(parent) {
        *text = told(event, &event.shown(field))?;
    }
    if texts.iter().any(Option::is_some) {
        let [name, executable, pid] =
            texts.map(|text| text.filter(|text| !text.is_empty()).map(Cow::Borrowed));
        parents.push(Parent { name: name.or(executable), pid });
    }
    Some(parents.into_bump_slice())
}

/// A text in the event's own memory.
fn kept<'e>(event: &AuditDocument<'e>, text: &str) -> &'e str {
    event.arena.alloc_str(text)
}

fn number<'e>(event: &AuditDocument<'e>, number: impl itoa::Integer) -> &'e str {
    kept(event, itoa::Buffer::new().format(number))
}

/// The first of some values, as the document has it; the outer none where it is not UTF-8.
#[expect(clippy::option_option, reason = "two ways to be missing")]
fn told<'e>(event: &AuditDocument<'e>, values: &Values<'e>) -> Option<Option<&'e str>> {
    Some(Some(match values.as_slice().first() {
        None => return Some(None),
        Some(Value::Text(text)) => utf8(text)?,
        Some(Value::Long(long)) => number(event, *long),
        Some(Value::Bool(truth)) => {
            if *truth {
                "true"
            } else {
                "false"
            }
        }
        Some(Value::Double(_) | Value::Date(_) | Value::Ip(_)) => return None,
    }))
}

/// All of some texts; none where one is not UTF-8.
fn all<'e>(event: &AuditDocument<'e>, values: &Values<'e>) -> Option<&'e [&'e str]> {
    let values = values.as_slice();
    let mut texts = BumpVec::with_capacity_in(values.len(), event.arena);
    for value in values {
        let Value::Text(text) = value else { return None };
        texts.push(utf8(text)?);
    }
    Some(texts.into_bump_slice())
}

/// The text, unless some of it is not UTF-8 or looks as if it were not.
fn utf8(text: &[u8]) -> Option<&str> {
    std::str::from_utf8(text).ok().filter(|text| text.is_ascii() || !text.contains('\u{FFFD}'))
}
