//! The one line of an alert.
//!
//! First a sentence for people, up to the first `; time=` outside of double quotes, then `key=value` for
//! machines, in the words of audit records (`auid`, `ses`, `exe`, `a0`…):
//!
//! ```text
//! MEDIUM Potential Linux Backdoor User Account Creation: usermod -u 0 -o bob, account bob (from
//! arguments), by login user alice (1000) in session 3 as root (0) on web1; time=2026-09-21T14:15:00.181Z
//! pid=4711 exe=/usr/sbin/usermod auid=1000 ses=3 uid=0 ppid=4700 parents="bash(4700) < sshd(880)"
//! cwd=/root tty=pts0 host=web1 event=1790000100.181:581 alert=… rule=… argc=5 a0=usermod a1=-u …
//! ```
//!
//! Values are written as [`crate::clean`] says: what a process chose can neither end its quotes nor
//! the line. The order is the order of worth, since receivers cut.

use std::borrow::Cow;
use std::fmt::Write as _;

use serde_json::{Map, Value};

use super::telling::{Parent, Telling};
use crate::clean;
use crate::rule::Severity;

/// Bytes of a command line in the sentence; all of it follows as `a0=…`.
const COMMAND_IN_SENTENCE: usize = 120;
/// Bytes of a name in the sentence.
const NAME_IN_SENTENCE: usize = 120;
/// Bytes of a reason of the daemon's own in the sentence.
const REASON_IN_SENTENCE: usize = 400;
/// Further rules of a case named in the sentence.
const OTHER_RULES: usize = 3;
/// Parents named, nearest first.
const PARENTS: usize = 8;
/// Value lengths tried, one after the other, until the line fits.
const SHORTER: [usize; 5] = [1024, 512, 256, 128, LEAST];
/// Values are not made shorter: ids, stamps and paths that people know by heart stay whole.
const LEAST: usize = 64;

/// The whole line.
pub(super) fn line(severity: Severity, document: &dyn Telling) -> String {
    let mut line = headline(severity, document);
    let mut keys = Pairs { out: &mut line, max: usize::MAX, started: false };
    facts(document).iter().for_each(|(key, value)| keys.put(key, value.as_bytes()));
    write_args(&mut keys, &document.args(), usize::MAX);
    line
}

/// The line in at most `limit` bytes; see [`super::Alert::line_within`].
pub(crate) fn line_within(severity: Severity, document: &dyn Telling, limit: usize) -> String {
    let args = document.args();
    let facts = facts(document);
    let sentence = sentence(severity, document, COMMAND_IN_SENTENCE);
    for max in SHORTER {
        let mut line = sentence.clone();
        let mut keys = Pairs { out: &mut line, max, started: false };
        for (n, (key, value)) in facts.iter().enumerate() {
            keys.put(key, value.as_bytes());
            if n == 0 {
                keys.put("truncated", b"yes");
            }
        }
        let room = limit.saturating_sub(keys.out.len());
        if write_args(&mut keys, &args, room) {
            return line;
        }
    }
    least_line(sentence, &facts, limit)
}

/// Where not everything fits: the sentence, then whole pairs in the order of worth, as many as fit.
fn least_line(sentence: String, facts: &[(&'static str, Cow<'_, str>)], limit: usize) -> String {
    let mut line = sentence;
    let mut keys = Pairs { out: &mut line, max: LEAST, started: false };
    for (n, (key, value)) in facts.iter().enumerate() {
        let before = keys.out.len();
        keys.put(key, value.as_bytes());
        if n == 0 {
            keys.put("truncated", b"yes");
        }
        if keys.out.len() > limit {
            keys.out.truncate(before);
            if n == 0 {
                break;
            }
        }
    }
    if line.len() > limit {
        let end = if limit < 3 { "" } else { "..." };
        let kept = clean::cut(&line, limit.saturating_sub(end.len())).len();
        line.truncate(kept);
        line.push_str(end);
    }
    line
}

/// The sentence: what happened to which account, by whom, as whom, where.
pub(super) fn headline(severity: Severity, document: &dyn Telling) -> String {
    sentence(severity, document, COMMAND_IN_SENTENCE)
}

/// The sentence with at most about `command_max` bytes of the command.
pub(crate) fn sentence(severity: Severity, document: &dyn Telling, command_max: usize) -> String {
    let get = |path| document.text(path);
    let mut out = String::with_capacity(1024);
    let word = match severity {
        Severity::Low => "LOW",
        Severity::Medium => "MEDIUM",
        Severity::High => "HIGH",
        Severity::Critical => "CRITICAL",
    };
    let name = get("rule.name").unwrap_or(Cow::Borrowed("unnamed rule"));
    let _ = write!(out, "{word} ");
    put_rule_name(&mut out, &name);
    out.push_str(": ");
    write_raised(&mut out, document);
    if let Some(reason) = about_itself(document) {
        put_sentence(&mut out, &reason);
        write_host(&mut out, document);
        return out;
    }
    if let Some(reason) = change_of_account(document) {
        put_sentence(&mut out, &reason);
        write_writer(&mut out, document, command_max);
        write_host(&mut out, document);
        write_others(&mut out, document);
        return out;
    }
    write_act(&mut out, document, command_max);
    if let Some(outcome) = get("event.outcome").filter(|o| o == "failure") {
        let _ = write!(out, " ({outcome})");
    }
    write_target(&mut out, document);
    write_root(&mut out, document);
    if document.text("auditward.effect").is_some() {
        out.push_str(", after which nobody has more than before");
    }
    write_actor(&mut out, document);
    write_host(&mut out, document);
    write_others(&mut out, document);
    out
}

/// Quotes are for values; the sentence ends at `; time=` whatever the reason holds.
fn put_sentence(out: &mut String, reason: &str) {
    let reason = clean::text(reason.as_bytes()).replace('"', "'").replace("; time=", ", time=");
    out.push_str(clean::cut(&reason, REASON_IN_SENTENCE));
}

fn write_host(out: &mut String, document: &dyn Telling) {
    if let Some(host) = document.text("host.name") {
        out.push_str(" on ");
        put_name(out, &host);
    }
}

/// The sentence of a change of the account files.
fn change_of_account(document: &dyn Telling) -> Option<Cow<'_, str>> {
    document.text("auditward.account.file")?;
    document.text("event.reason")
}

/// `, written by sed -i …, by login user alice (1000) in session 3 as root (0)`, or that it is not known who did it.
fn write_writer(out: &mut String, document: &dyn Telling, max: usize) {
    match document.text("auditward.account.writer").as_deref() {
        None => {}
        Some("one") => {
            out.push_str(", written by ");
            let args = document.args();
            match document.text("process.name").or_else(|| document.text("process.executable")) {
                _ if !args.is_empty() => write_command(out, &args, max),
                name => put_name(out, &name.unwrap_or(Cow::Borrowed("a program without a name"))),
            }
            write_actor(out, document);
        }
        Some("several") => {
            out.push_str(", written by one of ");
            for (n, writer) in document.texts("auditward.account.writers").into_iter().enumerate() {
                out.push_str(if n == 0 { "" } else { ", " });
                put_name(out, writer);
            }
        }
        Some("unseen") => out.push_str(", while auditward did not run"),
        Some(_) => out.push_str(", written by nobody that a record names"),
    }
}

fn put_rule_name(out: &mut String, name: &str) {
    if name.contains('"') {
        // The only quotes of a sentence are those around values, by which a reader finds its end.
        put_name(out, name);
    } else {
        out.push_str(clean::cut(&clean::text(name.as_bytes()), NAME_IN_SENTENCE));
    }
}

/// `raised: ID medium → high, `, where the case was told before.
fn write_raised(out: &mut String, document: &dyn Telling) {
    let get = |path| document.text(path);
    if let (Some(from), Some(to), Some(id)) =
        (get("auditward.case.raised.from"), get("auditward.case.raised.to"), get("auditward.case.id"))
    {
        let _ = write!(out, "raised: {id} {from} → {to}, ");
    }
}

/// `, also matched by NAME, NAME`: the other rules of the case.
fn write_others(out: &mut String, document: &dyn Telling) {
    let others = other_rules(document);
    for (n, name) in others.iter().take(OTHER_RULES).filter_map(|rule| rule.text("name")).enumerate() {
        out.push_str(if n == 0 { ", also matched by " } else { ", " });
        put_rule_name(out, &name);
    }
    if let Some(more) = others.len().checked_sub(OTHER_RULES).filter(|more| *more > 0) {
        let _ = write!(out, " and {more} more");
    }
}

/// The rules of the case but the alert's own.
fn other_rules(document: &dyn Telling) -> Vec<&Map<String, Value>> {
    let mut rules = document.objects("auditward.rules");
    let own = document.text("rule.uuid").filter(|_| !rules.is_empty());
    rules.retain(|rule| rule.text("uuid") != own);
    rules
}

/// The ids of all rules of the case, the alert's own first; none where it is the only one.
fn rule_ids(document: &dyn Telling) -> Option<String> {
    let others = other_rules(document);
    let mut ids = vec![document.text("rule.id")?];
    ids.extend(others.iter().filter_map(|rule| rule.text("id")));
    (ids.len() > 1).then(|| ids.join(","))
}

/// The sentence of an alert of the daemon about itself, or about alerts that were kept back.
fn about_itself(document: &dyn Telling) -> Option<Cow<'_, str>> {
    document.text("auditward.about_itself").or_else(|| document.text("auditward.suppressed.count"))?;
    document.text("event.reason")
}

/// The command, or what else the event says was done.
fn write_act(out: &mut String, document: &dyn Telling, max: usize) {
    let args = document.args();
    if !args.is_empty() {
        write_command(out, &args, max);
        return;
    }
    let Some(line) = document.text("process.command_line") else {
        let act = document.text("event.action").or_else(|| document.text("auditd.message_type"));
        put_name(out, &act.unwrap_or(Cow::Borrowed("event")));
        if let Some(path) = document.text("file.path") {
            out.push_str(" of ");
            clean::push_value_within(out, path.as_bytes(), max);
        }
        if let Some(exe) = document.text("process.executable") {
            out.push_str(" by ");
            clean::push_value_within(out, exe.as_bytes(), max);
        }
        return;
    };
    clean::push_value_within(out, line.as_bytes(), max);
}

/// The arguments with blanks between, in about `max` bytes: long ones are shortened first, then those
/// in the middle are left out and their number told. The last ones, where the target stands, stay.
fn write_command(out: &mut String, args: &[Cow<'_, [u8]>], max: usize) {
    let start = out.len();
    for (n, arg) in args.iter().enumerate() {
        out.push_str(if n == 0 { "" } else { " " });
        clean::push_value_within(out, arg, max);
        if out.len() - start > max {
            break;
        }
    }
    if out.len() - start <= max {
        return;
    }
    out.truncate(start);
    write_short_command(out, args, max);
}

/// The same where not all of it fits as it is.
fn write_short_command(out: &mut String, args: &[Cow<'_, [u8]>], max: usize) {
    let mut each = max;
    let mut written: Vec<String>;
    loop {
        written = args.iter().take(max).map(|a| value_within(a, each)).collect();
        let total: usize = written.iter().map(|w| w.len() + 1).sum();
        if args.len() <= max && total <= max.saturating_add(1) {
            out.push_str(&written.join(" "));
            return;
        }
        if each <= 48 {
            break;
        }
        each = each.min(max) / 2;
    }
    let tail: Vec<String> = args.iter().rev().take(max).map(|a| value_within(a, each)).collect();
    let (mut used, mut head_len, mut tail_len) = (24, 0, 0);
    while head_len + tail_len < args.len() {
        let from_head = head_len <= tail_len;
        let next = if from_head { written.get(head_len) } else { tail.get(tail_len) };
        used += next.map_or(max, |w| w.len() + 1);
        if used > max {
            break;
        }
        if from_head { head_len += 1 } else { tail_len += 1 }
    }
    for word in written.iter().take(head_len) {
        out.push_str(word);
        out.push(' ');
    }
    let _ = write!(out, "...[{} arguments]...", args.len() - head_len - tail_len);
    for word in tail.iter().take(tail_len).rev() {
        out.push(' ');
        out.push_str(word);
    }
}

fn value_within(bytes: &[u8], max: usize) -> String {
    let mut out = String::new();
    clean::push_value_within(&mut out, bytes, max);
    out
}

/// `, account bob (1003)`, or as a guess `, account bob (from arguments)`; where a report tells the number
/// and no name, `, account bob (0) (name from arguments)`.
fn write_target(out: &mut String, document: &dyn Telling) {
    let get = |path| document.text(path);
    match (get("user.target.name"), get("user.target.id"), get("auditward.target.user.name")) {
        (None, None, None) => {}
        (None, None, Some(guess)) => {
            out.push_str(", account ");
            put_name(out, &guess);
            out.push_str(" (from arguments)");
        }
        (None, Some(id), Some(guess)) => {
            out.push_str(", account ");
            write_account(out, Some(&guess), Some(&id));
            out.push_str(" (name from arguments)");
        }
        (name, id, _) => {
            out.push_str(", account ");
            write_account(out, name.as_deref(), id.as_deref());
        }
    }
}

/// `, in another root (/srv/tree)`: the accounts are not the host's.
fn write_root(out: &mut String, document: &dyn Telling) {
    if document.text("auditward.root.evidence").is_none() {
        return;
    }
    out.push_str(", in another root");
    let namespace = document.text("auditward.root.mount_namespace").filter(|number| number != "0");
    match (document.text("auditward.root.path").filter(|path| path != "/"), namespace) {
        (Some(path), _) => {
            out.push_str(" (");
            clean::push_value_within(out, path.as_bytes(), NAME_IN_SENTENCE);
            out.push(')');
        }
        (None, Some(number)) => {
            out.push_str(" (mount namespace ");
            put_name(out, &number);
            out.push(')');
        }
        (None, None) => {}
    }
}

/// `, by login user alice (1000) in session 3 as root (0)`.
fn write_actor(out: &mut String, document: &dyn Telling) {
    let get = |path| document.text(path);
    match login_id(document) {
        Some(id) => {
            out.push_str(", by login user ");
            match get("user.audit.name") {
                Some(name) => write_account(out, Some(&name), Some(&id)),
                None => put_name(out, &id),
            }
        }
        None => out.push_str(", by no login user"),
    }
    if let Some(session) = session(document) {
        out.push_str(" in session ");
        put_name(out, &session);
    }
    let (id, effective) = (get("user.id"), get("user.effective.id"));
    if id.is_some() || get("user.name").is_some() {
        out.push_str(" as ");
        write_account(out, get("user.name").as_deref(), id.as_deref());
    }
    if effective.is_some() && effective != id {
        out.push_str(", effectively ");
        write_account(out, get("user.effective.name").as_deref(), effective.as_deref());
    }
}

/// `alice (1000)`, or the one of both that is known.
fn write_account(out: &mut String, name: Option<&str>, id: Option<&str>) {
    match (name, id) {
        (Some(name), Some(id)) => {
            put_name(out, name);
            out.push_str(" (");
            put_name(out, id);
            out.push(')');
        }
        (None, Some(id)) => {
            out.push_str("uid ");
            put_name(out, id);
        }
        (name, None) => put_name(out, name.unwrap_or("unknown")),
    }
}

fn put_name(out: &mut String, name: &str) {
    clean::push_value_within(out, name.as_bytes(), NAME_IN_SENTENCE);
}

/// `user.audit.id`, unless it says "unset" in one of its spellings.
pub(crate) fn login_id(document: &dyn Telling) -> Option<Cow<'_, str>> {
    set(document.text("user.audit.id"))
}

/// The login session, unless unset.
pub(crate) fn session(document: &dyn Telling) -> Option<Cow<'_, str>> {
    set(document.text("auditd.session"))
}

fn set(value: Option<Cow<'_, str>>) -> Option<Cow<'_, str>> {
    value.filter(|v| !matches!(v.as_ref(), "unset" | "4294967295" | "-1"))
}

/// `key=value` after `key=value`.
struct Pairs<'a> {
    out: &'a mut String,
    /// The longest value, in bytes as written.
    max: usize,
    started: bool,
}

impl Pairs<'_> {
    fn put(&mut self, key: &str, value: &[u8]) {
        self.begin();
        self.out.push_str(key);
        self.end(value);
    }

    fn put_numbered(&mut self, key: char, number: &str, value: &[u8]) {
        self.begin();
        self.out.push(key);
        self.out.push_str(number);
        self.end(value);
    }

    fn begin(&mut self) {
        self.out.push_str(if self.started { " " } else { "; " });
        self.started = true;
    }

    fn end(&mut self, value: &[u8]) {
        self.out.push('=');
        clean::push_value_within(self.out, value, self.max);
    }
}

/// What the line tells as `key=value`, all but the arguments, in the order of worth. The keys are
/// words of audit records where these have one.
pub(crate) fn facts(document: &dyn Telling) -> Vec<(&'static str, Cow<'_, str>)> {
    let get = |path| document.text(path);
    // What no process did has no login user.
    let nobody = about_itself(document).is_some()
        || (change_of_account(document).is_some() && get("process.pid").is_none());
    let unset = || (!nobody).then_some(Cow::Borrowed("unset"));
    let effective = get("user.effective.id").filter(|e| get("user.id").as_ref() != Some(e));
    let tty = get("process.tty.name").or_else(|| get("process.tty")).or_else(|| get("auditd.data.tty"));
    let short = |hash: Cow<'_, str>| hash.get(..12).map(|short| Cow::Owned(short.to_owned()));
    let facts = [
        ("time", get("@timestamp")),
        ("pid", get("process.pid")),
        ("exe", get("process.executable")),
        ("auid", login_id(document).or_else(unset)),
        ("ses", session(document).or_else(unset)),
        ("uid", get("user.id")),
        ("euid", effective),
        ("ppid", get("process.parent.pid")),
        ("parents", parents(document).map(Cow::Owned)),
        ("cwd", get("process.working_directory")),
        ("tty", tty),
        ("container", get("container.id")),
        ("host", get("host.name")),
        ("event", document.joined("auditward.audit_id")),
        ("alert", get("event.id")),
        ("case", get("auditward.case.id").filter(|case| get("event.id").as_ref() != Some(case))),
        ("rule", get("rule.id")),
        ("rules", rule_ids(document).map(Cow::Owned)),
        ("uuid", get("rule.uuid")),
        ("version", get("rule.version")),
        ("severity", get("event.severity")),
        ("risk", get("event.risk_score")),
        ("threat", threat(document).map(Cow::Owned)),
        ("outcome", get("event.outcome")),
        ("environment", get("labels.environment")),
        ("role", get("labels.role")),
        ("owner", get("labels.owner")),
        ("runbook", get("labels.runbook")),
        ("ruleset", get("auditward.ruleset.hash").and_then(short)),
    ];
    facts.into_iter().filter_map(|(key, value)| Some((key, value?))).collect()
}

/// `argc=5 a0=usermod …`, the names of EXECVE records, in at most `room` bytes; false when not even
/// the first and last arguments fit. Where some are left out, their numbers are missing.
fn write_args(pairs: &mut Pairs<'_>, args: &[Cow<'_, [u8]>], room: usize) -> bool {
    if args.is_empty() {
        return room > 0;
    }
    let end = pairs.out.len().saturating_add(room);
    pairs.put("argc", args.len().to_string().as_bytes());
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
    let mut out = String::new();
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
    let ids: Vec<Cow<'_, str>> = paths.iter().filter_map(|path| document.joined(path)).collect();
    (!ids.is_empty()).then(|| ids.join(","))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;
    use serde_json::json;

    use super::super::{Alert, sample};
    use super::*;

    /// The pairs of a line, read by the rules of the module's page.
    pub(crate) fn pairs(line: &str) -> Vec<(String, Vec<u8>)> {
        let (_, mut rest) = split_sentence(line);
        let mut out = Vec::new();
        while let Some((key, after)) = rest.split_once('=') {
            let mut value = Vec::new();
            let mut at = after;
            if let Some(mut inner) = at.strip_prefix('"') {
                let mut raw = String::new();
                loop {
                    let c = inner.chars().next().expect("closing quote");
                    inner = &inner[c.len_utf8()..];
                    match c {
                        '"' => break,
                        '\\' => {
                            raw.push(c);
                            let d = inner.chars().next().expect("escaped");
                            raw.push(d);
                            inner = &inner[d.len_utf8()..];
                        }
                        c => raw.push(c),
                    }
                }
                value = clean::unescape(&raw).unwrap();
                at = inner;
            } else {
                let end = at.find(' ').unwrap_or(at.len());
                value.extend_from_slice(&at.as_bytes()[..end]);
                at = &at[end..];
            }
            out.push((key.to_owned(), value));
            rest = at.strip_prefix(' ').unwrap_or(at);
        }
        assert_eq!(rest, "", "trailing text in {line}");
        out
    }

    /// Sentence and pairs: the first `; ` outside of quotes.
    fn split_sentence(line: &str) -> (&str, &str) {
        let (mut quoted, mut escaped) = (false, false);
        for (at, c) in line.char_indices() {
            match c {
                _ if escaped => escaped = false,
                '\\' if quoted => escaped = true,
                '"' => quoted = !quoted,
                ';' if !quoted && line[at..].starts_with("; time=") => return (&line[..at], &line[at + 2..]),
                _ => {}
            }
        }
        panic!("no pairs in {line}");
    }

    #[test]
    fn the_line_says_what_who_how_and_where() {
        let alert = sample::plain();
        let expected = format!(
            "MEDIUM Potential Linux Backdoor User Account Creation: usermod -u 0 -o bob, account bob (from \
             arguments), by login user alice (1000) in session 3 as root (0) on web1; \
             time=2026-09-21T14:15:00.181Z pid=4711 exe=/usr/sbin/usermod auid=1000 ses=3 uid=0 ppid=4700 \
             parents=\"bash(4700)\" cwd=/root tty=pts0 host=web1 event=1790000100.181:581 alert={} \
             rule=uid0-account-usermod uuid=494ebba4-ecb7-4be4-8c6f-654c686549ad version=7 severity=47 risk=47 \
             threat=TA0003,T1136,T1136.001 outcome=success argc=5 a0=usermod a1=-u a2=0 a3=-o a4=bob",
            alert.id
        );
        assert_eq!(alert.line, expected);
        assert_eq!(alert.line_within(8192), expected);
    }

    fn of(document: Value) -> Alert {
        let document = document.as_object().cloned().unwrap();
        Alert::new(&Arc::new(sample::rule()), &[document], &[sample::STAMP], "h", sample::created())
    }

    #[test]
    fn what_is_unset_or_unknown_is_said() {
        let alert = of(json!({
            "process": { "pid": 9, "args": ["usermod"], "name": "usermod", "parent": { "pid": 4 } },
            "user": { "id": "1000", "effective": { "id": "0" }, "audit": { "id": "4294967295" } },
            "auditd": { "session": "4294967295" },
        }));
        assert!(
            alert.line.contains(": usermod, by no login user as uid 1000, effectively uid 0; "),
            "{}",
            alert.line
        );
        for pair in [" auid=unset ", " ses=unset ", " uid=1000 euid=0 ", " parents=\"unknown(4)\" "] {
            assert!(alert.line.contains(pair), "{pair} in {}", alert.line);
        }
    }

    #[test]
    fn a_record_that_names_the_account_goes_before_the_guess() {
        let alert = of(json!({
            "event": { "action": "changed-user-id", "outcome": "failure" },
            "process": { "executable": "/usr/sbin/usermod", "name": "usermod" },
            "user": { "id": "0", "target": { "id": "1003", "name": "bob" } },
        }));
        let start = "MEDIUM Potential Linux Backdoor User Account Creation: changed-user-id by /usr/sbin/usermod \
                     (failure), account bob (1003), by no login user as uid 0; ";
        assert!(alert.line.starts_with(start), "{}", alert.line);
    }

    #[test]
    fn the_chain_of_parents_is_told_nearest_first_and_bounded() {
        let chain: Vec<Value> =
            (0..10).map(|n| json!({ "pid": 100 - n, "name": format!("p{n} <") })).collect();
        let alert = of(json!({ "process": { "pid": 1 }, "auditward": { "ancestors": chain } }));
        let value = pairs(&alert.line).into_iter().find(|(k, _)| k == "parents").unwrap().1;
        let text = String::from_utf8(value).unwrap();
        assert!(text.starts_with(r#""p0 <"(100) < "p1 <"(99) < "#), "{text}");
        assert!(text.ends_with(r#" < ...[2 more]"#), "{text}");
    }

    #[test]
    fn a_long_line_is_shortened_in_the_middle_of_its_long_values() {
        let comment = "c".repeat(100_000);
        let alert = sample::alert(&["usermod", "-u", "0", "-o", "-c", &comment, "carol"]);
        assert!(alert.line.len() > 100_000);
        for limit in [8192, 1024] {
            let line = alert.line_within(limit);
            assert!(line.len() <= limit, "{}", line.len());
            assert!(
                line.starts_with(
                    "MEDIUM Potential Linux Backdoor User Account Creation: usermod -u 0 -o -c "
                )
            );
            assert!(
                line.contains(" account carol (from arguments), by login user alice (1000) in session 3")
            );
            assert!(line.contains("; time=2026-09-21T14:15:00.181Z truncated=yes pid=4711 "));
            assert!(line.contains("...[100000 bytes]..."));
            assert!(line.ends_with(" a6=carol"), "{line}");
        }
    }

    #[test]
    fn of_very_many_arguments_both_ends_are_kept() {
        let mut args = vec!["usermod", "-u", "0", "-o"];
        args.extend(std::iter::repeat_n("-c", 20_000));
        args.push("bob");
        let alert = sample::alert(&args);
        for limit in [8192, 1024] {
            let line = alert.line_within(limit);
            assert!(line.len() <= limit);
            assert!(line.contains(" arguments]... "), "{line}");
            assert!(line.contains(" argc=20005 a0=usermod a1=-u "), "{line}");
            assert!(line.ends_with(" a20004=bob"), "{line}");
        }
    }

    proptest! {
        #[test]
        fn arguments_come_back_from_the_line_and_never_break_it(
            args in prop::collection::vec(any::<String>(), 1..8)
        ) {
            let words: Vec<&str> = args.iter().map(String::as_str).collect();
            let alert = sample::alert(&words);
            prop_assert!(!alert.line.chars().any(clean::is_hidden));
            let read: Vec<Vec<u8>> = pairs(&alert.line)
                .into_iter()
                .filter(|(k, _)| k.strip_prefix('a').is_some_and(|n| n.parse::<u32>().is_ok()))
                .map(|(_, v)| v)
                .collect();
            let expected: Vec<Vec<u8>> = args.iter().map(|a| a.as_bytes().to_vec()).collect();
            prop_assert_eq!(read, expected);
            prop_assert_eq!(pairs(&alert.line).iter().filter(|(k, _)| k == "pid").count(), 1);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn no_limit_is_overstepped(args in prop::collection::vec("\\PC{0,400}", 0..40), limit in 200usize..3000) {
            let words: Vec<&str> = args.iter().map(String::as_str).collect();
            let alert = sample::alert(&words);
            let line = alert.line_within(limit);
            prop_assert!(line.len() <= limit);
            prop_assert!(line.starts_with("MEDIUM Potential Linux Backdoor User Account Creation: "));
            prop_assert!(!line.chars().any(clean::is_hidden));
        }
    }
}
