//! Kibana's export of rules: NDJSON, one object a line: rules, exception lists, the items of those lists,
//! and a summary at the end.
//!
//! Each rule is written out as TOML and read as any rule file, so that one reader judges both; faults show
//! that text, and the name of the export with the line.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::kibana;
use crate::diagnostic::{Diagnostic, Label, Level, Source, codes};
use crate::toml_file::{self, Codes, span};

/// The largest export that is read, in bytes.
const LARGEST: u64 = 64 << 20;

/// What an export holds.
#[derive(Debug, Default)]
pub(super) struct Export {
    /// Each rule as a rule file.
    pub(super) rules: Vec<Arc<Source>>,
    /// Each exception as a file of exceptions.d.
    pub(super) exceptions: Vec<Arc<Source>>,
    /// What could not be read.
    pub(super) faults: Vec<Diagnostic>,
}

/// Keys of Kibana's own bookkeeping.
const BOOKKEEPING: [&str; 13] = [
    "alias_purpose",
    "alias_target_id",
    "created_at",
    "created_by",
    "customized_fields",
    "execution_summary",
    "id",
    "last_execution",
    "outcome",
    "output_index",
    "rule_source",
    "updated_at",
    "updated_by",
];

/// Reads an export.
///
/// # Errors
/// The file cannot be read, or is too large.
pub(super) fn read(path: &Path) -> Result<Export, Box<Diagnostic>> {
    let source = toml_file::read_within(path, Codes::RULE, LARGEST)?;
    Ok(of(&source))
}

fn of(source: &Arc<Source>) -> Export {
    let mut export = Export::default();
    let mut objects = Vec::new();
    let mut start = 0;
    for (line, number) in source.text.split_inclusive('\n').zip(1..) {
        let place = span(start..start + line.trim_end().len());
        start += line.len();
        if line.trim().is_empty() {
            continue;
        }
        match serde_json::from_str::<Map<String, Value>>(line) {
            Ok(object) => objects.push((number, place, object)),
            Err(error) => export.faults.push(Diagnostic {
                code: codes::RULE_NOT_TOML,
                level: Level::Error,
                title: format!("line {number} is no JSON object: {error}"),
                source: Some(Arc::clone(source)),
                primary: Some(Label { span: place, text: String::new() }),
                context: Vec::new(),
                help: None,
            }),
        }
    }
    let items: BTreeSet<&str> =
        objects.iter().filter(|(.., o)| is_item(o)).filter_map(|(.., o)| text(o, "list_id")).collect();
    let lists: BTreeSet<&str> = objects.iter().filter_map(|(.., object)| text(object, "list_id")).collect();
    // Of each list, the rules that name it.
    let mut users: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (.., object) in objects.iter().filter(|(.., object)| is_rule(object)) {
        for list in list_ids(object).filter(|list| items.contains(list)) {
            users.entry(list).or_default().extend(text(object, "rule_id"));
        }
    }
    for (number, place, object) in &objects {
        let name =
            |what: &str| format!("{} ({what} of line {number}, as TOML)", source.name.display()).into();
        if is_rule(object) {
            let text = rule(object, &lists);
            export.rules.push(Arc::new(Source { name: name("rule"), text }));
        } else if is_item(object) {
            let rules = text(object, "list_id").and_then(|list| users.get(list));
            match exception(object, rules.map_or(&[], Vec::as_slice)) {
                Ok(Some(text)) => export.exceptions.push(Arc::new(Source { name: name("exception"), text })),
                Ok(None) => {}
                Err(why) => export.faults.push(Diagnostic {
                    code: codes::RULE_KEY_WITHOUT_EFFECT,
                    level: Level::Warning,
                    title: format!("the exception of line {number} is not applied: {why} is not read here"),
                    source: Some(Arc::clone(source)),
                    primary: Some(Label { span: *place, text: String::new() }),
                    context: Vec::new(),
                    help: Some("write it as a file of exceptions.d (docs/writing-rules.md)".to_owned()),
                }),
            }
        }
    }
    export
}

fn text<'o>(object: &'o Map<String, Value>, key: &str) -> Option<&'o str> {
    object.get(key).and_then(Value::as_str)
}

fn is_rule(object: &Map<String, Value>) -> bool {
    object.contains_key("rule_id") && object.contains_key("type") && object.contains_key("name")
}

fn is_item(object: &Map<String, Value>) -> bool {
    object.contains_key("item_id") && object.contains_key("entries")
}

fn list_ids(object: &Map<String, Value>) -> impl Iterator<Item = &str> {
    let lists = object.get("exceptions_list").and_then(Value::as_array).into_iter().flatten();
    lists.filter_map(|list| list.get("list_id").and_then(Value::as_str))
}

/// A rule as a rule file. Exception lists that the export has are left out: their items stand beside it.
fn rule(object: &Map<String, Value>, lists: &BTreeSet<&str>) -> String {
    let mut out = String::from("[rule]\n");
    let known =
        |list: &&Value| list.get("list_id").and_then(Value::as_str).is_some_and(|id| lists.contains(id));
    for (key, value) in object {
        let missing: Vec<&Value>;
        if value.is_null() || BOOKKEEPING.contains(&key.as_str()) {
            continue;
        }
        push_string(&mut out, key);
        out.push_str(" = ");
        match (key.as_str(), value) {
            ("exceptions_list", Value::Array(all)) => {
                missing = all.iter().filter(|list| !known(list)).collect();
                push(&mut out, &Value::from_iter(missing.into_iter().cloned()));
            }
            ("query", Value::String(query)) if literal(query) => {
                let _ = write!(out, "'''\n{query}'''");
            }
            (_, value) => push(&mut out, value),
        }
        out.push('\n');
    }
    out.push_str("\n[auditward]\nid = ");
    push_string(&mut out, &short_id(text(object, "name").unwrap_or_default()));
    out.push('\n');
    out
}

/// Whether `query` can stand in `'''`, where a caret can be put under it.
fn literal(query: &str) -> bool {
    !query.contains("''")
        && !query.ends_with('\'')
        && query.chars().all(|c| !c.is_control() || c == '\n' || c == '\t')
}

fn short_id(name: &str) -> String {
    let word = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' };
    let id: String = name.chars().map(word).take(32).collect();
    if id.is_empty() { "rule".to_owned() } else { id }
}

/// An item of an exception list as a file of exceptions.d; none when no rule of the export names its list.
fn exception(object: &Map<String, Value>, rules: &[&str]) -> Result<Option<String>, String> {
    if rules.is_empty() {
        return Ok(None);
    }
    let condition = kibana::exception_item(object.get("entries").unwrap_or(&Value::Null))?;
    let mut out = String::from("[[exception]]\n");
    let first = |keys: &[&str]| {
        keys.iter()
            .filter_map(|key| text(object, key))
            .find(|text| !text.trim().is_empty())
            .unwrap_or("not told")
            .to_owned()
    };
    let reason = first(&["description", "name"]);
    for (key, value) in [
        ("id", first(&["item_id"])),
        ("reason", reason),
        ("owner", first(&["created_by"])),
        ("condition", condition),
    ] {
        let _ = write!(out, "{key} = ");
        push_string(&mut out, &value);
        out.push('\n');
    }
    out.push_str("rules = ");
    push(&mut out, &rules.iter().copied().map(Value::from).collect());
    if let Some(day) = text(object, "expire_time").and_then(|time| time.get(..10)) {
        out.push_str("\nexpires = ");
        push_string(&mut out, day);
    }
    out.push('\n');
    Ok(Some(out))
}

/// `value` as TOML, tables inline.
fn push(out: &mut String, value: &Value) {
    match value {
        Value::Null => out.push_str("\"\""),
        Value::Bool(truth) => out.push_str(if *truth { "true" } else { "false" }),
        Value::Number(number) => {
            let _ = write!(out, "{number}");
        }
        Value::String(text) => push_string(out, text),
        Value::Array(items) => {
            out.push('[');
            for (at, item) in items.iter().filter(|item| !item.is_null()).enumerate() {
                out.push_str(if at > 0 { ", " } else { "" });
                push(out, item);
            }
            out.push(']');
        }
        Value::Object(entries) => {
            out.push_str("{ ");
            for (at, (key, value)) in entries.iter().filter(|(_, value)| !value.is_null()).enumerate() {
                out.push_str(if at > 0 { ", " } else { "" });
                push_string(out, key);
                out.push_str(" = ");
                push(out, value);
            }
            out.push_str(" }");
        }
    }
}

/// `text` as a basic string of TOML.
fn push_string(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            c if c.is_control() => {
                let _ = write!(out, "\\u{:04X}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_kibana_writes_is_read_back_from_the_toml() {
        let value =
            serde_json::json!({"a\"b": ["x\ty\u{7f}", null, 3, true, {"n": null, "k": "v\\"}], "e": {}});
        let mut out = String::from("v = ");
        push(&mut out, &value);
        let read: toml::Table = out.parse().expect("TOML");
        assert_eq!(read["v"]["a\"b"][0].as_str(), Some("x\ty\u{7f}"));
        assert_eq!(read["v"]["a\"b"][3]["k"].as_str(), Some("v\\"));
    }
}
