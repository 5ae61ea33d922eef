//! One alert for a person: what happened, who did it and through which programs, what the rule says, what to do.

use std::borrow::Cow;
use std::io::{self, Write};

use serde_json::{Map, Value};

use super::gathered;
use crate::alert::{read, text};
use crate::clean;
use crate::rule::Rule;
use crate::store::StoredAlert;

type Fields = Map<String, Value>;

/// Bytes of one value at most; the document has all of it (`--format json`).
const VALUE: usize = 2000;

/// Said of an alert about which nobody asked the host.
pub(super) const NOT_ASKED: &str =
    "accounts, sessions and the guide's questions: nobody asked the host when this happened";

pub(super) fn show(alert: &StoredAlert, rule: Option<&Rule>, out: &mut dyn Write) -> anyhow::Result<()> {
    let fields = alert.fields();
    writeln!(out, "{}\n", as_it_is(&get(&fields, "message").unwrap_or(Cow::Borrowed(&alert.line))))?;
    for (name, value) in facts(alert, &fields) {
        if name == "account" {
            writeln!(out)?;
        }
        line(out, name, &value)?;
    }
    match gathered::of(&fields) {
        Some(triage) if gathered::list(triage, "processes").next().is_some() => gathered::tree(triage, out)?,
        _ => tree(&fields, out)?,
    }
    match gathered::of(&fields) {
        Some(triage) => {
            gathered::users(triage, out)?;
            gathered::guide(triage, out)?;
            gathered::tell_related(triage, out)?;
            gathered::tell_missing(triage, out)?;
        }
        None => writeln!(out, "\nnot gathered:\n  {NOT_ASKED}")?,
    }
    writeln!(out)?;
    for (name, value) in about_rule(&fields) {
        line(out, name, &value)?;
    }
    for (name, to) in threats(&fields) {
        line(out, "ATT&CK", &format!("{name}  {to}"))?;
    }
    for (title, text) in blocks(&fields, rule) {
        block(out, title, &text)?;
    }
    Ok(())
}

pub(super) fn get<'a>(fields: &'a Fields, path: &str) -> Option<Cow<'a, str>> {
    read::text(fields, path)
}

/// A text that was made fit to be shown already, as sentences and queries are: an escape in it is not escaped once more, a
/// backslash stays one.
pub(super) fn as_it_is(text: &str) -> String {
    if text.chars().any(clean::is_hidden) { shown(text) } else { text.to_owned() }
}

/// What a process may have chosen: one line, no control characters, not too long.
pub(super) fn shown(text: &str) -> String {
    let clean = clean::text(text.as_bytes());
    let cut = clean::cut(&clean, VALUE);
    if cut.len() < clean.len() { format!("{cut}...[{} bytes]", clean.len()) } else { clean.into_owned() }
}

fn line(out: &mut dyn Write, name: &str, value: &str) -> io::Result<()> {
    writeln!(out, "{name:16}{}", shown(value))
}

/// `alice (1000)`, or what of it is known.
fn account(fields: &Fields, path: &str) -> Option<String> {
    let part = |part: &str| get(fields, &format!("{path}.{part}"));
    match (part("name"), part("id")) {
        (Some(name), Some(id)) => Some(format!("{name} ({id})")),
        (name, id) => name.or(id).map(Cow::into_owned),
    }
}

/// What happened, when, who did it, to whom: names and values.
pub(super) fn facts(alert: &StoredAlert, fields: &Fields) -> Vec<(&'static str, String)> {
    let unknown = || "not told by the records".to_owned();
    let of = |path: &str| get(fields, path).map(Cow::into_owned);
    let mut told = vec![("alert", format!("{}, number {} in the store", alert.id, alert.seq))];
    if let Some(case) = of("auditward.case.id").filter(|case| *case != alert.id) {
        told.push(("raises", case));
    }
    told.push(("time", of("@timestamp").unwrap_or_else(|| alert.time.to_string())));
    told.push(("host", of("host.name").unwrap_or_else(unknown)));
    let risk = of("event.risk_score").map(|risk| format!(", risk score {risk}")).unwrap_or_default();
    told.push(("severity", format!("{}{risk}", alert.severity.word())));
    if let Some(outcome) = of("event.outcome") {
        told.push(("outcome", outcome));
    }
    if of("auditward.about_itself").is_some() {
        return told;
    }
    let target = account(fields, "user.target").or_else(|| account(fields, "auditward.target.user"));
    told.push(("account", target.unwrap_or_else(|| "none is named".to_owned())));
    let login = text::login_id(fields).map(|id| account(fields, "user.audit").unwrap_or(id.into_owned()));
    told.push(("login user", login.unwrap_or_else(|| "none: no login stands behind it".to_owned())));
    told.push(("session", text::session(fields).map_or_else(|| "none".to_owned(), Cow::into_owned)));
    told.push(("as user", account(fields, "user").unwrap_or_else(unknown)));
    let real = of("user.id");
    if of("user.effective.id").is_some_and(|effective| Some(effective) != real) {
        told.push(("effective user", account(fields, "user.effective").unwrap_or_else(unknown)));
    }
    for (name, path) in [
        ("terminal", "auditd.data.tty"),
        ("container", "container.id"),
        ("file", "file.path"),
        ("changed in", "auditward.account.file"),
        ("audit events", "auditward.audit_id"),
    ] {
        if let Some(value) = read::get(fields, path).map(joined).filter(|value| !value.is_empty()) {
            told.push((name, value));
        }
    }
    told
}

fn joined(value: &Value) -> String {
    match value {
        Value::Array(list) => list.iter().filter_map(read::scalar).collect::<Vec<_>>().join(", "),
        one => read::scalar(one).map(Cow::into_owned).unwrap_or_default(),
    }
}

/// The processes that the records name, the acting one first.
pub(super) fn chain(fields: &Fields) -> Vec<&Fields> {
    let acting = read::get(fields, "process").and_then(Value::as_object);
    let ancestors = read::get(fields, "auditward.ancestors").and_then(Value::as_array);
    let ancestors = ancestors.into_iter().flatten().filter_map(Value::as_object);
    acting.into_iter().flat_map(|acting| std::iter::once(acting).chain(ancestors.clone())).collect()
}

/// The programs from the first that is known down to the one that acted.
fn tree(fields: &Fields, out: &mut dyn Write) -> io::Result<()> {
    let mut line = chain(fields);
    if line.is_empty() {
        return Ok(());
    }
    line.reverse();
    writeln!(out, "\nprograms, from parent to child:")?;
    for (depth, process) in line.iter().enumerate() {
        let of = |path: &str| get(process, path);
        let name = of("name").or_else(|| of("executable")).unwrap_or(Cow::Borrowed("unknown"));
        let mut text = format!("{name} ({})", of("pid").unwrap_or(Cow::Borrowed("?")));
        let arguments = read::get(process, "args").map(|args| match args {
            Value::Array(list) => list.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" "),
            one => read::scalar(one).map(Cow::into_owned).unwrap_or_default(),
        });
        for (mark, value) in [
            ("", of("executable").map(Cow::into_owned)),
            ("$ ", arguments.filter(|arguments| !arguments.is_empty())),
            ("in ", of("working_directory").map(Cow::into_owned)),
            ("since ", of("start").map(Cow::into_owned)),
        ] {
            if let Some(value) = value {
                text += &format!("  {mark}{value}");
            }
        }
        let branch = if depth == 0 { String::new() } else { format!("{}└─ ", "   ".repeat(depth - 1)) };
        writeln!(out, "  {branch}{}", shown(&text))?;
    }
    Ok(())
}

/// Which rule it was, and which others matched too.
pub(super) fn about_rule(fields: &Fields) -> Vec<(&'static str, String)> {
    let of = |path: &str| get(fields, path).map(Cow::into_owned).unwrap_or_default();
    let mut told =
        vec![("rule", format!("{} ({}, version {})", of("rule.name"), of("rule.id"), of("rule.version")))];
    let others = read::get(fields, "auditward.rules").and_then(Value::as_array);
    let own = get(fields, "rule.uuid");
    for other in others.into_iter().flatten().filter_map(Value::as_object) {
        if get(other, "uuid") != own {
            told.push(("matched also", get(other, "name").unwrap_or_default().into_owned()));
        }
    }
    if let Some(tags) = read::get(fields, "tags").map(joined).filter(|tags| !tags.is_empty()) {
        told.push(("tags", tags));
    }
    told
}

/// Tactics, techniques and subtechniques, with their pages.
pub(super) fn threats(fields: &Fields) -> Vec<(String, String)> {
    let mut told = Vec::new();
    for kind in ["tactic", "technique", "technique.subtechnique"] {
        let list = |what: &str| read::get(fields, &format!("threat.{kind}.{what}")).and_then(Value::as_array);
        let (ids, names, links) = (list("id"), list("name"), list("reference"));
        let at = |list: Option<&Vec<Value>>, n: usize| {
            list.and_then(|list| list.get(n)).and_then(Value::as_str).unwrap_or_default().to_owned()
        };
        for n in 0..ids.map_or(0, Vec::len) {
            told.push((format!("{} {}", at(ids, n), at(names, n)), at(links, n)));
        }
    }
    told
}

/// What the rule says, under its titles; of a rule that is no longer here, what the document has of it.
pub(super) fn blocks(fields: &Fields, rule: Option<&Rule>) -> Vec<(&'static str, String)> {
    let mut told = vec![("what it means", get(fields, "rule.description").unwrap_or_default().into_owned())];
    match rule {
        None => {
            for (title, key) in [
                ("when it is no attack", "false_positives"),
                ("what to do", "response"),
                ("set-up", "setup"),
                ("references", "references"),
            ] {
                let path = format!("auditward.triage.advice.{key}");
                told.extend(read::get(fields, &path).map(|value| (title, lines(value))));
            }
            if told.len() == 1 {
                let why =
                    "The rule itself is not among those that are installed: what it says to do is not known.";
                told.push(("what to do", why.to_owned()));
            }
        }
        Some(rule) => {
            // In the file they may be set in.
            let reasons = rule.false_positives.iter().flat_map(|text| text.trim().lines());
            told.push(("when it is no attack", reasons.map(str::trim).collect::<Vec<_>>().join("\n")));
            told.push(("what to do", with_questions(rule, fields)));
            told.push(("set-up", rule.setup.clone()));
            told.push(("references", rule.references.join("\n")));
        }
    }
    told
}

/// Texts, each in a line.
fn lines(value: &Value) -> String {
    match value {
        Value::Array(list) => list.iter().filter_map(Value::as_str).collect::<Vec<_>>().join("\n"),
        one => read::scalar(one).map(Cow::into_owned).unwrap_or_default(),
    }
}

/// The guide, with the labels of its questions where it names them by number, and where their answers are; of one that
/// was not asked the query, for the reader to ask.
fn with_questions(rule: &Rule, fields: &Fields) -> String {
    let mut note = rule.note.clone();
    let asked = |label: &str| {
        let mut questions =
            gathered::of(fields).into_iter().flat_map(|triage| gathered::list(triage, "guide"));
        questions.any(|question| get(question, "label").is_some_and(|asked| asked == label))
    };
    // The highest number first, of which the lower ones may be the beginning.
    for (at, question) in rule.osquery.iter().enumerate().rev() {
        let label = &question.label;
        let told = match asked(label) {
            true => format!("\"{label}\" (answered above)"),
            false => format!("\"{label}\" (not asked when this happened: `{}`)", question.query.trim()),
        };
        note = note.replace(&format!("$osquery_{at}"), &told);
    }
    note
}

fn block(out: &mut dyn Write, title: &str, text: &str) -> io::Result<()> {
    writeln!(out, "\n{title}:")?;
    let text = text.trim();
    let mut lines = if text.is_empty() { "none" } else { text }.lines();
    lines.try_for_each(|line| writeln!(out, "  {}", clean::text(line.trim_end().as_bytes())))
}
