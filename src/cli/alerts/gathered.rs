//! What the daemon gathered about an alert (`auditward.triage`), for a person: the process tree, the accounts, the guide's
//! answers.

use std::io::{self, Write};

use serde_json::{Map, Value};

use super::show::{as_it_is, get, shown};
use crate::alert::read;

type Fields = Map<String, Value>;

/// `auditward.triage` of a document.
pub(super) fn of(fields: &Fields) -> Option<&Fields> {
    read::get(fields, "auditward.triage").and_then(Value::as_object)
}

pub(super) fn list<'a>(fields: &'a Fields, path: &str) -> impl DoubleEndedIterator<Item = &'a Fields> {
    read::get(fields, path).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_object)
}

/// `bob (0)`, `none`, or what of it is known.
pub(super) fn account(fields: &Fields, path: &str) -> Option<String> {
    let part = |part: &str| get(fields, &format!("{path}.{part}"));
    match (part("name"), part("id")) {
        (Some(name), Some(id)) => Some(format!("{name} ({id})")),
        (name, id) => name.or(id).or_else(|| get(fields, path)).map(|text| text.into_owned()),
    }
}

/// Values of a list, joined.
pub(super) fn joined(fields: &Fields, path: &str, between: &str) -> Option<String> {
    let list = read::get(fields, path)?.as_array()?;
    let texts: Vec<_> = list.iter().filter_map(read::scalar).collect();
    (!texts.is_empty()).then(|| texts.join(between))
}

/// What is told of one process, each in a line: what it runs, as whom, where.
pub(super) fn process(process: &Fields) -> (String, Vec<String>) {
    let of = |path: &str| get(process, path).map(|text| text.into_owned());
    let name = of("name").or_else(|| of("executable")).unwrap_or_else(|| "unknown".to_owned());
    let mut head = format!("{name} ({})", of("pid").unwrap_or_else(|| "?".to_owned()));
    if let Some(executable) = of("executable") {
        head += &format!("  {executable}");
    }
    let mut lines = Vec::new();
    if let Some(args) = joined(process, "args", " ") {
        lines.push(format!("$ {args}"));
    }
    let who = [
        ("", account(process, "user")),
        ("effective ", account(process, "effective_user")),
        ("login user ", account(process, "login_user")),
        ("session ", of("session")),
        ("terminal ", of("terminal")),
    ];
    let place = [
        ("in ", of("working_directory")),
        ("since ", of("start")),
        ("unit ", of("unit")),
        ("container ", of("container.id")),
        ("from ", of("source.ip")),
        (
            "executions recorded ",
            of("runs.count").map(|count| count + " since " + &of("runs.since").unwrap_or_default()),
        ),
    ];
    for row in [&who[..], &place[..]] {
        let known: Vec<_> = row
            .iter()
            .filter_map(|(word, value)| value.as_ref().map(|value| format!("{word}{value}")))
            .collect();
        if !known.is_empty() {
            lines.push(known.join(", "));
        }
    }
    if let Some(file) = read::get(process, "file").and_then(Value::as_object) {
        lines.push(program(file));
    }
    if of("state").as_deref() == Some("ended") {
        lines.push("had ended when it was asked about".to_owned());
    }
    if let Some(unknown) = joined(process, "missing.what", ", ") {
        lines.push(format!("not known: {unknown} ({})", of("missing.reason").unwrap_or_default()));
    }
    (head, lines)
}

/// What is known of a program's file: what is odd first.
fn program(file: &Fields) -> String {
    let of = |path: &str| get(file, path).map(|text| text.into_owned());
    let is = |path: &str, value: bool| read::get(file, path).and_then(Value::as_bool) == Some(value);
    let mut told: Vec<String> = Vec::new();
    for (odd, what) in [
        (is("deleted", true), "DELETED"),
        (is("in_memory_only", true), "IN MEMORY ONLY"),
        (is("world_writable", true), "WORLD-WRITABLE"),
        (is("changed_after_install", true), "CHANGED AFTER INSTALL"),
        (is("usual_place", false), "IN NO USUAL PLACE"),
    ] {
        told.extend(odd.then(|| what.to_owned()));
    }
    for (word, path) in [("package ", "package"), ("changed ", "changed"), ("sha256 ", "hash.sha256")] {
        told.extend(of(path).map(|value| format!("{word}{value}")));
    }
    let missing = joined(file, "missing", ", ").or_else(|| of("missing"));
    told.extend(missing.map(|missing| format!("not known: {missing}")));
    format!("program: {}", told.join(", "))
}

/// The chain, from init down to the one that acted.
pub(super) fn tree(triage: &Fields, out: &mut dyn Write) -> io::Result<()> {
    let links: Vec<&Fields> = list(triage, "processes").rev().collect();
    if links.is_empty() {
        return Ok(());
    }
    writeln!(out, "\nprocesses, from parent to child:")?;
    for (depth, link) in links.iter().enumerate() {
        let (head, lines) = process(link);
        let indent = "   ".repeat(depth.saturating_sub(1));
        let branch = if depth == 0 { String::new() } else { format!("{indent}└─ ") };
        writeln!(out, "  {branch}{}", shown(&head))?;
        let indent = if depth == 0 { String::new() } else { format!("{indent}   ") };
        let trunk = if depth + 1 < links.len() { "│ " } else { "  " };
        for line in lines {
            writeln!(out, "  {indent}{trunk}{}", shown(&line))?;
        }
    }
    Ok(())
}

/// What an account has to do with it.
pub(super) fn role(word: &str) -> &str {
    match word {
        "actor" => "as user",
        "login" => "login user",
        "target" => "account",
        other => other,
    }
}

/// The accounts concerned, and those with UID 0.
pub(super) fn users(triage: &Fields, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "\naccounts with UID 0 beside root:")?;
    let mut none = true;
    for user in list(triage, "uid_0") {
        none = false;
        writeln!(out, "  {}", shown(&entry(user)))?;
    }
    if none {
        writeln!(out, "  none")?;
    }
    for user in list(triage, "users") {
        let of = |path: &str| get(user, path).map(|text| text.into_owned());
        writeln!(out, "\n{}: {}", role(&of("role").unwrap_or_default()), shown(&entry(user)))?;
        for (title, key) in [("groups", "groups"), ("privileged", "privileged_groups")] {
            let groups: Vec<_> = list(user, key).filter_map(group_of).collect();
            let groups = if groups.is_empty() { "none".to_owned() } else { groups.join(", ") };
            writeln!(out, "  {title:12}{}", shown(&groups))?;
        }
        let sessions = of("session_count").unwrap_or_else(|| "0".to_owned());
        writeln!(out, "  {:12}{sessions}", "sessions")?;
        for one in list(user, "sessions") {
            writeln!(out, "    {}", shown(&session(one)))?;
        }
        writeln!(out, "  {:12}{}", "processes", of("process_count").unwrap_or_else(|| "0".to_owned()))?;
        for one in list(user, "processes") {
            writeln!(out, "    {}", shown(&running(one)))?;
        }
    }
    Ok(())
}

/// A session in a line.
pub(super) fn session(session: &Fields) -> String {
    let of = |path: &str| get(session, path).map(|text| text.into_owned());
    words([
        ("", of("terminal")),
        ("from ", of("host")),
        ("since ", of("since")),
        ("by ", of("service")),
        ("session ", of("id")),
        ("", of("state")),
    ])
}

/// A process of a user in a line.
pub(super) fn running(process: &Fields) -> String {
    let of = |path: &str| get(process, path).map(|text| text.into_owned()).unwrap_or_default();
    format!("{:>7}  {:8} {}  {}", of("pid"), of("terminal"), of("start"), of("command_line"))
}

fn words<const N: usize>(told: [(&str, Option<String>); N]) -> String {
    let known = told.into_iter().filter_map(|(word, value)| value.map(|value| format!("{word}{value}")));
    known.collect::<Vec<_>>().join(", ")
}

pub(super) fn group_of(group: &Fields) -> Option<String> {
    Some(format!("{} ({})", get(group, "name")?, get(group, "id")?))
}

/// An account as its file has it.
pub(super) fn entry(user: &Fields) -> String {
    let of = |path: &str| get(user, path).map(|text| text.into_owned());
    let name = account_of(user);
    if get(user, "missing.reason").is_some() {
        return format!("{name}: {}", of("missing.reason").unwrap_or_default());
    }
    let told =
        [("group ", of("group_id")), ("", of("description")), ("home ", of("home")), ("shell ", of("shell"))];
    format!("{name}, {}", words(told))
}

fn account_of(user: &Fields) -> String {
    match (get(user, "name"), get(user, "id")) {
        (Some(name), Some(id)) => format!("{name} ({id})"),
        (name, id) => name.or(id).unwrap_or_default().into_owned(),
    }
}

/// What a question is called: its label, whom it is asked for, and the rule where that is not the alert's own.
pub(super) fn title(question: &Fields) -> String {
    let of = |path: &str| get(question, path).unwrap_or_default();
    let about = get(question, "role").map(|word| format!(" [{}]", role(&word))).unwrap_or_default();
    let rule = get(question, "rule.id").map(|id| format!(" (asked by {id})")).unwrap_or_default();
    format!("{}{about}{rule}", of("label"))
}

/// The guide's questions with their answers.
pub(super) fn guide(triage: &Fields, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "\nthe guide's questions:")?;
    let mut none = true;
    for (number, question) in list(triage, "guide").enumerate() {
        none = false;
        let of = |path: &str| get(question, path).map(|text| text.into_owned());
        writeln!(out, "  {}. {}", number + 1, shown(&title(question)))?;
        writeln!(out, "     {}", as_it_is(&of("query").unwrap_or_default()))?;
        match of("not_answered") {
            Some(why) => writeln!(out, "     not answered: {}", shown(&why))?,
            None => rows(question, out)?,
        }
    }
    if none {
        writeln!(out, "  none")?;
    }
    Ok(())
}

/// The columns of an answer that say anything, and its rows.
pub(super) fn table(question: &Fields) -> (Vec<String>, Vec<Vec<String>>) {
    let rows: Vec<&Fields> = list(question, "rows").collect();
    let columns: Vec<String> = rows.first().map(|row| row.keys().cloned().collect()).unwrap_or_default();
    let cell = |row: &Fields, column: &str| match row.get(column) {
        None | Some(Value::Null) => "?".to_owned(),
        Some(value) => read::scalar(value).map(|text| shown(&text)).unwrap_or_default(),
    };
    let cells = rows.iter().map(|row| columns.iter().map(|column| cell(row, column)).collect()).collect();
    (columns.iter().map(|column| shown(column)).collect(), cells)
}

/// How wide a column may be, but the last.
const WIDE: usize = 40;

fn rows(question: &Fields, out: &mut dyn Write) -> io::Result<()> {
    let (columns, rows) = table(question);
    if rows.is_empty() {
        return writeln!(out, "     no rows");
    }
    let width = |at: usize| {
        let cells = rows.iter().filter_map(|row| row.get(at)).chain(columns.get(at));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0).min(WIDE)
    };
    let widths: Vec<usize> = (0..columns.len()).map(width).collect();
    for row in std::iter::once(&columns).chain(&rows) {
        let cells: Vec<_> = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        writeln!(out, "     {}", cells.join("  ").trim_end())?;
    }
    let count = get(question, "row_count").and_then(|count| count.parse::<usize>().ok()).unwrap_or(0);
    if count > rows.len() {
        writeln!(out, "     ... {} more", count - rows.len())?;
    }
    Ok(())
}

/// What is not there, with the reason.
pub(super) fn missing(triage: &Fields) -> Vec<String> {
    let one = |one: &Fields| {
        let of = |path: &str| get(one, path).map(|text| text.into_owned()).unwrap_or_default();
        format!("{}: {}", of("what"), of("reason"))
    };
    list(triage, "missing").map(one).collect()
}

/// [`missing`], printed.
pub(super) fn tell_missing(triage: &Fields, out: &mut dyn Write) -> io::Result<()> {
    let missing = missing(triage);
    if missing.is_empty() {
        return Ok(());
    }
    writeln!(out, "\nnot gathered:")?;
    missing.iter().try_for_each(|line| writeln!(out, "  {}", shown(line)))
}

/// Other alerts of the user, the session and the host, by rule.
pub(super) fn related(triage: &Fields) -> Vec<String> {
    let mut lines = Vec::new();
    let hours = get(triage, "related.hours").unwrap_or_default().into_owned();
    for (key, of) in [("user", "of this user"), ("session", "of this session"), ("host", "of this host")] {
        for one in list(triage, &format!("related.{key}")) {
            let of_one = |path: &str| get(one, path).map(|text| text.into_owned()).unwrap_or_default();
            lines.push(format!(
                "{of}, {} in {hours} h: {} ({}), newest {}",
                of_one("count"),
                of_one("rule.name"),
                of_one("rule.id"),
                of_one("newest")
            ));
        }
    }
    lines
}

/// [`related`], printed.
pub(super) fn tell_related(triage: &Fields, out: &mut dyn Write) -> io::Result<()> {
    if read::get(triage, "related").is_none() {
        return Ok(());
    }
    let lines = related(triage);
    let none = ["none".to_owned()];
    writeln!(out, "\nother alerts:")?;
    let lines = if lines.is_empty() { &none[..] } else { &lines };
    lines.iter().try_for_each(|line| writeln!(out, "  {}", shown(line)))
}
