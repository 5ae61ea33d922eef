//! What a line tells for machines: `key=value`, in the order of worth.

use std::borrow::Cow;
use std::fmt::Write as _;

use smallvec::SmallVec;

use super::super::telling::{Parent, Telling};
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
        self.out.push_str(if self.started { " " } else { "; " });
        self.started = true;
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
pub(super) fn each_fact<'d>(document: &'d dyn Telling, tell: &mut dyn FnMut(&'static str, Cow<'d, str>)) {
    let get = |path| document.text(path);
    // What no process did has no login user.
    let nobody = about_itself(document).is_some()
        || (change_of_account(document).is_some() && get("process.pid").is_none());
    let unset = if is_login_unknown(document) { "unknown" } else { "unset" };
    let unset = || (!nobody).then_some(Cow::Borrowed(unset));
    let effective = get("user.effective.id").filter(|e| get("user.id").as_ref() != Some(e));
    let tty = get("process.tty.name").or_else(|| get("process.tty")).or_else(|| get("auditd.data.tty"));
    let short = |hash: Cow<'_, str>| hash.get(..12).map(|short| Cow::Owned(short.to_owned()));
    let mut put = |key, value: Option<Cow<'d, str>>| value.into_iter().for_each(|value| tell(key, value));
    put("time", get("@timestamp"));
    put("pid", get("process.pid"));
    put("exe", get("process.executable"));
    put("auid", login_id(document).or_else(unset));
    put("ses", session(document).or_else(unset));
    put("uid", get("user.id"));
    put("euid", effective);
    put("ppid", get("process.parent.pid"));
    put("parents", parents(document).map(Cow::Owned));
    put("cwd", get("process.working_directory"));
    put("tty", tty);
    put("container", get("container.id"));
    put("host", get("host.name"));
    put("event", document.joined("auditward.audit_id"));
    put("alert", get("event.id"));
    // It is there where an alert could not be stored, and says so.
    put("stored", get("auditward.stored").map(|_| "no".into()));
    put("case", get("auditward.case.id").filter(|case| get("event.id").as_ref() != Some(case)));
    put("rule", get("rule.id"));
    put("rules", rule_ids(document).map(Cow::Owned));
    put("uuid", get("rule.uuid"));
    put("version", get("rule.version"));
    put("severity", get("event.severity"));
    put("risk", get("event.risk_score"));
    put("threat", threat(document).map(Cow::Owned));
    put("outcome", get("event.outcome"));
    put("environment", get("labels.environment"));
    put("role", get("labels.role"));
    put("owner", get("labels.owner"));
    put("runbook", get("labels.runbook"));
    put("ruleset", get("auditward.ruleset.hash").and_then(short));
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

/// Tactics, techniques and the most exact subtechniques by id: `TA0003,T1136,T1136.001`.
fn threat(document: &dyn Telling) -> Option<String> {
    let paths = ["threat.tactic.id", "threat.technique.id", "threat.technique.subtechnique.id"];
    let ids: SmallVec<[Cow<'_, str>; 3]> = paths.iter().filter_map(|path| document.joined(path)).collect();
    (!ids.is_empty()).then(|| ids.join(","))
}
