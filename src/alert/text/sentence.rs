//! The sentence of an alert: what happened to which account, by whom, as whom, where.

use std::borrow::Cow;
use std::fmt::Write as _;

use serde_json::{Map, Value};

use super::super::read;
use super::super::telling::{Item, Telling};
use crate::clean;
use crate::rule::Severity;

/// Bytes of a command line in the sentence; all of it follows as `a0=…`.
pub(super) const COMMAND_IN_SENTENCE: usize = 120;
/// Bytes of a name in the sentence.
const NAME_IN_SENTENCE: usize = 120;
/// Bytes of a reason of the daemon's own in the sentence.
const REASON_IN_SENTENCE: usize = 400;
/// Further rules of a case named in the sentence.
const OTHER_RULES: usize = 3;

/// The sentence: what happened to which account, by whom, as whom, where.
pub(in crate::alert) fn headline(severity: Severity, document: &dyn Telling) -> String {
    sentence(severity, document, COMMAND_IN_SENTENCE)
}

/// The sentence with at most about `command_max` bytes of the command.
pub(crate) fn sentence(severity: Severity, document: &dyn Telling, command_max: usize) -> String {
    let mut out = String::with_capacity(1024);
    write_sentence(&mut out, severity, document, command_max);
    out
}

/// [`sentence`] behind what is there.
pub(super) fn write_sentence(
    out: &mut String,
    severity: Severity,
    document: &dyn Telling,
    command_max: usize,
) {
    match document.in_line() {
        Some(rule) => out.push_str(&rule.head),
        None => write_head(out, severity, document),
    }
    write_raised(out, document);
    if let Some(reason) = about_itself(document) {
        put_sentence(out, &reason);
        write_host(out, document);
        return;
    }
    if let Some(reason) = change_of_account(document) {
        put_sentence(out, &reason);
        write_writer(out, document, command_max);
        write_host(out, document);
        write_others(out, document);
        return;
    }
    write_act(out, document, command_max);
    if let Some(outcome) = document.text(Item::Outcome).filter(|o| o == "failure") {
        let _ = write!(out, " ({outcome})");
    }
    write_target(out, document);
    write_root(out, document);
    if document.text(Item::Effect).is_some() {
        out.push_str(", after which nobody has more than before");
    }
    write_actor(out, document);
    write_host(out, document);
    write_others(out, document);
}

/// `MEDIUM Potential Linux Backdoor User Account Creation: `.
pub(super) fn write_head(out: &mut String, severity: Severity, document: &dyn Telling) {
    let word = match severity {
        Severity::Low => "LOW",
        Severity::Medium => "MEDIUM",
        Severity::High => "HIGH",
        Severity::Critical => "CRITICAL",
    };
    let name = document.text(Item::RuleName).unwrap_or(Cow::Borrowed("unnamed rule"));
    out.push_str(word);
    out.push(' ');
    put_rule_name(out, &name);
    out.push_str(": ");
}

/// Quotes are for values; the sentence ends at `; time=` whatever the reason holds.
fn put_sentence(out: &mut String, reason: &str) {
    let reason = clean::text(reason.as_bytes()).replace('"', "'").replace("; time=", ", time=");
    out.push_str(clean::cut(&reason, REASON_IN_SENTENCE));
}

fn write_host(out: &mut String, document: &dyn Telling) {
    if let Some(host) = document.text(Item::HostName) {
        out.push_str(" on ");
        put_name(out, &host);
    }
}

/// The sentence of a change of the account files.
pub(super) fn change_of_account(document: &dyn Telling) -> Option<Cow<'_, str>> {
    document.text(Item::AccountFile)?;
    document.text(Item::Reason)
}

/// `, written by sed -i …, by login user alice (1000) in session 3 as root (0)`, or that it is not known who did it.
fn write_writer(out: &mut String, document: &dyn Telling, max: usize) {
    match document.text(Item::AccountWriter).as_deref() {
        None => {}
        Some("one") => {
            out.push_str(", written by ");
            let args = document.args();
            match document.text(Item::ProcessName).or_else(|| document.text(Item::Executable)) {
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
    let get = |item| document.text(item);
    if let (Some(from), Some(to), Some(id)) =
        (get(Item::CaseRaisedFrom), get(Item::CaseRaisedTo), get(Item::CaseId))
    {
        let _ = write!(out, "raised: {id} {from} → {to}, ");
    }
}

/// `, also matched by NAME, NAME`: the other rules of the case.
fn write_others(out: &mut String, document: &dyn Telling) {
    let others = other_rules(document);
    for (n, name) in others.iter().take(OTHER_RULES).filter_map(|rule| read::text(rule, "name")).enumerate() {
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
    if !rules.is_empty() {
        let own = document.text(Item::RuleUuid);
        rules.retain(|rule| read::text(rule, "uuid") != own);
    }
    rules
}

/// The ids of all rules of the case, the alert's own first; none where it is the only one.
pub(super) fn rule_ids(document: &dyn Telling) -> Option<String> {
    let others = other_rules(document);
    if others.is_empty() {
        return None;
    }
    let mut ids = vec![document.text(Item::RuleId)?];
    ids.extend(others.iter().filter_map(|rule| read::text(rule, "id")));
    (ids.len() > 1).then(|| ids.join(","))
}

/// The sentence of an alert of the daemon about itself, or about alerts that were kept back.
pub(super) fn about_itself(document: &dyn Telling) -> Option<Cow<'_, str>> {
    document.text(Item::AboutItself).or_else(|| document.text(Item::SuppressedCount))?;
    document.text(Item::Reason)
}

/// The command, or what else the event says was done.
fn write_act(out: &mut String, document: &dyn Telling, max: usize) {
    let args = document.args();
    if !args.is_empty() {
        write_command(out, &args, max);
        return;
    }
    let Some(line) = document.text(Item::CommandLine) else {
        let act = document.text(Item::EventAction).or_else(|| document.text(Item::MessageType));
        put_name(out, &act.unwrap_or(Cow::Borrowed("event")));
        match (document.text(Item::OriginalPath), document.text(Item::FilePath)) {
            (Some(before), Some(now)) if before != now => {
                out.push_str(" of ");
                clean::push_text_within(out, &before, max);
                out.push_str(" to ");
                clean::push_text_within(out, &now, max);
            }
            (before, now) => {
                if let Some(path) = now.or(before) {
                    out.push_str(" of ");
                    clean::push_text_within(out, &path, max);
                }
            }
        }
        if let Some(exe) = document.text(Item::Executable) {
            out.push_str(" by ");
            clean::push_text_within(out, &exe, max);
        }
        return;
    };
    clean::push_text_within(out, &line, max);
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

pub(super) fn value_within(bytes: &[u8], max: usize) -> String {
    let mut out = String::new();
    clean::push_value_within(&mut out, bytes, max);
    out
}

/// `, account bob (1003)`, or as a guess `, account bob (from arguments)`; where a report tells the number
/// and no name, `, account bob (0) (name from arguments)`.
fn write_target(out: &mut String, document: &dyn Telling) {
    let get = |item| document.text(item);
    match (get(Item::TargetName), get(Item::TargetId), get(Item::GuessedTarget)) {
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
    if document.text(Item::RootEvidence).is_none() {
        return;
    }
    out.push_str(", in another root");
    let namespace = document.text(Item::RootNamespace).filter(|number| number != "0");
    match (document.text(Item::RootPath).filter(|path| path != "/"), namespace) {
        (Some(path), _) => {
            out.push_str(" (");
            clean::push_text_within(out, &path, NAME_IN_SENTENCE);
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
    let get = |item| document.text(item);
    match login_id(document) {
        Some(id) => {
            out.push_str(", by login user ");
            match get(Item::LoginName) {
                Some(name) => write_account(out, Some(&name), Some(&id)),
                None => put_name(out, &id),
            }
        }
        None if is_login_unknown(document) => out.push_str(", by an unknown login user"),
        None => out.push_str(", by no login user"),
    }
    if let Some(session) = session(document) {
        out.push_str(" in session ");
        put_name(out, &session);
    }
    let (id, effective) = (get(Item::UserId), get(Item::EffectiveId));
    if id.is_some() || get(Item::UserName).is_some() {
        out.push_str(" as ");
        write_account(out, get(Item::UserName).as_deref(), id.as_deref());
    }
    if effective.is_some() && effective != id {
        out.push_str(", effectively ");
        write_account(out, get(Item::EffectiveName).as_deref(), effective.as_deref());
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

pub(super) fn put_name(out: &mut String, name: &str) {
    clean::push_text_within(out, name, NAME_IN_SENTENCE);
}

/// `user.audit.id`, unless it says "unset" in one of its spellings.
pub(crate) fn login_id(document: &dyn Telling) -> Option<Cow<'_, str>> {
    set(document.text(Item::LoginId))
}

/// Whether records should say who has logged in, be it that nobody has, and do not: the one that does was lost or cut.
pub(super) fn is_login_unknown(document: &dyn Telling) -> bool {
    let told = [Item::LoginId, Item::ActorPrimary];
    told.into_iter().all(|item| document.text(item).is_none()) && document.text(Item::MessageType).is_some()
}

/// The login session, unless unset.
pub(crate) fn session(document: &dyn Telling) -> Option<Cow<'_, str>> {
    set(document.text(Item::Session))
}

fn set(value: Option<Cow<'_, str>>) -> Option<Cow<'_, str>> {
    value.filter(|v| !matches!(v.as_ref(), "unset" | "4294967295" | "-1"))
}
