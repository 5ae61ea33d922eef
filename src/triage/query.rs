//! The questions of a rule's guide in osquery's SQL, with the alert's values in place of `{{field}}`.

use std::fmt::Write as _;

use serde::Deserialize;

use crate::clean;
use crate::rule::{Osquery, Rule};

/// Questions that are asked.
pub(super) const MOST: usize = 32;

/// The beginning of a question within the guide's text: `!{osquery{"label":"…","query":"…"}}`.
const INLINE: &str = "!{osquery";

/// The rule's questions: those of its `[[transform.osquery]]`, which the guide calls `$osquery_0` and so on, then those that
/// stand in the guide itself.
pub(super) fn of_rule(rule: &Rule) -> Vec<Osquery> {
    let mut questions = rule.osquery.clone();
    questions.extend(inline(&rule.note));
    questions.truncate(MOST);
    questions
}

#[derive(Deserialize)]
struct Inline {
    #[serde(default)]
    label: String,
    query: String,
}

fn inline(note: &str) -> impl Iterator<Item = Osquery> + '_ {
    note.match_indices(INLINE).filter_map(|(at, _)| {
        let json = note.get(at + INLINE.len()..)?;
        let mut stream = serde_json::Deserializer::from_str(json).into_iter::<Inline>();
        let Inline { label, query } = stream.next()?.ok()?;
        Some(Osquery { label, query })
    })
}

/// A value of the alert.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Filling {
    Number(String),
    Text(String),
}

/// A question, ready to be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Filled {
    pub(super) query: String,
    /// The fields without a value, whose `{{field}}` still stands there.
    pub(super) unfilled: Vec<String>,
}

/// The fields that a query has placeholders for.
pub(super) fn fields(query: &str) -> Vec<&str> {
    let mut found: Vec<&str> = Vec::new();
    for (_, rest) in query.match_indices("{{").filter_map(|(at, _)| Some((at, query.get(at + 2..)?))) {
        if let Some(field) = rest.split_once("}}").map(|(field, _)| field.trim())
            && is_field(field)
            && !found.contains(&field)
        {
            found.push(field);
        }
    }
    found
}

fn is_field(name: &str) -> bool {
    !name.is_empty()
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-' | b'@'))
}

/// Puts the values in. A placeholder outside quotes becomes a literal; one within them is filled so that the quotes end where
/// they did. One of a field without a value stays.
pub(super) fn fill(query: &str, value: &dyn Fn(&str) -> Option<Filling>) -> Filled {
    let mut out = String::with_capacity(query.len() + 32);
    let mut unfilled: Vec<String> = Vec::new();
    let mut quote = None;
    let mut rest = query;
    while let Some(c) = rest.chars().next() {
        if let Some((field, behind)) = rest.strip_prefix("{{").and_then(|rest| rest.split_once("}}"))
            && is_field(field.trim())
        {
            match value(field.trim()) {
                Some(filling) => push(&mut out, &filling, quote),
                None => {
                    out.push_str(rest.get(..rest.len() - behind.len()).unwrap_or_default());
                    if !unfilled.iter().any(|known| known == field.trim()) {
                        unfilled.push(field.trim().to_owned());
                    }
                }
            }
            rest = behind;
            continue;
        }
        // A doubled quote ends and begins again: the same.
        match (quote, c) {
            (None, '\'' | '"') => quote = Some(c),
            (Some(open), c) if open == c => quote = None,
            _ => {}
        }
        out.push(c);
        rest = rest.get(c.len_utf8()..).unwrap_or_default();
    }
    Filled { query: one_line(&out), unfilled }
}

/// As it is typed: in one line, but where a comment (`--`) ends with its line. No value holds a line end, since such a one is
/// written as bytes.
fn one_line(text: &str) -> String {
    if text.contains("--") {
        return text.trim().to_owned();
    }
    text.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ")
}

fn push(out: &mut String, filling: &Filling, quote: Option<char>) {
    let text = match filling {
        Filling::Number(number) | Filling::Text(number) if quote.is_none() && is_number(filling) => {
            out.push_str(number);
            return;
        }
        Filling::Number(text) | Filling::Text(text) => text,
    };
    // What would not be seen, or would be shown otherwise than it is typed, is written as its bytes.
    let plain = clean::text(text.as_bytes()) == *text;
    match (quote, plain) {
        (None, true) => {
            let _ = write!(out, "'{}'", text.replace('\'', "''"));
        }
        (None, false) => push_bytes(out, text),
        (Some('\''), true) => out.push_str(&text.replace('\'', "''")),
        (Some('\''), false) => {
            out.push_str("' || ");
            push_bytes(out, text);
            out.push_str(" || '");
        }
        (Some(_), true) => out.push_str(&text.replace('"', "\"\"")),
        // Within a name there is no other way to write it: such a name is of nothing.
        (Some(_), false) => out.push_str(&clean::text(text.as_bytes()).replace('"', "\"\"")),
    }
}

fn is_number(filling: &Filling) -> bool {
    let Filling::Number(text) = filling else { return false };
    let digits = text.strip_prefix('-').unwrap_or(text);
    !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit())
}

fn push_bytes(out: &mut String, text: &str) {
    out.push_str("CAST(X'");
    for byte in text.bytes() {
        let _ = write!(out, "{byte:02x}");
    }
    out.push_str("' AS TEXT)");
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rusqlite::Connection;

    use super::*;

    fn filled(query: &str, value: &str) -> String {
        let value = value.to_owned();
        fill(query, &|field| (field == "user.name").then(|| Filling::Text(value.clone()))).query
    }

    #[test]
    fn values_are_quoted_as_sql_wants_it() {
        let query = "SELECT * FROM users WHERE username = {{user.name}}";
        assert_eq!(filled(query, "bob"), "SELECT * FROM users WHERE username = 'bob'");
        assert_eq!(filled(query, "o'bob"), "SELECT * FROM users WHERE username = 'o''bob'");
        assert_eq!(
            filled(query, "x' OR 1=1 --\n"),
            "SELECT * FROM users WHERE username = CAST(X'7827204f5220313d31202d2d0a' AS TEXT)"
        );
        assert_eq!(filled("a LIKE '%{{ user.name }}%'", "o'b"), "a LIKE '%o''b%'");
        assert_eq!(filled("a = '{{user.name}}'", "\0"), "a = '' || CAST(X'00' AS TEXT) || ''");
        assert_eq!(filled("SELECT 1\n  WHERE a = {{user.name}}\n", "b"), "SELECT 1 WHERE a = 'b'");
    }

    #[test]
    fn numbers_stand_bare_and_what_has_no_value_stays() {
        let value = |field: &str| match field {
            "process.pid" => Some(Filling::Number("7".to_owned())),
            _ => None,
        };
        let filled = fill("SELECT {{process.pid}}, {{group.name}}, {{group.name}}, '{{}}'", &value);
        assert_eq!(filled.query, "SELECT 7, {{group.name}}, {{group.name}}, '{{}}'");
        assert_eq!(filled.unfilled, ["group.name"]);
        assert_eq!(fields("{{ a.b }} {{c}} {{a.b}} {{ }} {{x y}}"), ["a.b", "c"]);
    }

    #[test]
    fn questions_stand_in_the_guide_too() {
        let note = "Look: !{osquery{\"label\":\"Who?\",\"query\":\"SELECT * FROM users\",\"ecs_mapping\":{}}} \
                    and !{osquery{\"label\": broken}} or !{osquery}";
        let found: Vec<_> = inline(note).collect();
        assert_eq!(found, [Osquery { label: "Who?".to_owned(), query: "SELECT * FROM users".to_owned() }]);
    }

    proptest! {
        /// Whatever a name holds, SQLite reads exactly that, and nothing behind it.
        #[test]
        fn any_value_is_one_literal(value in any::<String>()) {
            let connection = Connection::open_in_memory().expect("memory");
            for query in ["SELECT {{user.name}}, 5", "SELECT '{{user.name}}', 5"] {
                let query = filled(query, &value);
                let read = connection.query_row(&query, [], |row| Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?)));
                prop_assert_eq!(read.expect("one row"), (value.clone(), 5), "{}", query);
                prop_assert_eq!(clean::text(query.as_bytes()), query.clone());
            }
        }
    }
}
