//! Kibana's filters and exception entries, told as EQL conditions.

use std::fmt::Write as _;

use serde_json::{Map, Value};

use super::policy::list::push_literal;

/// The condition that a filter of a rule stands for; none for a filter that is switched off.
///
/// # Errors
/// What of the filter has no counterpart here.
pub(super) fn filter(filter: &Value) -> Result<Option<String>, String> {
    let at = |path: &str| filter.pointer(path);
    if at("/meta/disabled").and_then(Value::as_bool) == Some(true) {
        return Ok(None);
    }
    if at("/$state/store")
        .and_then(Value::as_str)
        .is_some_and(|store| store != "appState" && store != "globalState")
    {
        return Err("a filter of an unknown kind".to_owned());
    }
    let query = at("/query").or_else(|| at("/exists").map(|_| filter)).ok_or("it has no query")?;
    let condition = query_condition(query)?;
    let negate = at("/meta/negate").and_then(Value::as_bool) == Some(true);
    Ok(Some(if negate { format!("not ({condition})") } else { condition }))
}

fn query_condition(query: &Value) -> Result<String, String> {
    let object = query.as_object().ok_or("its query is no object")?;
    let mut parts = Vec::new();
    for (kind, body) in object {
        match kind.as_str() {
            "meta" | "$state" => {}
            "bool" => parts.push(boolean(body)?),
            "exists" => {
                let field = body.get("field").and_then(Value::as_str).ok_or("exists without a field")?;
                parts.push(format!("{} != null", name(field)?));
            }
            "match_phrase" | "match" | "term" | "terms" | "wildcard" | "prefix" => {
                let body = body.as_object().ok_or_else(|| format!("{kind} without a field"))?;
                parts.push(leaf(kind, body)?);
            }
            other => return Err(format!("a query of the kind {other}")),
        }
    }
    if parts.is_empty() { Err("its query is empty".to_owned()) } else { Ok(joined(&parts, " and ")) }
}

fn boolean(body: &Value) -> Result<String, String> {
    let body = body.as_object().ok_or("bool without clauses")?;
    let clauses = |key: &str| -> Result<Vec<String>, String> {
        match body.get(key) {
            None => Ok(Vec::new()),
            Some(Value::Array(list)) => list.iter().map(query_condition).collect(),
            Some(one) => Ok(vec![query_condition(one)?]),
        }
    };
    let mut parts = clauses("must")?;
    parts.extend(clauses("filter")?);
    let any = clauses("should")?;
    // Beside must and filter, should only ranks, unless it is asked to count.
    if !any.is_empty() && (parts.is_empty() || body.contains_key("minimum_should_match")) {
        parts.push(format!("({})", joined(&any, " or ")));
    }
    let none = clauses("must_not")?;
    parts.extend(none.iter().map(|clause| format!("not ({clause})")));
    if parts.is_empty() { Err("bool without clauses".to_owned()) } else { Ok(joined(&parts, " and ")) }
}

fn leaf(kind: &str, body: &Map<String, Value>) -> Result<String, String> {
    let options = ["boost", "case_insensitive", "rewrite", "_name"];
    let (path, body) = body
        .iter()
        .find(|(key, _)| !options.contains(&key.as_str()))
        .ok_or_else(|| format!("{kind} without a field"))?;
    // TOML tables nest what the JSON has dotted: `process.executable` is then two levels.
    let (path, body) = &unnested(path, body);
    let insensitive = body.get("case_insensitive").and_then(Value::as_bool) == Some(true);
    let value = ["value", "query", "wildcard"].iter().find_map(|key| body.get(key)).unwrap_or(body);
    let field = name(path)?;
    let condition = match (kind, value) {
        ("terms", Value::Array(values)) => {
            let values: Result<Vec<_>, _> = values.iter().map(literal).collect();
            format!("{field} in{} ({})", if insensitive { "~" } else { "" }, values?.join(", "))
        }
        ("wildcard", value) => {
            format!("{field} {} {}", if insensitive { ":" } else { "like" }, literal(value)?)
        }
        ("prefix", Value::String(text)) => {
            let mut start = String::new();
            push_literal(&mut start, text);
            format!("startsWith{}({field}, {start})", if insensitive { "~" } else { "" })
        }
        (_, value) => match (insensitive, value) {
            (true, Value::String(_)) => format!("{field} in~ ({})", literal(value)?),
            _ => format!("{field} == {}", literal(value)?),
        },
    };
    Ok(condition)
}

fn unnested(path: &str, body: &Value) -> (String, Value) {
    let known = ["value", "query", "wildcard", "case_insensitive", "boost", "rewrite", "type"];
    let mut path = path.to_owned();
    let mut body = body.clone();
    while let Value::Object(object) = &body {
        let Some((key, inner)) = object.iter().next() else { break };
        if object.keys().any(|key| known.contains(&key.as_str())) {
            break;
        }
        let _ = write!(path, ".{key}");
        body = inner.clone();
    }
    (path, body)
}

fn joined(parts: &[String], word: &str) -> String {
    match parts {
        [one] => one.clone(),
        many => many.iter().map(|part| format!("({part})")).collect::<Vec<_>>().join(word),
    }
}

/// A field's name, made optional: a rule must not be lost for a field that its filter knows and this
/// engine does not.
fn name(field: &str) -> Result<String, String> {
    let plain = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_' || c == '@')
            && part.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '@')
    };
    if field.is_empty() || field.contains('`') {
        return Err(format!("a field of the name {field:?}"));
    }
    let parts = field.split('.').map(|part| if plain(part) { part.to_owned() } else { format!("`{part}`") });
    Ok(format!("?{}", parts.collect::<Vec<_>>().join(".")))
}

fn literal(value: &Value) -> Result<String, String> {
    match value {
        Value::String(text) => {
            let mut out = String::new();
            push_literal(&mut out, text);
            Ok(out)
        }
        Value::Number(number) => Ok(number.to_string()),
        Value::Bool(truth) => Ok(truth.to_string()),
        other => Err(format!("the value {other}")),
    }
}

/// The condition of an item of a Kibana exception list: all of its `entries` hold.
///
/// # Errors
/// What of the item has no counterpart here.
pub(super) fn exception_item(entries: &Value) -> Result<String, String> {
    let entries = entries.as_array().filter(|list| !list.is_empty()).ok_or("an item without entries")?;
    let parts: Result<Vec<_>, _> = entries.iter().map(|entry| exception_entry("", entry)).collect();
    Ok(joined(&parts?, " and "))
}

fn exception_entry(parent: &str, entry: &Value) -> Result<String, String> {
    let text = |key: &str| entry.get(key).and_then(Value::as_str).unwrap_or_default();
    let path = format!("{parent}{}", text("field"));
    let field = name(&path)?;
    let value = entry.get("value").unwrap_or(&Value::Null);
    let condition = match text("type") {
        "match" => format!("{field} == {}", literal(value)?),
        "match_any" => {
            let values = value.as_array().ok_or("match_any without a list")?;
            let values: Result<Vec<_>, _> = values.iter().map(literal).collect();
            format!("{field} in ({})", values?.join(", "))
        }
        "wildcard" => format!("{field} like {}", literal(value)?),
        "exists" => format!("{field} != null"),
        "nested" => {
            let entries = entry.get("entries").and_then(Value::as_array).ok_or("nested without entries")?;
            let parent = format!("{path}.");
            let parts: Result<Vec<_>, _> =
                entries.iter().map(|entry| exception_entry(&parent, entry)).collect();
            return Ok(joined(&parts?, " and "));
        }
        other => return Err(format!("an entry of the type {other}")),
    };
    match text("operator") {
        "included" => Ok(condition),
        "excluded" => Ok(format!("not ({condition})")),
        other => Err(format!("an entry with the operator {other}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn told(value: &Value) -> Result<Option<String>, String> {
        filter(value)
    }

    #[test]
    fn filters_say_the_same_in_eql() {
        let one = json!({"meta": {"negate": true}, "query": {"wildcard": {"process.executable":
            {"case_insensitive": true, "value": "/opt/*"}}}});
        assert_eq!(told(&one), Ok(Some("not (?process.executable : \"/opt/*\")".into())));
        let nested =
            json!({"meta": {"negate": false}, "query": {"match_phrase": {"event": {"action": "exec"}}}});
        assert_eq!(told(&nested), Ok(Some("?event.action == \"exec\"".into())));
        let any = json!({"query": {"bool": {"minimum_should_match": 1, "should": [
            {"match_phrase": {"user.id": "0"}}, {"exists": {"field": "process.pid"}}]}}});
        assert_eq!(told(&any), Ok(Some("((?user.id == \"0\") or (?process.pid != null))".into())));
        assert_eq!(told(&json!({"meta": {"disabled": true}, "query": {"x": 1}})), Ok(None));
        assert_eq!(told(&json!({"query": {"range": {"a": 1}}})), Err("a query of the kind range".into()));
    }

    #[test]
    fn exception_items_say_the_same_in_eql() {
        let entries = json!([
            {"field": "process.name", "operator": "included", "type": "match_any", "value": ["a", "b"]},
            {"field": "user.id", "operator": "excluded", "type": "match", "value": "0"},
            {"field": "host-x.y", "operator": "included", "type": "exists"}]);
        let expected =
            "(?process.name in (\"a\", \"b\")) and (not (?user.id == \"0\")) and (?`host-x`.y != null)";
        assert_eq!(exception_item(&entries).as_deref(), Ok(expected));
        let list = json!([{"field": "a", "operator": "included", "type": "list", "list": {"id": "x"}}]);
        assert_eq!(exception_item(&list), Err("an entry of the type list".to_owned()));
    }
}
