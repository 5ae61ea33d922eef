//! What a line tells for machines: `key=value`, in the order of worth.

use std::borrow::Cow;
use std::fmt::Write as _;

use super::super::telling::{Item, Parent, Telling};
use super::LEAST;
use super::sentence::{
    about_itself, change_of_account, is_login_unknown, login_id, put_name, rule_ids, session, value_within,
};
use crate::clean;

/// There are so many at most.
const FACTS: usize = 30;

/// Parents named, nearest first.
const PARENTS: usize = 8;

/// `key=value` after `key=value`.
pub(super) struct Pairs<'a> {
    pub(super) out: &'a mut String,
    /// The longest value, in bytes as written.
    pub(super) max: usize,
    pub(super) started: bool,
}

impl Pairs<'_> {
    pub(super) fn put(&mut self, key: &str, value: &str) {
        self.begin();
        self.out.push_str(key);
        self.out.push('=');
        clean::push_text_within(self.out, value, self.max);
    }

    fn put_numbered(&mut self, key: char, number: &str, value: &[u8]) {
        self.begin();
        self.out.push(key);
        self.out.push_str(number);
        self.out.push('=');
        clean::push_value_within(self.out, value, self.max);
    }

    fn begin(&mut self) {
        if !self.started {
            self.out.push(';');
            self.started = true;
        }
        self.out.push(' ');
    }
}

/// What the line tells as `key=value`, all but the arguments, in the order of worth. The keys are
/// words of audit records where these have one.
pub(crate) fn facts(document: &dyn Telling) -> Vec<(&'static str, Cow<'_, str>)> {
    let mut facts = Vec::with_capacity(FACTS);
    each_fact(document, &mut |key, value| facts.push((key, value)));
    facts
}

/// Calls `tell` with each of the [`facts`].
fn each_fact<'d>(document: &'d dyn Telling, tell: &mut Tell<'_, 'd>) {
    each_of_event(document, tell);
    each_of_rule(document, tell);
    each_further(document, tell);
}

/// Who is told each fact.
type Tell<'t, 'd> = dyn FnMut(&'static str, Cow<'d, str>) + 't;

/// Those that come before the rule's own.
pub(super) fn each_of_event<'d>(document: &'d dyn Telling, tell: &mut Tell<'_, 'd>) {
    let get = |item| document.text(item);
    // What no process did has no login user.
    let nobody = about_itself(document).is_some()
        || (change_of_account(document).is_some() && get(Item::Pid).is_none());
    let unset = if is_login_unknown(document) { "unknown" } else { "unset" };
    let unset = || (!nobody).then_some(Cow::Borrowed(unset));
    let effective = get(Item::EffectiveId).filter(|e| get(Item::UserId).as_ref() != Some(e));
    let tty = get(Item::TtyName).or_else(|| get(Item::ProcessTty)).or_else(|| get(Item::Tty));
    let mut put = |key, value: Option<Cow<'d, str>>| value.into_iter().for_each(|value| tell(key, value));
    put("time", get(Item::Time));
    put("pid", get(Item::Pid));
    put("exe", get(Item::Executable));
    put("auid", login_id(document).or_else(unset));
    put("ses", session(document).or_else(unset));
    put("uid", get(Item::UserId));
    put("euid", effective);
    put("ppid", get(Item::ParentPid));
    put("parents", parents(document).map(Cow::Owned));
    put("cwd", get(Item::WorkingDirectory));
    put("tty", tty);
    put("container", get(Item::Container));
    put("host", get(Item::HostName));
    put("event", document.audit_ids());
    put("alert", get(Item::AlertId));
    // It is there where an alert could not be stored, and says so.
    put("stored", get(Item::Stored).map(|_| "no".into()));
    put("case", get(Item::CaseId).filter(|case| get(Item::AlertId).as_ref() != Some(case)));
}

/// Those of the rule, and of the others of its case.
pub(super) fn each_of_rule<'d>(document: &'d dyn Telling, tell: &mut Tell<'_, 'd>) {
    let get = |item| document.text(item);
    let mut put = |key, value: Option<Cow<'d, str>>| value.into_iter().for_each(|value| tell(key, value));
    put("rule", get(Item::RuleId));
    put("rules", rule_ids(document).map(Cow::Owned));
    put("uuid", get(Item::RuleUuid));
    put("version", get(Item::RuleVersion));
    put("severity", get(Item::Severity));
    put("risk", get(Item::Risk));
    put("threat", document.threat());
}

/// Those that come behind the rule's own.
pub(super) fn each_further<'d>(document: &'d dyn Telling, tell: &mut Tell<'_, 'd>) {
    let get = |item| document.text(item);
    let short = |hash: Cow<'_, str>| hash.get(..12).map(|short| Cow::Owned(short.to_owned()));
    let mut put = |key, value: Option<Cow<'d, str>>| value.into_iter().for_each(|value| tell(key, value));
    put("outcome", get(Item::Outcome));
    put("environment", get(Item::Environment));
    put("role", get(Item::Role));
    put("owner", get(Item::Owner));
    put("runbook", get(Item::Runbook));
    put("ruleset", get(Item::Ruleset).and_then(short));
}

/// `argc=5 a0=usermod …`, the names of EXECVE records, in at most `room` bytes; false when not even
/// the first and last arguments fit. Where some are left out, their numbers are missing.
pub(super) fn write_args(pairs: &mut Pairs<'_>, args: &[Cow<'_, [u8]>], room: usize) -> bool {
    if args.is_empty() {
        return room > 0;
    }
    let end = pairs.out.len().saturating_add(room);
    pairs.put("argc", itoa::Buffer::new().format(args.len()));
    let mut used = pairs.out.len();
    let width = |n: usize, arg: &[u8], max: usize| format!(" a{n}=").len() + value_within(arg, max).len();
    let mut number = itoa::Buffer::new();
    // From both ends inwards, as far as the room goes.
    let (mut head, mut tail) = if room == usize::MAX { (args.len(), 0) } else { (0, 0) };
    while head + tail < args.len() {
        let n = if head <= tail { head } else { args.len() - 1 - tail };
        used = used.saturating_add(args.get(n).map_or(0, |a| width(n, a, pairs.max)));
        if used > end {
            break;
        }
        if head <= tail { head += 1 } else { tail += 1 }
    }
    for (n, arg) in args.iter().enumerate().filter(|(n, _)| *n < head || *n >= args.len() - tail) {
        pairs.put_numbered('a', number.format(n), arg);
    }
    let whole = head + tail == args.len();
    whole || (pairs.out.len() <= end && head > 0 && tail > 0 && pairs.max <= LEAST)
}

/// `bash(4700) < sshd(880)`: the parent first.
fn parents(document: &dyn Telling) -> Option<String> {
    let chain = document.parents();
    let mut out = String::with_capacity(32 * chain.len());
    for (n, Parent { name, pid }) in chain.iter().enumerate() {
        if n == PARENTS {
            let _ = write!(out, " < ...[{} more]", chain.len() - n);
            break;
        }
        if n > 0 {
            out.push_str(" < ");
        }
        match name {
            Some(name) => put_name(&mut out, name),
            None => out.push_str("unknown"),
        }
        if let Some(pid) = pid {
            out.push('(');
            put_name(&mut out, pid);
            out.push(')');
        }
    }
    (!out.is_empty()).then_some(out)
}
