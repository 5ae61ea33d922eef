//! One alert for a person: what happened, who did it and through which programs, what the rule says, what to do.

use std::borrow::Cow;
use std::io::{self, Write};

use serde_json::{Map, Value};

use super::{Set, gathered};
use crate::alert::{read, text};
use crate::clean;
use crate::rule::Rule;
use crate::store::StoredAlert;

type Fields = Map<String, Value>;

/// Bytes of one value at most; the document has all of it (`--format json`).
const VALUE: usize = 2000;

pub(super) fn show(alert: &StoredAlert, set: &Set, out: &mut dyn Write) -> anyhow::Result<()> {
    let fields = alert.fields();
    // The daemon's own alerts are of rules that are in no file.
    let rule = get(&fields, "rule.uuid").and_then(|uuid| set.find(&uuid).ok());
    writeln!(out, "{}\n", shown(&get(&fields, "message").unwrap_or(Cow::Borrowed(&alert.line))))?;
    facts(alert, &fields, out)?;
    match gathered::of(&fields) {
        Some(triage) if gathered::list(triage, "processes").next().is_some() => gathered::tree(triage, out)?,
        _ => tree(&fields, out)?,
    }
    match gathered::of(&fields) {
        Some(triage) => {
            gathered::users(triage, out)?;
            gathered::guide(triage, out)?;
            gathered::tell_missing(triage, out)?;
        }
        None => writeln!(
            out,
            "\nnot gathered:\n  accounts, sessions and the guide's questions: nobody asked the host when this happened"
        )?,
    }
    of_rule(&fields, rule.as_deref(), out)?;
    Ok(())
}

pub(super) fn get<'a>(fields: &'a Fields, path: &str) -> Option<Cow<'a, str>> {
    read::text(fields, path)
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

fn facts(alert: &StoredAlert, fields: &Fields, out: &mut dyn Write) -> io::Result<()> {
    let unknown = || "not told by the records".to_owned();
    let of = |path: &str| get(fields, path).map(Cow::into_owned);
    line(out, "alert", &format!("{}, number {} in the store", alert.id, alert.seq))?;
    if let Some(case) = of("auditward.case.id").filter(|case| *case != alert.id) {
        line(out, "raises", &case)?;
    }
    line(out, "time", &of("@timestamp").unwrap_or_else(|| alert.time.to_string()))?;
    line(out, "host", &of("host.name").unwrap_or_else(unknown))?;
    let risk = of("event.risk_score").map(|risk| format!(", risk score {risk}")).unwrap_or_default();
    line(out, "severity", &format!("{}{risk}", alert.severity.word()))?;
    if let Some(outcome) = of("event.outcome") {
        line(out, "outcome", &outcome)?;
    }
    if of("auditward.about_itself").is_some() {
        return Ok(());
    }
    writeln!(out)?;
    let target = account(fields, "user.target").or_else(|| account(fields, "auditward.target.user"));
    line(out, "account", &target.unwrap_or_else(|| "none is named".to_owned()))?;
    let login = text::login_id(fields).map(|id| account(fields, "user.audit").unwrap_or(id.into_owned()));
    line(out, "login user", &login.unwrap_or_else(|| "none: no login stands behind it".to_owned()))?;
    line(out, "session", &text::session(fields).map_or_else(|| "none".to_owned(), Cow::into_owned))?;
    line(out, "as user", &account(fields, "user").unwrap_or_else(unknown))?;
    let real = of("user.id");
    if of("user.effective.id").is_some_and(|effective| Some(effective) != real) {
        line(out, "effective user", &account(fields, "user.effective").unwrap_or_else(unknown))?;
    }
    for (name, path) in [
        ("terminal", "auditd.data.tty"),
        ("container", "container.id"),
        ("file", "file.path"),
        ("changed in", "auditward.account.file"),
        ("audit events", "auditward.audit_id"),
    ] {
        if let Some(value) = read::get(fields, path).map(joined).filter(|value| !value.is_empty()) {
            line(out, name, &value)?;
        }
    }
    Ok(())
}

fn joined(value: &Value) -> String {
    match value {
        Value::Array(list) => list.iter().filter_map(read::scalar).collect::<Vec<_>>().join(", "),
        one => read::scalar(one).map(Cow::into_owned).unwrap_or_default(),
    }
}

/// The programs from the first that is known down to the one that acted.
fn tree(fields: &Fields, out: &mut dyn Write) -> io::Result<()> {
    let Some(acting) = read::get(fields, "process").and_then(Value::as_object) else { return Ok(()) };
    let ancestors = read::get(fields, "auditward.ancestors").and_then(Value::as_array);
    let ancestors = ancestors.into_iter().flatten().filter_map(Value::as_object);
    let mut line: Vec<&Fields> = std::iter::once(acting).chain(ancestors).collect();
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

/// What the rule says; of a rule that is no longer here, what the document has of it.
fn of_rule(fields: &Fields, rule: Option<&Rule>, out: &mut dyn Write) -> io::Result<()> {
    let of = |path: &str| get(fields, path).map(Cow::into_owned);
    writeln!(out)?;
    let name = of("rule.name").unwrap_or_default();
    let (id, version) = (of("rule.id").unwrap_or_default(), of("rule.version").unwrap_or_default());
    line(out, "rule", &format!("{name} ({id}, version {version})"))?;
    let others = read::get(fields, "auditward.rules").and_then(Value::as_array);
    let own = of("rule.uuid");
    for other in others.into_iter().flatten().filter_map(Value::as_object) {
        if get(other, "uuid").as_deref() != own.as_deref() {
            line(out, "matched also", &get(other, "name").unwrap_or_default())?;
        }
    }
    let threats = ["tactic", "technique", "technique.subtechnique"].iter().flat_map(|kind| {
        let list = |what: &str| read::get(fields, &format!("threat.{kind}.{what}")).and_then(Value::as_array);
        let (ids, names, links) = (list("id"), list("name"), list("reference"));
        let at = |list: Option<&'_ Vec<Value>>, n: usize| {
            list.and_then(|list| list.get(n)).and_then(Value::as_str).unwrap_or_default().to_owned()
        };
        (0..ids.map_or(0, Vec::len))
            .map(|n| format!("{} {}  {}", at(ids, n), at(names, n), at(links, n)))
            .collect::<Vec<_>>()
    });
    for threat in threats {
        line(out, "ATT&CK", &threat)?;
    }
    block(out, "what it means", &of("rule.description").unwrap_or_default())?;
    let Some(rule) = rule else {
        return writeln!(
            out,
            "\nThe rule itself is not among those that are installed: what it says to do is not known."
        );
    };
    block(out, "when it is no attack", &rule.false_positives.join("\n"))?;
    block(out, "what to do", &rule.note)?;
    block(out, "set-up", &rule.setup)?;
    block(out, "references", &rule.references.join("\n"))
}

fn block(out: &mut dyn Write, title: &str, text: &str) -> io::Result<()> {
    writeln!(out, "\n{title}:")?;
    let text = text.trim();
    let mut lines = if text.is_empty() { "none" } else { text }.lines();
    lines.try_for_each(|line| writeln!(out, "  {}", clean::text(line.trim_end().as_bytes())))
}
